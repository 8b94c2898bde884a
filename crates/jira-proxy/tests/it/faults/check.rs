//! The check of a row: who sees what.

use proxy_testkit::{Ended, PATIENCE, RawClient, Script, eventually};
use serde_json::Value;

use super::{
    row::{Ask, Fault, Sees, Then},
    stage::{Got, Stage},
};
use crate::harness;

/// What bob, who asks next, has to get.
const BOBS: &str = "bob's own, and whole";

impl Stage {
    /// Lets ada meet the fault, bob come after her, and looks at what is left of both.
    pub(super) fn check(&self, fault: &Fault) {
        let name = fault.name;
        let path = format!("/{name}/rest/api/2/{}", fault.ask.resource());
        for script in &fault.attempts {
            self.jira.answer_next(&path, script.clone());
        }
        let bobs_path = format!("/{name}/rest/api/2/status");
        self.jira.answer(&bobs_path, Script::answer(200, &[], BOBS));

        let got = self.ask(fault);
        fault.check_caller(&got);
        let adas = self.seen(&path);
        assert_eq!(adas.len(), fault.attempts.len(), "{name}: attempts upstream");
        let connection = adas.last().map(|seen| seen.connection);
        if let (Then::NewConnectionOnceClosed, Some(connection)) = (fault.then, connection) {
            eventually(PATIENCE, || !self.jira.is_open(connection));
        }
        self.check_next(fault, connection, &bobs_path);
        self.check_events(fault);
        self.check_log(fault);
        self.check_counters(fault);
    }

    /// Bob, twice: right after ada, and on what is there then.
    fn check_next(&self, fault: &Fault, connection: Option<usize>, path: &str) {
        let name = fault.name;
        for turn in ["bob", "bob-again"] {
            let answer = RawClient::get(
                self.address,
                path,
                &[
                    ("Authorization", &self.tokens[1]),
                    ("X-Request-Id", &format!("{name}-{turn}")),
                ],
            );
            assert!(
                !String::from_utf8_lossy(&answer.raw).contains("ada'"),
                "{name}: {turn} got ada's"
            );
            match (fault.then, fault.sees) {
                (Then::Nowhere, Sees::Problem(status, problem)) => {
                    answer.assert_problem(status, problem);
                }
                _ => assert_eq!(
                    (answer.status, answer.text().as_str(), answer.complete),
                    (200, BOBS, true),
                    "{name}: {turn}"
                ),
            }
        }
        let bobs: Vec<_> = self.seen(path).iter().map(|seen| Some(seen.connection)).collect();
        match fault.then {
            Then::SameConnection => assert_eq!(bobs.first(), Some(&connection), "{name}"),
            Then::NewConnection | Then::NewConnectionOnceClosed => {
                assert!(
                    bobs.iter().all(|bobs| *bobs != connection),
                    "{name}: ada's connection was bob's"
                );
                eventually(PATIENCE, || {
                    connection.is_none_or(|connection| !self.jira.is_open(connection))
                });
            }
            Then::Nowhere => assert!(bobs.is_empty(), "{name}"),
        }
    }

    fn event(&self, id: &str) -> Value {
        let text = format!("\"request_id\":\"{id}\"");
        let mut found = Vec::new();
        eventually(PATIENCE, || {
            found = self.audit.lines();
            found.retain(|line| line.contains(&text));
            !found.is_empty()
        });
        assert_eq!(found.len(), 1, "{found:?}");
        serde_json::from_str(&found[0]).unwrap()
    }

    fn check_events(&self, fault: &Fault) {
        let name = fault.name;
        let event = self.event(&format!("{name}-ada"));
        let (status, problem, outcome) = match fault.sees {
            Sees::Problem(status, problem) => (status, Some(problem), "completed"),
            Sees::Whole(status, _) => (status, None, "completed"),
            Sees::Cut(_) => (200, None, "aborted"),
        };
        let has = |key: &str| event.get(key).cloned();
        assert_eq!(has("user"), Some("ada".into()), "{name}: {event}");
        assert_eq!(has("status"), Some(status.into()), "{name}: {event}");
        assert_eq!(has("problem"), problem.map(Into::into), "{name}: {event}");
        assert_eq!(has("outcome"), Some(outcome.into()), "{name}: {event}");
        assert_eq!(
            has("upstream_status"),
            fault.upstream_status.map(Into::into),
            "{name}: {event}"
        );
        if fault.then != Then::Nowhere {
            let next = self.event(&format!("{name}-bob"));
            assert_eq!(
                (&next["status"], &next["outcome"]),
                (&200.into(), &"completed".into()),
                "{next}"
            );
        }
    }

    /// One line of a failure, with the request's id; none of an answer that is whole.
    fn check_log(&self, fault: &Fault) {
        let text = format!("\"request_id\":\"{}-ada\"", fault.name);
        let loud = || {
            let mut lines = harness::log().lines();
            lines.retain(|line| {
                line.contains(&text) && !line.contains("\"level\":\"TRACE\"") && !line.contains("\"level\":\"DEBUG\"")
            });
            lines
        };
        let expected = match fault.sees {
            Sees::Problem(_, problem) => Some(("request failed", problem)),
            Sees::Cut(_) => Some(("the upstream's body was cut short", fault.name)),
            Sees::Whole(..) => None,
        };
        if let Some((message, detail)) = expected {
            eventually(PATIENCE, || !loud().is_empty());
            let lines = loud();
            assert_eq!(lines.len(), 1, "{}: {lines:?}", fault.name);
            assert!(
                lines[0].contains(message) && lines[0].contains(detail),
                "{}: {lines:?}",
                fault.name
            );
            assert!(lines[0].contains("\"level\":\"WARN\""), "{lines:?}");
        } else {
            assert_eq!(loud(), [""; 0], "{}", fault.name);
        }
    }

    fn check_counters(&self, fault: &Fault) {
        let name = fault.name;
        let metrics = || RawClient::get(self.admin, "/metrics", &[]).text();
        let tenant = format!("service=\"jira-proxy\",tenant=\"{name}\"");
        let (status, cut) = match fault.sees {
            Sees::Problem(status, _) | Sees::Whole(status, _) => (status, 0),
            Sees::Cut(_) => (200, 1),
        };
        let rule = self.event(&format!("{name}-ada"))["rule"].as_str().unwrap().to_owned();
        let count = |method: &str, rule: &str, status: u16, count: u32| {
            format!(
                "nbgate_requests_total{{method=\"{method}\",route=\"{rule}\",service=\"jira-proxy\",status=\"{status}\",tenant=\"{name}\"}} {count}\n"
            )
        };
        let same = fault.ask == Ask::Get && (fault.then == Then::Nowhere || status == 200);
        let mut expected = vec![
            count(fault.ask.method(), &rule, status, if same { 3 } else { 1 }),
            format!("nbgate_cut_answers_total{{{tenant}}} {cut}\n"),
            format!("nbgate_in_flight{{{tenant}}} 0\n"),
        ];
        if !same {
            expected.push(count("GET", "read", 200, 2));
        }
        eventually(PATIENCE, || {
            let metrics = metrics();
            expected.iter().all(|line| metrics.contains(line.as_str()))
        });
    }
}

impl Fault {
    fn check_caller(&self, got: &Got) {
        let (name, body) = (self.name, String::from_utf8_lossy(&got.body));
        match self.sees {
            Sees::Problem(status, problem) => {
                assert_eq!((got.status, got.complete), (Some(status), true), "{name}: {body}");
                assert!(body.contains(&format!("/-/problems/{problem}\"")), "{name}: {body}");
                assert!(!body.contains("ada'"), "{name}: {body}");
            }
            Sees::Whole(status, whole) => {
                assert_eq!((got.status, got.complete), (Some(status), true), "{name}: {body}");
                assert_eq!(body, whole, "{name}");
            }
            Sees::Cut(whole) => {
                assert!(
                    !got.complete && whole.starts_with(&*body),
                    "{name}: came as whole: {body}"
                );
                assert_eq!(got.ended, Some(Ended::Reset), "{name}");
            }
        }
    }
}
