//! The playground as a program: started, looked at, stopped.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A running playground on ports of its own; stopped when the test ends, however it ends.
struct Running {
    child: Child,
    banner: String,
}

impl Running {
    fn start() -> Self {
        let mut child = playground(&["--port", "0", "--admin-port", "0", "--page-port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            banner += &lines.next().expect("the banner is printed whole").unwrap();
            banner.push('\n');
        }
        Self { child, banner }
    }

    /// The address that the banner gives for `name`.
    fn url(&self, name: &str) -> &str {
        let line = self
            .banner
            .lines()
            .find(|line| line.trim_start().starts_with(name))
            .unwrap();
        line.split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap()
    }

    fn token_file(&self) -> PathBuf {
        let (_, rest) = self.banner.split_once("$(cat ").unwrap();
        rest.split_once(')').unwrap().0.into()
    }

    fn stop_with(&mut self, signal: &str) -> Option<i32> {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

/// Asked politely, so that it takes its temporary directory along.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.stop_with("TERM");
        }
    }
}

fn playground(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command.args(arguments);
    command
}

fn refused(arguments: &[&str]) -> Output {
    playground(arguments).output().unwrap()
}

fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    for host in ["0.0.0.0", "::", "192.0.2.1", "example.org"] {
        let output = refused(&["--host", host]);
        assert_eq!(output.status.code(), Some(78), "{host}");
        assert!(output.stdout.is_empty());
        let problem = String::from_utf8(output.stderr).unwrap();
        assert!(
            problem.starts_with(&format!("--host {host} is not a loopback address")),
            "{problem}"
        );
    }
}

#[test]
fn what_is_printed_answers() {
    let playground = Running::start();
    let page = get(playground.url("page"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains(playground.url("jira-proxy")));
    assert!(get(playground.url("demo Jira")).starts_with("HTTP/1.1 401"));
    let discovery = get(&format!("{}.well-known/openid-configuration", playground.url("issuer")));
    assert!(
        discovery.contains(playground.url("issuer").trim_end_matches('/')),
        "{discovery}"
    );
}

#[test]
fn the_token_is_in_a_file_that_only_this_user_reads() {
    let playground = Running::start();
    let file = playground.token_file();
    let token = std::fs::read_to_string(&file).unwrap();
    assert!(playground.banner.contains(&format!("\n{token}\n")));
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
        let directory = playground.token_file().parent().unwrap().to_owned();
        assert!(directory.exists());
        assert_eq!(playground.stop_with(signal), Some(0), "{signal}");
        assert!(!directory.exists(), "{signal}");
    }
}
