//! What the terminal shows, copied and run.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::running::{Running, text};

/// The second is no name that anybody would give, but a directory may have it.
const TEMPORARIES: [&str; 2] = ["tmp", "ada's \"own\" $files"];

/// One for each, in the clear and over https.
fn playgrounds() -> Vec<Running> {
    let start = |temporary| [&[][..], &["--tls"]].map(|arguments| Running::start_with(temporary, arguments));
    TEMPORARIES.into_iter().flat_map(start).collect()
}

/// curl's own: a WebSocket would stay open.
const TIME_IS_UP: i32 = 28;

fn python(playground: &Running, arguments: &[&str], code: &str) -> Output {
    let mut python = playground
        .command("python3", arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    python.wait_with_output().unwrap()
}

#[test]
fn the_curl_line_returns_an_issue() {
    for playground in playgrounds() {
        let line = playground.block("An issue");
        assert_eq!(line.lines().count(), 1);
        for shell in ["bash", "sh"] {
            let answer = text(&playground.command(shell, &["-c", line]).output().unwrap());
            assert!(
                answer.ends_with("}\n"),
                "the prompt comes on a line of its own: {answer}"
            );
            let issue: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(issue["key"], "DM-42");
            assert!(issue["fields"]["summary"].is_string() && issue["fields"]["status"]["name"].is_string());
        }
    }
}

#[test]
fn the_python_snippet_prints_issues() {
    for playground in playgrounds() {
        let snippet = playground.block("A search");
        assert!(snippet.lines().count() <= 6, "{snippet}");
        // As a script, and line by line into the interpreter, where an empty line ends a loop.
        for arguments in [&["-"][..], &["-E", "-i", "-q", "-"]] {
            let output = python(&playground, arguments, &format!("{snippet}\n\n"));
            let printed = text(&output);
            assert_eq!(printed.lines().count(), 5, "{printed}");
            assert!(printed.lines().all(|line| line.starts_with("OBS-")), "{printed}");
        }
    }
}

#[test]
fn the_curl_line_of_the_efd_returns_a_day_of_temperatures() {
    for playground in playgrounds() {
        let line = playground.block("Temperatures");
        assert_eq!(line.lines().count(), 1);
        for shell in ["bash", "sh"] {
            let answer = text(&playground.command(shell, &["-c", line]).output().unwrap());
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let hours = answer["results"][0]["series"][0]["values"].as_array().unwrap();
            assert!((24..=25).contains(&hours.len()), "{answer}");
            assert!(hours.iter().all(|hour| hour[1].is_f64()), "{answer}");
        }
    }
}

#[test]
fn the_python_snippet_of_the_efd_draws_a_curve_with_a_lease() {
    for playground in playgrounds() {
        let snippet = playground.block("A lease");
        for arguments in [&["-"][..], &["-E", "-i", "-q", "-"]] {
            let output = python(&playground, arguments, &format!("{snippet}\n\n"));
            let printed = text(&output);
            assert!((24..=25).contains(&printed.lines().count()), "{printed}");
            assert!(
                printed
                    .lines()
                    .all(|line| line.contains(":00:00Z ") && line.ends_with('*')),
                "{printed}"
            );
        }
        let seen: Value =
            serde_json::from_str(&playground.get(&format!("{}demo/seen", playground.url("demo EFD")))).unwrap();
        let entries = seen["last"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert!(
            entries
                .iter()
                .all(|entry| entry["authorization"] == "Basic of efdreader"),
            "{seen}"
        );
    }
}

#[test]
fn the_curl_lines_of_the_instance_are_answered_as_they_say() {
    for playground in playgrounds() {
        let reached = text(&playground.sh(playground.block("The instance of ada, with curl")));
        assert!(reached.starts_with("GET /headers\n"), "{reached}");
        assert!(reached.contains("\nx-forwarded-prefix: /instance/42\n"), "{reached}");
        assert!(
            !reached.contains("eyJ") && !reached.contains("authorization"),
            "{reached}"
        );
        let refused = playground.block("Refused").lines();
        for (line, expected) in refused.zip([("404", "not_found"), ("403", "insufficient_scope")]) {
            let answer = text(&playground.sh(&line.replacen("-i", "-sSi", 1)));
            assert!(answer.starts_with(&format!("HTTP/1.1 {} ", expected.0)), "{answer}");
            assert!(answer.contains(&format!("/-/problems/{}", expected.1)), "{answer}");
        }
        let handshake = playground.sh(playground.block("A WebSocket"));
        assert_eq!(handshake.status.code(), Some(TIME_IS_UP));
        assert!(handshake.stdout.starts_with(b"HTTP/1.1 101 ") && handshake.stderr.is_empty());
    }
}

#[test]
fn the_snippet_for_efd_client_is_there_where_it_could_work() {
    for (playground, is_there) in Running::both().iter().zip([false, true]) {
        assert_eq!(playground.banner.contains("With EfdClient"), is_there);
    }
}

#[test]
fn the_token_works_when_it_is_copied() {
    let playground = Running::start();
    let (token, url) = (playground.block("A token"), playground.url("jira-proxy"));
    let me = playground.sh(&format!("curl -sS -H 'Authorization: Bearer {token}' {url}-/me"));
    let me: Value = serde_json::from_str(&text(&me)).unwrap();
    assert_eq!(me["user"], "ada");
}
