//! A jira-proxy of one test: a fake Jira behind it, a fake issuer beside it, its own ports, files and log.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use proxy_core::{
    bootstrap,
    config::{
        Environment,
        sections::{LogConfig, LogFormat},
    },
    telemetry::{Captured, Lines, start_logging},
};
use proxy_testkit::{Answer, FakeIssuer, FakeUpstream, PATIENCE, RawClient, eventually};
use tempfile::TempDir;

/// The public prefix of every test.
pub(crate) const PREFIX: &str = "/jira-data-proxy";

/// Everything that this process logs, at the finest level: tests look for what must not be there.
pub(crate) fn log() -> &'static Captured {
    static LOG: OnceLock<Captured> = OnceLock::new();
    LOG.get_or_init(|| {
        let (lines, captured) = Lines::memory();
        let config = LogConfig {
            level: "trace".into(),
            format: LogFormat::Json,
        };
        start_logging(&config, &lines).unwrap();
        captured
    })
}

/// How a test's jira-proxy differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    /// Path of Jira's base URL, `/` unless set.
    pub(crate) base_path: &'static str,
    /// Lines for `[server]`.
    pub(crate) server: &'static str,
    /// Certificate chain and key of the public listener.
    pub(crate) tls: Option<[PathBuf; 2]>,
    /// Lines for `[tenant.upstream]`.
    pub(crate) upstream: &'static str,
    /// Lines for `[tenant.policy]`.
    pub(crate) policy: &'static str,
    /// Lines for `[tenant.limits]`.
    pub(crate) limits: &'static str,
    /// Lines for `[[tenant]]` itself.
    pub(crate) tenant: &'static str,
    /// Name and prefix of a second tenant, with the same Jira and the same credential.
    pub(crate) second: &'static str,
    /// Lines for `[[identity]]`.
    pub(crate) identity: &'static str,
    /// The whole `[[identity]]` list instead of the fake issuer.
    pub(crate) identities: Option<String>,
    /// The base URL instead of the fake Jira's.
    pub(crate) url: Option<String>,
}

pub(crate) struct Harness {
    pub(crate) jira: FakeUpstream,
    pub(crate) issuer: FakeIssuer,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) password: String,
    audit: Captured,
    files: TempDir,
    stop: Option<tokio::sync::oneshot::Sender<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Harness {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        log();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (jira, issuer) = (FakeUpstream::start(), FakeIssuer::start());
        let files = TempDir::new().unwrap();
        let password = format!("canary-{}-{number}-pa55+w/rd", std::process::id());
        fs::write(files.path().join("password"), &password).unwrap();
        let own_issuer = setup.identities.is_none();
        let toml = toml(&setup, &jira, &issuer, &files.path().join("password"));
        let (audit_lines, audit) = Lines::memory();
        let (address, admin, stop, thread) = run(toml, audit_lines);
        let harness = Self {
            jira,
            issuer,
            address,
            admin,
            password,
            audit,
            files,
            stop: Some(stop),
            thread: Some(thread),
        };
        if own_issuer {
            eventually(PATIENCE, || harness.ready());
        }
        harness
    }

    fn ready(&self) -> bool {
        RawClient::get(self.admin, "/readyz", &[]).status == 200
    }

    /// A good token of `user`.
    pub(crate) fn token(&self, user: &str) -> String {
        format!("Bearer {}", self.issuer.token(user).sign())
    }

    /// GET below the prefix as ada.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let token = self.token("ada");
        let headers: Vec<_> = headers
            .iter()
            .copied()
            .chain([("Authorization", token.as_str())])
            .collect();
        RawClient::request(self.address, method, &format!("{PREFIX}/{path}"), &headers, body)
    }

    /// Without any credential.
    pub(crate) fn anonymous(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        RawClient::get(self.address, &format!("{PREFIX}/{path}"), headers)
    }

    pub(crate) fn metrics(&self) -> String {
        RawClient::get(self.admin, "/metrics", &[]).text()
    }

    /// The audit events so far; waits until there are `count`.
    pub(crate) fn events(&self, count: usize) -> Vec<serde_json::Value> {
        eventually(PATIENCE, || self.audit.lines().len() >= count);
        self.audit
            .lines()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn audit_text(&self) -> String {
        self.audit.lines().join("\n")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.files.path().join("password")
    }

    /// What the Basic header of the account is.
    pub(crate) fn basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(format!("bot:{}", self.password)))
    }

    /// Begins to drain, as SIGTERM does.
    pub(crate) fn drain(&mut self, grace: Duration) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(grace);
        }
    }

    /// Waits until the service has ended.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // The thread ends by itself; a failing test need not wait for it.
        self.stop.take();
    }
}

fn toml(setup: &Setup, jira: &FakeUpstream, issuer: &FakeIssuer, password: &std::path::Path) -> String {
    let Setup {
        server,
        upstream,
        policy,
        limits,
        tenant,
        second,
        identity,
        ..
    } = setup;
    let url = setup
        .url
        .clone()
        .unwrap_or_else(|| format!("{}{}", jira.url(), setup.base_path));
    let identities = setup.identities.clone().unwrap_or_else(|| {
        format!("[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\n{identity}\n", issuer.url())
    });
    let password = password.display();
    let second = if second.is_empty() {
        String::new()
    } else {
        format!(
            "[[tenant]]\nname = \"{second}\"\nprefix = \"/{second}\"\nupstream = {{ url = \"{url}\", rewrite_links = false }}\ncredential = {{ kind = \"basic\", username = \"bot\", password_file = \"{password}\" }}\n"
        )
    };
    let tls = setup.tls.as_ref().map_or_else(String::new, |[certificate, key]| {
        format!("tls_certificate_file = {certificate:?}\ntls_key_file = {key:?}")
    });
    let workers = if server.contains("workers") { "" } else { "workers = 2" };
    format!(
        r#"
[server]
host = "127.0.0.1"
port = 0
admin_host = "127.0.0.1"
admin_port = 0
{server}
{tls}
{workers}
{identities}
[[tenant]]
{tenant}
[tenant.upstream]
url = "{url}"
{upstream}
[tenant.credential]
kind = "basic"
username = "bot"
password_file = "{password}"
[tenant.policy]
{policy}
[tenant.limits]
{limits}
{second}
"#
    )
}

type Started = (
    SocketAddr,
    SocketAddr,
    tokio::sync::oneshot::Sender<Duration>,
    JoinHandle<()>,
);

/// Runs the service on a thread of its own until it is told to drain, or the harness is dropped.
pub(crate) fn run(toml: String, audit: Lines) -> Started {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let thread = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let environment = Environment::from(HashMap::new());
            let config = bootstrap::load_str::<jira_proxy::Config>(&jira_proxy::ABOUT, &toml, &environment);
            let config = config.unwrap_or_else(|problems| panic!("{problems}"));
            let running = jira_proxy::service(&config).unwrap().audit_to(audit).start().unwrap();
            tell.send((running.public, running.admin)).unwrap();
            match stopped.await {
                Ok(grace) => running.drain(grace).await,
                Err(_) => running.stop().await,
            }
        });
    });
    let (public, admin) = told.recv().expect("the service starts");
    (public, admin, stop, thread)
}
