//! One row: what a caller sends, and what comes of it; and the jira-proxy that is asked.

use std::cell::Cell;

use proxy_testkit::{Answer, Ended, PATIENCE, RawClient, Seen, eventually};

use crate::harness::{Harness, PREFIX};

/// The first lines of a good request, without its end: GET of what may be read.
pub(super) const GET: &str = "GET <prefix>/rest/api/2/field HTTP/1.1\r\nHost: x\r\nAuthorization: <token>\r\n";
/// Of a good request with a body of JSON, without its framing.
pub(super) const POST: &str = "POST <prefix>/rest/api/2/search HTTP/1.1\r\nHost: x\r\nAuthorization: <token>\r\nContent-Type: application/json\r\n";
/// A good request that nobody may ever see: what came before it was not what it seemed.
pub(super) const HIDDEN: &str = "GET <prefix>/rest/api/2/hidden HTTP/1.1\r\nHost: x\r\nAuthorization: <token>\r\n\r\n";
/// What Jira gets of [`GET`] and [`POST`].
pub(super) const GOT: &str = "GET /rest/api/2/field";
pub(super) const POSTED: &str = "POST /rest/api/2/search";

/// A row.
pub(super) struct Case {
    pub(super) name: &'static str,
    bytes: String,
    /// `200`; `404 not_found`: with the problem's name; `400`: a refusal of actix's own, which has no body; `200 HEAD`: to a
    /// HEAD, which has none either.
    answers: Vec<&'static str>,
    /// What is sent after these, and the answers to it.
    then: (String, Vec<&'static str>),
    /// Whether the connection serves on.
    open: bool,
    /// What Jira received whole.
    upstream: Vec<&'static str>,
    /// A request of which Jira may have received the beginning.
    broken_off: bool,
    check: fn(&Seen),
}

/// A row whose bytes are refused; what else comes of them has to be said.
pub(super) fn case(name: &'static str, bytes: impl Into<String>) -> Case {
    Case {
        name,
        bytes: bytes.into(),
        answers: Vec::new(),
        then: Default::default(),
        open: false,
        upstream: Vec::new(),
        broken_off: false,
        check: |_| (),
    }
}

impl Case {
    /// These answers come, and no other.
    pub(super) fn gets(self, answers: &[&'static str]) -> Self {
        Self {
            answers: answers.to_vec(),
            ..self
        }
    }

    /// Once these have come, more is sent, and has these.
    pub(super) fn then(self, bytes: &str, answers: &[&'static str]) -> Self {
        Self {
            then: (bytes.to_owned(), answers.to_vec()),
            ..self
        }
    }

    /// The connection serves on.
    pub(super) fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Jira receives these, whole, and nothing else.
    pub(super) fn upstream(self, requests: &[&'static str]) -> Self {
        Self {
            upstream: requests.to_vec(),
            ..self
        }
    }

    /// It is served like any other: one answer, one request.
    pub(super) fn served(self, request: &'static str) -> Self {
        self.gets(&["200"]).upstream(&[request]).open()
    }

    /// There is no answer, or one that says what is wrong: actix lets go of the request, and either it or the forwarder is
    /// first. Jira gets the beginning at most.
    pub(super) fn broken_off(self) -> Self {
        Self {
            broken_off: true,
            ..self
        }
    }

    /// And each request that Jira receives is like this.
    pub(super) fn where_(self, check: fn(&Seen)) -> Self {
        Self { check, ..self }
    }
}

/// The jira-proxy of a table.
pub(super) struct Stage {
    proxy: Harness,
    token: String,
    events: Cell<usize>,
}

impl Stage {
    pub(super) fn start() -> Self {
        let proxy = Harness::start();
        let token = proxy.token("ada");
        proxy.jira.otherwise(proxy_testkit::Script::answer(200, &[], "{}"));
        Self {
            proxy,
            token,
            events: Cell::new(0),
        }
    }

    pub(super) fn check(&self, case: &Case) -> Result<(), String> {
        self.proxy.jira.forget();
        let refused = self.refused();
        self.exchange(case)?;
        self.check_upstream(case)?;
        self.check_notes(case, refused)
    }

    fn exchange(&self, case: &Case) -> Result<(), String> {
        // Characters up to U+00FF are the bytes of that number.
        let with_token = |text: &str| -> Vec<u8> {
            let text = text.replace("<prefix>", PREFIX).replace("<token>", &self.token);
            text.chars()
                .map(|character| u8::try_from(u32::from(character)).unwrap())
                .collect()
        };
        let mut client = RawClient::connect(self.proxy.address);
        client.patience(PATIENCE);
        client.send(with_token(&case.bytes));
        for expected in &case.answers {
            read(&mut client, expected)?;
        }
        client.send(with_token(&case.then.0));
        for expected in &case.then.1 {
            read(&mut client, expected)?;
        }
        if case.open {
            client.send(with_token(&(GET.replace("field", "status") + "\r\n")));
            return read(&mut client, "200").map_err(|error| format!("{error}: it does not serve on"));
        }
        if case.broken_off {
            return broken_off(&mut client);
        }
        let (rest, ended) = client.read_to_end();
        let closed = ended != Ended::Silent && rest.is_empty();
        closed
            .then_some(())
            .ok_or_else(|| format!("{ended:?} after {:?}", String::from_utf8_lossy(&rest)))
    }

    fn check_upstream(&self, case: &Case) -> Result<(), String> {
        let mut requests = self.proxy.jira.requests();
        requests.retain(|seen| seen.complete && !seen.path().ends_with("/status"));
        let lines: Vec<_> = requests
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect();
        if lines != case.upstream {
            return Err(format!("Jira received {lines:?}"));
        }
        if !case.broken_off && self.proxy.jira.requests().iter().any(|seen| !seen.complete) {
            return Err("Jira received the beginning of a request".into());
        }
        for seen in &requests {
            let head = String::from_utf8_lossy(&seen.raw);
            let head = head.split("\r\n\r\n").next().unwrap_or_default();
            if head.replace("\r\n", "").contains(['\r', '\n']) {
                return Err(format!("a lone line end went on: {head:?}"));
            }
            (case.check)(seen);
        }
        Ok(())
    }

    /// One event for each request, that of a caller who left where it was let go of; one count for each refusal of actix's own.
    fn check_notes(&self, case: &Case, refused: u32) -> Result<(), String> {
        let bare = case.answers.iter().filter(|answer| is_bare(answer)).count();
        let let_go = usize::from(case.broken_off);
        let answers = case.answers.len() + case.then.1.len() - bare;
        let expected = (answers + usize::from(case.open) + let_go, bare);
        let before = self.events.get();
        let events = self.proxy.events(before + expected.0);
        self.events.set(events.len());
        let counted = || usize::try_from(self.refused() - refused).unwrap_or(0);
        eventually(PATIENCE, || counted() >= expected.1);
        let aborted = events[before..].iter().filter(|event| {
            let left = event["outcome"] == "aborted" && event["status"] == 499;
            left || case.broken_off && event["problem"] == "bad_request"
        });
        if (events.len() - before, counted()) == expected && aborted.count() == let_go {
            return Ok(());
        }
        Err(format!(
            "{} refusals and these events instead of {expected:?}: {:?}",
            counted(),
            &events[before..]
        ))
    }

    fn refused(&self) -> u32 {
        let metrics = self.proxy.metrics();
        let count = metrics
            .lines()
            .find_map(|line| line.strip_prefix("nbgate_connections_closed_total{reason=\"malformed\"} "));
        count.map_or(0, |count| count.parse().unwrap())
    }
}

/// Without a name of its own: told by actix, before there is a request.
fn is_bare(answer: &str) -> bool {
    answer.len() == 3 && answer.starts_with('4')
}

/// Reads one answer, which has to be this.
fn read(client: &mut RawClient, expected: &str) -> Result<(), String> {
    client.next_answers_head(expected.ends_with(" HEAD"));
    let answer = client.try_read_response();
    let answer = answer.map_err(|error| format!("{error:?} instead of {expected}"))?;
    let told = told(&answer);
    let as_said = told == expected || expected.strip_suffix(" HEAD") == Some(&told);
    if as_said && answer.complete {
        Ok(())
    } else {
        Err(format!("{told} instead of {expected}"))
    }
}

/// The connection ends, after one answer at most, which is no success.
fn broken_off(client: &mut RawClient) -> Result<(), String> {
    match client.try_read_response() {
        Err((Ended::Silent, _)) => Err("it is left open".into()),
        Err(_) => Ok(()),
        Ok(answer) if told(&answer) != "400 bad_request" => Err(format!("{} instead of 400", told(&answer))),
        Ok(_) => match client.read_to_end() {
            (rest, ended) if ended != Ended::Silent && rest.is_empty() => Ok(()),
            (_, ended) => Err(format!("{ended:?} after 400")),
        },
    }
}

fn told(answer: &Answer) -> String {
    let problem = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    let kind = problem
        .as_ref()
        .and_then(|problem| problem["type"].as_str()?.rsplit('/').next());
    match kind {
        Some(kind) => format!("{} {kind}", answer.status),
        None => answer.status.to_string(),
    }
}
