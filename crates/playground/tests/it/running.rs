//! A playground for one test: ports and a temporary directory of its own, and the terminal of a newcomer beside it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for anything that works, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where the usual port could be somebody else's.
pub(crate) const FREE_PORTS: [[&str; 2]; 7] = [
    ["--port", "0"],
    ["--admin-port", "0"],
    ["--efd-token-port", "0"],
    ["--efd-token-admin-port", "0"],
    ["--instance-proxy-port", "0"],
    ["--instance-proxy-admin-port", "0"],
    ["--page-port", "0"],
];

/// Stopped when the test ends, however it ends.
pub(crate) struct Running {
    child: Child,
    /// What it prints.
    lines: Receiver<String>,
    pub(crate) banner: String,
    /// From the start of the process to the last line of the banner.
    pub(crate) ready_after: Duration,
    temporary: PathBuf,
    directory: TempDir,
}

/// How a playground ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Since the banner, on either stream.
    pub(crate) said: String,
    /// In the temporary directory.
    pub(crate) left: Vec<PathBuf>,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::start_with("tmp", &[])
    }

    /// With its services in the clear, and over https.
    pub(crate) fn both() -> [Self; 2] {
        [Self::start(), Self::start_with("tmp", &["--tls"])]
    }

    /// With a temporary directory of that name.
    pub(crate) fn start_with(name: &str, arguments: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let temporary = directory.path().join(name);
        fs::create_dir(&temporary).unwrap();
        let started = Instant::now();
        let mut child = playground(&[FREE_PORTS.as_flattened(), arguments].concat())
            .env("TMPDIR", &temporary)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines(BufReader::new(child.stdout.take().unwrap()));
        let mut running = Self {
            child,
            lines,
            banner: String::new(),
            ready_after: Duration::ZERO,
            temporary,
            directory,
        };
        while !running.banner.contains("Ctrl-C") {
            running.banner += &running.lines.recv_timeout(PATIENCE).unwrap();
        }
        running.ready_after = started.elapsed();
        running
    }

    /// The address that the banner gives for `name`.
    pub(crate) fn url(&self, name: &str) -> &str {
        let mut lines = self.banner.lines();
        let line = lines.find(|line| line.starts_with(&format!("  {name} "))).unwrap();
        let mut words = line.split_whitespace();
        words.find(|word| word.starts_with("http")).unwrap()
    }

    /// What the banner prints below `title`.
    pub(crate) fn block(&self, title: &str) -> &str {
        let (_, rest) = self.banner.split_once(&format!("\n\n{title}")).unwrap();
        rest.split("\n\n").nth(1).unwrap()
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        let [directory] = entries(&self.temporary).try_into().unwrap();
        directory.join("token")
    }

    /// What the banner says of whom to trust.
    pub(crate) fn authority(&self) -> Option<&str> {
        let title = "The authority";
        self.banner.contains(title).then(|| self.block(title))
    }

    /// Options with which curl trusts it.
    fn trust(&self) -> Vec<&str> {
        self.authority().map_or_else(Vec::new, |file| vec!["--cacert", file])
    }

    /// Where the newcomer is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A program in the newcomer's terminal.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        // This machine is reached directly, whatever its own settings say.
        command
            .args(arguments)
            .env("no_proxy", "*")
            .current_dir(self.directory());
        command
    }

    pub(crate) fn sh(&self, script: &str) -> Output {
        self.command("sh", &["-c", script]).output().unwrap()
    }

    /// The body that `url` answers with, whatever the status.
    pub(crate) fn get(&self, url: &str) -> String {
        let arguments = [&["-sS", url], &*self.trust()].concat();
        text(&self.command("curl", &arguments).output().unwrap())
    }

    /// What a browser shows that is led to `url`.
    pub(crate) fn visit(&self, url: &str) -> String {
        let arguments = [&["-sSL", "--fail-with-body", "-b", "", url], &*self.trust()].concat();
        text(&self.command("curl", &arguments).output().unwrap())
    }

    /// The status that `url` answers with.
    pub(crate) fn status(&self, url: &str) -> String {
        let arguments = [&["-sS", "-o", "/dev/null", "-w", "%{http_code}", url], &*self.trust()].concat();
        text(&self.command("curl", &arguments).output().unwrap())
    }

    pub(crate) fn stop_with(&mut self, signal: &str) -> Ended {
        self.send(signal);
        let code = exit_status(&mut self.child).expect("it does not end").code();
        let mut said: String = self.lines.iter().collect();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        let left = entries(&self.temporary);
        Ended { code, said, left }
    }

    fn send(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

/// Asked politely first.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.send("TERM");
            if exit_status(&mut self.child).is_none() {
                let _ = self.child.kill();
            }
        }
    }
}

fn playground(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command.args(arguments);
    command
}

/// What a playground says that cannot start.
pub(crate) fn failed_start(arguments: &[&str], temporary: &Path) -> Output {
    let mut child = playground(arguments)
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if exit_status(&mut child).is_none() {
        child.kill().unwrap();
        panic!("it has started with {arguments:?}");
    }
    child.wait_with_output().unwrap()
}

/// `None` if it does not end.
fn exit_status(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(2));
    }
    None
}

/// The standard output of a program that has succeeded.
#[track_caller]
pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Lines with their ends, as they come.
fn lines(mut from: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        while matches!(from.read_line(&mut line), Ok(1..)) && sender.send(std::mem::take(&mut line)).is_ok() {}
    });
    receiver
}
