//! An instance-proxy of one test: a stand-in for VISA, one fake instance on 127.0.0.1 for all ports, its own files.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proxy_core::{
    bootstrap,
    config::{
        Environment,
        sections::{LogConfig, LogFormat},
    },
    telemetry::{Captured, Lines, start_logging},
};
use proxy_testkit::{Answer, FakeUpstream, PATIENCE, RawClient, Script, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::visa::FakeVisa;

/// Everything that this process logs: tests look for what must not be there.
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

/// How a test's instance-proxy differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    /// Lines for `[server]`.
    pub(crate) server: String,
    /// `[[identity]]` tables.
    pub(crate) identity: String,
    /// Lines for `[[tenant]]` itself.
    pub(crate) tenant: String,
    /// Lines for `[tenant.instances]`, instead of where VISA is.
    pub(crate) instances: Option<String>,
    /// Seconds for which VISA's answers are believed.
    pub(crate) refresh: Option<u64>,
    /// Lines for `[tenant.upstream]`.
    pub(crate) upstream: String,
    /// Tables below the tenant.
    pub(crate) tables: String,
}

pub(crate) struct Harness {
    pub(crate) visa: FakeVisa,
    pub(crate) instance: FakeUpstream,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) files: TempDir,
    audit: Captured,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    stopped: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Harness {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    /// ada's instance is 42, at 127.0.0.1.
    pub(crate) fn with(setup: Setup) -> Self {
        log();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (visa, instance, files) = (FakeVisa::start(), FakeUpstream::start(), TempDir::new().unwrap());
        instance.otherwise(Script::json(200, &json!({ "from": "instance" })));
        visa.place("42", "ada", "127.0.0.1", "ACTIVE");
        let (audit_lines, audit) = Lines::memory();
        let toml = toml(&setup, &visa, &instance, &files);
        let (address, admin, stop, stopped) = run(toml, audit_lines);
        let harness = Self {
            visa,
            instance,
            address,
            admin,
            files,
            audit,
            stop: Some(stop),
            stopped: stopped.into(),
        };
        eventually(PATIENCE, || RawClient::get(harness.admin, "/readyz", &[]).status == 200);
        harness
    }

    /// A token of `user` that VISA accepts, good for `seconds`.
    pub(crate) fn token_for(&self, user: &str, seconds: u64) -> String {
        let ends = SystemTime::now() + Duration::from_secs(seconds);
        let token = jwt(user, ends.duration_since(UNIX_EPOCH).unwrap().as_secs());
        self.visa.accept(&token, user);
        token
    }

    pub(crate) fn token(&self, user: &str) -> String {
        self.token_for(user, 3_600)
    }

    /// GET as ada, with a fresh token.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.get_with(&self.token("ada"), target)
    }

    pub(crate) fn get_with(&self, token: &str, target: &str) -> Answer {
        self.send(target, &[("Authorization", &format!("Bearer {token}"))])
    }

    pub(crate) fn send(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        RawClient::get(self.address, target, headers)
    }

    pub(crate) fn metrics(&self) -> String {
        RawClient::get(self.admin, "/metrics", &[]).text()
    }

    /// The audit event of this number, counted from 1, once it is there.
    pub(crate) fn event(&self, number: usize) -> Value {
        eventually(PATIENCE, || self.audit.lines().len() >= number);
        serde_json::from_str(&self.audit.lines()[number - 1]).unwrap()
    }

    pub(crate) fn audit_text(&self) -> String {
        self.audit.lines().join("\n")
    }

    /// Drains the service, and waits until it has ended.
    pub(crate) fn drain(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.stopped
            .lock()
            .unwrap()
            .recv_timeout(Duration::from_secs(20))
            .unwrap();
    }
}

/// Not signed by anybody: nobody here looks.
pub(crate) fn jwt(user: &str, expires: u64) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "preferred_username": user, "employeeNumber": user, "exp": expires, "jti": number });
    format!("{}.{}.c4n4ry{number}", part(json!({ "alg": "RS256" })), part(claims))
}

/// The routes that VISA ships, and one whose ids are uids, with a rewrite; all with the port of the fake instance.
pub(crate) fn routes(port: u16) -> String {
    json!([
        { "match": "^/jupyter/(\\d+).*", "type": "jupyter", "name": "Jupyter", "remotePort": port, "ws": true },
        { "match": "^/visafs/(\\d+).*", "type": "service", "name": "Visa Files", "remotePort": port, "pathRewrite": { "^/visafs/\\d+/": "/" } },
        { "match": "^/ws/print/(\\d+).*", "type": "service", "name": "Visa Printing", "remotePort": port,
          "pathRewrite": { "^/ws/print/\\d+/": "/socket.io/" }, "ws": true },
        { "match": "^/lab/([a-zA-Z0-9]+)", "type": "jupyter", "name": "Lab", "remotePort": port,
          "pathRewrite": { "^/lab/([a-zA-Z0-9]+)/": "/jupyter/$1/" }, "ws": true },
    ])
    .to_string()
}

fn toml(setup: &Setup, visa: &FakeVisa, instance: &FakeUpstream, files: &TempDir) -> String {
    let Setup {
        server,
        identity,
        tenant,
        instances,
        refresh,
        upstream,
        tables,
    } = setup;
    let refresh = refresh.unwrap_or(60);
    let visas = || {
        let port = visa.address.port();
        format!("api_host = \"127.0.0.1\"\napi_port = {port}\nrefresh_seconds = {refresh}")
    };
    let instances = instances.clone().unwrap_or_else(visas);
    let loopback = if upstream.contains("allow_loopback") {
        ""
    } else {
        "allow_loopback = true"
    };
    let files = files.path().display();
    fs::write(format!("{files}/proxy.conf.json"), routes(instance.address().port())).unwrap();
    format!(
        r#"
[server]
host = "127.0.0.1"
port = 0
admin_host = "127.0.0.1"
admin_port = 0
workers = 2
drain_grace_seconds = 0
drain_deadline_seconds = 5
{server}
{identity}
[[tenant]]
routes_file = "{files}/proxy.conf.json"
{tenant}
[tenant.instances]
{instances}
[tenant.upstream]
{loopback}
{upstream}
[tenant.sessions]
directory = "{files}/data"
{tables}
"#
    )
}

type Started = (
    SocketAddr,
    SocketAddr,
    tokio::sync::oneshot::Sender<()>,
    mpsc::Receiver<()>,
);

fn run(toml: String, audit: Lines) -> Started {
    let (addresses, started) = mpsc::channel();
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let (ended, stopped) = mpsc::channel();
    thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let environment = Environment::from(HashMap::new());
            let config = bootstrap::load_str::<instance_proxy::Config>(&instance_proxy::ABOUT, &toml, &environment);
            let config = config.unwrap_or_else(|problems| panic!("{problems}"));
            let running = instance_proxy::service(&config)
                .unwrap()
                .audit_to(audit)
                .start()
                .unwrap();
            addresses.send((running.public, running.admin)).unwrap();
            match stopping.await {
                Ok(()) => running.drain(Duration::ZERO).await,
                _ => running.stop().await,
            }
        });
        let _ = ended.send(());
    });
    let (public, admin) = started.recv_timeout(PATIENCE).unwrap();
    (public, admin, stop, stopped)
}
