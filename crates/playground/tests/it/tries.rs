//! The things to try, done in the order of the page, with the answers that it promises.

mod instance;

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::page::{Page, Try};
use crate::running::{Running, text};

/// curl's own: less came than was promised, or the connection was reset.
const CUT: [i32; 2] = [18, 56];
/// curl's own: a WebSocket would stay open.
const TIME_IS_UP: [i32; 1] = [28];

/// A newcomer who does what the page says.
struct Newcomer {
    playground: Running,
    page: Page,
}

/// What `curl -i` prints.
struct Answer {
    head: String,
    body: String,
}

impl Newcomer {
    fn start() -> Self {
        Self::at(Running::start())
    }

    fn at(playground: Running) -> Self {
        let page = Page::of(&playground);
        Self { playground, page }
    }

    /// In a terminal where the preparation was done.
    fn run(&self, command: &str) -> Output {
        self.playground.sh(&self.prepared(command))
    }

    fn prepared(&self, command: &str) -> String {
        format!("{}\n{command}", self.page.preparation())
    }

    fn command(&self, title: &str) -> String {
        let found = self.page.tries().into_iter().find(|entry| entry.title == title);
        found.unwrap_or_else(|| panic!("the page has no {title}")).command
    }

    fn answer(&self, title: &str) -> Answer {
        let printed = text(&self.run(&self.command(title)));
        let (head, body) = printed.split_once("\r\n\r\n").unwrap();
        Answer {
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn json(&self, title: &str) -> Value {
        self.answer(title).json()
    }

    /// When each line came that has `wanted` in it; there are ten.
    fn moments(&self, title: &str, wanted: &str) -> Vec<Instant> {
        let command = self.prepared(&self.command(title));
        let mut curl = self
            .playground
            .command("sh", &["-c", &command])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(curl.stdout.take().unwrap()).lines().map(Result::unwrap);
        let pieces = lines.filter(|line| line.contains(wanted));
        let came: Vec<Instant> = pieces.map(|_| Instant::now()).collect();
        assert!(curl.wait().unwrap().success());
        assert_eq!(came.len(), 10);
        came
    }

    fn seen_by(&self, upstream: &str) -> Value {
        let command = self.command(&format!("What {upstream} saw"));
        serde_json::from_str(&text(&self.run(&command))).unwrap()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[test]
fn every_try_is_answered_as_the_page_says_in_the_clear_and_over_https() {
    Running::both().map(Newcomer::at).into_iter().for_each(try_everything);
}

fn try_everything(mut newcomer: Newcomer) {
    for Try { title, status, command } in newcomer.page.tries() {
        let output = newcomer.run(&format!("{command} -s -o /dev/null -w '%{{http_code}}'"));
        assert_eq!(output.stdout, status.to_string().as_bytes(), "{title}: {command}");
        let code = output.status.code().unwrap();
        let expected = match title.as_str() {
            "Broken off" => &CUT[..],
            "Open a WebSocket" => &TIME_IS_UP,
            _ => &[0],
        };
        assert!(expected.contains(&code), "{title}: {code} of {command}");
    }
    for (upstream, account, at_least) in [("Jira", "demo-bot", 6), ("the EFD", "efdreader", 2)] {
        let seen = newcomer.seen_by(upstream);
        let entries = seen["last"].as_array().unwrap();
        assert_eq!(seen["requests"], entries.len(), "nothing was seen that is not shown");
        assert!(entries.len() >= at_least, "{seen}");
        let sent = format!("Basic of {account}");
        assert!(
            entries.iter().all(|entry| entry["authorization"] == sent.as_str()),
            "{seen}"
        );
        assert_eq!(seen["writes"], 0);
    }
    let seen = newcomer.seen_by("the instance");
    // None of those that are refused.
    assert_eq!((&seen["requests"], &seen["writes"]), (&5.into(), &1.into()));
    let mut entries = seen["last"].as_array().unwrap().iter();
    assert!(entries.all(|entry| entry["authorization"] == "none"), "{seen}");
    let ended = newcomer.playground.stop_with("INT");
    assert_eq!(ended.said, "", "nothing is mixed into the banner");
}

#[test]
fn reading_gives_what_the_page_says() {
    let newcomer = Newcomer::start();
    let url = newcomer.playground.url("jira-proxy");
    let issue = newcomer.answer("Read an issue");
    assert!(
        issue.body.contains(url) && issue.body.contains("/browse/"),
        "{}",
        issue.body
    );
    assert!(
        !issue.body.contains(newcomer.playground.url("demo Jira")),
        "{}",
        issue.body
    );
    assert!(issue.json()["changelog"]["total"].as_u64() > Some(0));

    let search = newcomer.json("Page through a search");
    let keys: Vec<&str> = keys(&search);
    assert_eq!((keys.len(), keys[0], keys[49]), (50, "DM-101", "DM-150"));
    assert_eq!((&search["startAt"], &search["total"]), (&100.into(), &200.into()));

    let newer = newcomer.command("Page through the newer search");
    let first = newcomer.json("Page through the newer search");
    let next = first["nextPageToken"].as_str().unwrap();
    let newer = newer
        .replace("jql?", &format!("jql?nextPageToken={next}&"))
        .replace("-i", "-s");
    let second: Value = serde_json::from_str(&text(&newcomer.run(&newer))).unwrap();
    let both = [self::keys(&first), self::keys(&second)].concat();
    assert_eq!(both.len(), 100);
    assert_eq!(both.iter().collect::<std::collections::BTreeSet<_>>().len(), 100);
    assert_eq!(second["isLast"], true);

    text(&newcomer.run(&newcomer.command("Fetch an attachment")));
    let picture = std::fs::read(newcomer.playground.directory().join("star-field.png")).unwrap();
    assert!(
        picture == include_bytes!("../../src/demo_jira/star-field.png"),
        "the picture was changed"
    );
}

fn keys(found: &Value) -> Vec<&str> {
    let issues = found["issues"].as_array().unwrap();
    issues.iter().map(|issue| issue["key"].as_str().unwrap()).collect()
}

#[test]
fn refusals_say_what_the_page_says() {
    let newcomer = Newcomer::start();
    let me = newcomer.json("Who am I?");
    assert_eq!(
        (&me["user"], &me["groups"][0]),
        (&"ada".into(), &"/demo/astronomers".into())
    );
    assert!(me["expires"].is_string());
    let why = newcomer.json("Why would that be refused?");
    assert_eq!(
        (&why["allowed"], &why["rule"]),
        (&false.into(), &"personal-data".into())
    );

    assert!(newcomer.answer("Write").head.contains("\r\nallow: get, head\r\n"));
    let person = newcomer.json("Look up a person");
    assert!(
        person["detail"].as_str().unwrap().contains("`personal-data`"),
        "{person}"
    );
    let without = newcomer.answer("Come without a token");
    assert!(
        without.head.contains("\r\nwww-authenticate: bearer "),
        "{}",
        without.head
    );
    for title in [
        "Write",
        "Leave the published paths",
        "Look up a person",
        "Come without a token",
    ] {
        assert!(newcomer.json(title)["hint"].is_string(), "{title}");
    }
    let seen = newcomer.seen_by("Jira");
    assert_eq!(seen["requests"], 0, "nothing of this is Jira's business: {seen}");
}

#[test]
fn the_efd_is_queried_as_the_page_says() {
    let newcomer = Newcomer::start();
    assert_eq!(newcomer.json("List the keys"), json!(["demo_efd"]));
    let lease = newcomer.json("Fetch a lease");
    assert_eq!(lease["username"], "ada");
    assert!(lease["expires"].is_string() && lease["port"].is_string(), "{lease}");
    let topics = newcomer.json("Find the topics");
    assert_eq!(topics["results"][0]["series"][0]["values"].as_array().unwrap().len(), 3);
    let points = newcomer.json("Take the latest points");
    assert_eq!(points["results"][0]["series"][0]["values"].as_array().unwrap().len(), 5);
    let databases = newcomer.json("Ask which databases there are");
    assert_eq!(databases["results"][0]["series"][0]["values"], json!([["efd"]]));
    let seen = newcomer.seen_by("the EFD");
    assert_eq!(seen["requests"], 2, "the rest is answered by efd-token: {seen}");
    let text = seen.to_string();
    assert!(!text.contains("Bearer") && !text.contains("eyJ"), "{text}");
}

#[test]
fn efd_token_refuses_as_the_page_says() {
    let newcomer = Newcomer::start();
    for (title, hint) in [
        ("Write into the EFD", "SELECT INTO"),
        ("Hide it behind another statement", "DROP MEASUREMENT"),
        ("Look into another database", "efd"),
    ] {
        let problem = newcomer.json(title);
        assert!(problem["hint"].as_str().unwrap().contains(hint), "{title}: {problem}");
    }
    let missing = newcomer.answer("Ask for a key that does not exist");
    assert_eq!(missing.body.trim_end(), "No credentials for usdf_efd.");
    let seen = newcomer.seen_by("the EFD");
    assert_eq!(seen["requests"], 0, "nothing of this is the EFD's business: {seen}");
}

#[test]
fn jira_misbehaves_as_the_page_says() {
    let newcomer = Newcomer::start();
    let broken = newcomer.run(&newcomer.command("Broken off"));
    assert!(broken.stdout.ends_with(b"\r\n\r\n{\"issues\":[{\"key\":\"DM-1\","));
    let said = String::from_utf8(broken.stderr).unwrap();
    assert!(
        CUT.iter().any(|code| said.contains(&format!("curl: ({code})"))),
        "{said}"
    );
    let failed = newcomer.json("Failed");
    assert!(failed["errorMessages"][0].as_str().unwrap().contains("on purpose"));

    let came = newcomer.moments("Slow", "\"piece\":");
    // All at once at the end if anything on the way had gathered them.
    assert!(came[9] - came[0] > Duration::from_secs(1), "{:?}", came[9] - came[0]);
}

#[test]
fn behind_is_what_the_page_says() {
    let newcomer = Newcomer::start();
    newcomer.answer("Read an issue");
    let token: Value = serde_json::from_str(&text(
        &newcomer.run(&newcomer.command("Be somebody else, for a minute")),
    ))
    .unwrap();
    assert_eq!(token["expires_in"], 60);
    let token = token["access_token"].as_str().unwrap();
    let me = newcomer.command("Who am I?").replace("-i", "-s");
    let me = newcomer.run(&format!("TOKEN={token}\n{me}"));
    assert_eq!(serde_json::from_str::<Value>(&text(&me)).unwrap()["user"], "grace");

    let metrics = text(&newcomer.run(&newcomer.command("Metrics")));
    assert!(metrics.contains("nbgate_requests_total{"), "{metrics}");
    for personal in ["ada", "grace", "DM-42", "rest/"] {
        assert!(!metrics.contains(personal), "{personal} in {metrics}");
    }
    let seen = text(&newcomer.run(&newcomer.command("What Jira saw")));
    assert!(!seen.contains("Bearer") && !seen.contains("eyJ"), "{seen}");
}
