//! Start and end: on loopback only, fast, and without a trace.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::running::{FREE_PORTS, Running, entries, failed_start};

#[test]
fn an_address_that_others_can_reach_is_refused() {
    for host in ["0.0.0.0", "::", "192.0.2.1", "example.org"] {
        let temporary = TempDir::new().unwrap();
        let output = failed_start(&["--host", host], temporary.path());
        assert_eq!(output.status.code(), Some(78), "{host}");
        assert!(output.stdout.is_empty());
        let problem = String::from_utf8(output.stderr).unwrap();
        assert!(
            problem.starts_with(&format!("--host {host} is not a loopback address")),
            "{problem}"
        );
        assert!(entries(temporary.path()).is_empty(), "{host}");
    }
}

#[test]
fn only_the_page_and_the_services_listen_beyond_loopback_and_only_if_it_is_told_to() {
    let port = |url: &str| -> u16 {
        url.split(':')
            .nth(2)
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    let closed = Running::start();
    let open = Running::start_with("tmp", &["--beyond-loopback"]);
    assert!(open.banner.contains("Others can reach") && !closed.banner.contains("Others can"));
    // Another address of this machine's loopback: who listens on 127.0.0.1 alone is not there.
    let reached = |playground: &Running, name| TcpStream::connect(("127.0.0.2", port(playground.url(name)))).is_ok();
    for name in ["page", "jira-proxy", "efd-token", "instance-proxy"] {
        assert!(reached(&open, name) && !reached(&closed, name), "{name}");
    }
    for name in ["metrics", "EFD metrics", "demo Jira", "demo EFD", "issuer"] {
        assert!(!reached(&open, name), "{name}");
    }
    assert!(open.get(open.url("jira-proxy")).contains("no credential was sent"));
}

#[test]
fn a_port_that_is_asked_for_and_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let others = ["--jira-port", "--efd-port", "--instance-port", "--issuer-port"];
    for option in FREE_PORTS.into_iter().map(|[option, _]| option).chain(others) {
        let temporary = TempDir::new().unwrap();
        let port = address.port().to_string();
        let others = FREE_PORTS.into_iter().filter(|[name, _]| *name != option);
        let arguments: Vec<&str> = others.chain([[option, &port]]).flatten().collect();
        let output = failed_start(&arguments, temporary.path());
        assert_eq!(output.status.code(), Some(1), "{option}");
        assert!(output.stdout.is_empty(), "{option}");
        let problem = String::from_utf8(output.stderr).unwrap();
        assert!(
            problem.starts_with(&format!("cannot listen on {address}: ")),
            "{problem}"
        );
        assert_eq!(problem.lines().count(), 1, "{problem}");
        assert!(entries(temporary.path()).is_empty(), "{option}");
    }
}

#[test]
fn it_is_ready_in_under_a_second() {
    // The best of some: other tests run at the same time.
    let starts: Vec<Running> = (0..3).map(|_| Running::start()).collect();
    let fastest = starts.iter().map(|playground| playground.ready_after).min().unwrap();
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    for playground in starts {
        let (_, rest) = playground.banner.split_once("ready in ").unwrap();
        let (seconds, _) = rest.split_once(" s\n").unwrap();
        let seconds: f64 = seconds.parse().unwrap();
        assert!(
            (0.0..=playground.ready_after.as_secs_f64() + 0.01).contains(&seconds),
            "{seconds}"
        );
    }
}

#[test]
fn what_is_printed_answers() {
    let playground = Running::start();
    let get = |name| playground.get(playground.url(name));
    assert!(get("page").contains(playground.url("jira-proxy")));
    // All want a token.
    assert!(get("jira-proxy").contains("no credential was sent"));
    assert!(get("efd-token").contains("no credential was sent"));
    assert!(get("instance-proxy").contains("no credential was sent"));
    assert!(get("demo instance").contains("Demo instance"));
    assert!(get("demo Jira").contains("Login Required"));
    assert!(get("demo EFD").contains("404 page not found"));
    for (name, service) in [
        ("metrics", "jira-proxy"),
        ("EFD metrics", "efd-token"),
        ("instance metrics", "instance-proxy"),
    ] {
        assert!(
            get(name).contains(&format!("nbgate_build_info{{service=\"{service}\"")),
            "{name}"
        );
    }
    let issuer = playground.url("issuer");
    let discovery = playground.get(&format!("{issuer}.well-known/openid-configuration"));
    assert!(discovery.contains(issuer.trim_end_matches('/')), "{discovery}");
}

#[test]
fn the_token_is_in_a_file_that_only_this_user_reads() {
    let playground = Running::start();
    let file = playground.token_file();
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(playground.block("A token"), token);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let directory = file.parent().unwrap();
    assert_eq!(
        (mode(directory), mode(&file), mode(&directory.join("password"))),
        (0o700, 0o600, 0o600)
    );
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing_behind() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut playground = Running::start();
        assert!(playground.token_file().exists());
        let ended = playground.stop_with(signal);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""), "{signal}");
        assert!(ended.left.is_empty(), "{signal}: {:?}", ended.left);
    }
}

#[test]
fn ctrl_c_waits_for_no_download() {
    let mut playground = Running::start();
    let slow = format!("{}rest/api/2/demo/slow", playground.url("jira-proxy"));
    let token = format!("Authorization: Bearer {}", playground.block("A token"));
    let mut curl = playground
        .command("curl", &["-sS", "-N", "-H", &token, &slow])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0];
    std::io::Read::read_exact(curl.stdout.as_mut().unwrap(), &mut first).unwrap();
    let ended = playground.stop_with("INT");
    assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
    assert!(ended.left.is_empty());
    assert!(!curl.wait().unwrap().success(), "half an answer looked whole");
}
