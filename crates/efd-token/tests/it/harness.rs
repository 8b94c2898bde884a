//! An efd-token of one test: documents in a directory of its own, a fake InfluxDB, a fake issuer.

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
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proxy_core::{
    bootstrap,
    config::{
        Environment,
        sections::{LogConfig, LogFormat},
    },
    telemetry::{Captured, Lines, start_logging},
};
use proxy_testkit::{Answer, FakeIssuer, FakeUpstream, PATIENCE, RawClient, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// How a test's efd-token differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    /// Lines for `[server]`.
    pub(crate) server: &'static str,
    /// Lines for `[[tenant]]` itself.
    pub(crate) tenant: &'static str,
    /// Tables below the tenant.
    pub(crate) tables: &'static str,
    /// Opaque tokens are a hub's, which is asked about each.
    pub(crate) hub: bool,
}

pub(crate) struct Harness {
    pub(crate) influxdb: FakeUpstream,
    pub(crate) issuer: FakeIssuer,
    pub(crate) hub: FakeUpstream,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// The shared one.
    pub(crate) password: String,
    pub(crate) files: TempDir,
    audit: Captured,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Harness {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    /// There are `usdf_efd`, an InfluxDB's; `broken`, which is no JSON; `api`, of another shape.
    pub(crate) fn with(setup: Setup) -> Self {
        log();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let password = format!("canary-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (influxdb, issuer, files) = (FakeUpstream::start(), FakeIssuer::start(), TempDir::new().unwrap());
        influxdb.otherwise(proxy_testkit::Script::json(
            200,
            &json!({ "results": [{ "statement_id": 0 }] }),
        ));
        fs::create_dir(files.path().join("creds")).unwrap();
        let (audit_lines, audit) = Lines::memory();
        let hub = FakeUpstream::start();
        hub.otherwise(proxy_testkit::Script::json(403, &json!({ "message": "unknown" })));
        let toml = toml(&setup, &issuer, &hub, &files);
        let document = document(&influxdb, &password);
        for (name, text) in [
            ("usdf_efd", document.as_str()),
            ("broken", "{"),
            ("api", r#"{ "token":"t0ken",  "endpoint":"x" }"#),
        ] {
            fs::write(files.path().join("creds").join(name), text).unwrap();
        }
        let (address, admin, stop) = run(toml, audit_lines);
        let harness = Self {
            influxdb,
            issuer,
            hub,
            address,
            admin,
            password,
            files,
            audit,
            stop: Some(stop),
        };
        eventually(PATIENCE, || RawClient::get(harness.admin, "/readyz", &[]).status == 200);
        harness
    }

    pub(crate) fn creds(&self) -> PathBuf {
        self.files.path().join("creds")
    }

    /// What the fake InfluxDB's document says, with another password.
    pub(crate) fn document(&self, password: &str) -> String {
        document(&self.influxdb, password)
    }

    pub(crate) fn token(&self, user: &str) -> String {
        format!("Bearer {}", self.issuer.token(user).sign())
    }

    /// GET as ada.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.get_as(&self.token("ada"), target)
    }

    pub(crate) fn get_as(&self, authorization: &str, target: &str) -> Answer {
        RawClient::get(self.address, target, &[("Authorization", authorization)])
    }

    pub(crate) fn anonymous(&self, target: &str) -> Answer {
        RawClient::get(self.address, target, &[])
    }

    /// A lease of `user` for `usdf_efd`, as `Authorization` has it.
    pub(crate) fn lease(&self, user: &str) -> String {
        let answer = self.get_as(&self.token(user), "/segwarides/creds/usdf_efd");
        basic(user, answer.json()["password"].as_str().unwrap())
    }

    /// A query as a form, with `authorization`.
    pub(crate) fn query_as(&self, authorization: &str, form: &str) -> Answer {
        let headers = [
            ("Authorization", authorization),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        RawClient::request(
            self.address,
            "POST",
            "/segwarides/efd/usdf_efd/query",
            &headers,
            form.as_bytes(),
        )
    }

    pub(crate) fn query(&self, form: &str) -> Answer {
        self.query_as(&self.token("ada"), form)
    }

    pub(crate) fn metrics(&self) -> String {
        RawClient::get(self.admin, "/metrics", &[]).text()
    }

    /// The audit event of the request that was answered last, once it is there.
    pub(crate) fn event(&self, count: usize) -> Value {
        eventually(PATIENCE, || self.audit.lines().len() >= count);
        serde_json::from_str(&self.audit.lines()[count - 1]).unwrap()
    }

    pub(crate) fn audit_text(&self) -> String {
        self.audit.lines().join("\n")
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.take();
    }
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn document(influxdb: &FakeUpstream, password: &str) -> String {
    json!({
        "url": influxdb.url(), "username": "efdreader", "password": password, "database": "efd",
        "schema_registry": "https://registry.example.org", "host": "influxdb.example.org", "port": 443, "path": "/",
    })
    .to_string()
}

fn toml(setup: &Setup, issuer: &FakeIssuer, hub: &FakeUpstream, files: &TempDir) -> String {
    let Setup {
        server,
        tenant,
        tables,
        hub: has_hub,
    } = setup;
    let hub = match has_hub {
        true => format!(
            "[[identity]]\nkind = \"jupyterhub\"\napi_url = \"{}/hub/api\"\nservice_name = \"efd\"\n",
            hub.url()
        ),
        false => String::new(),
    };
    let (issuer, files) = (issuer.url(), files.path().display());
    fs::write(format!("{files}/keys"), "one 0123456789abcdef0123456789abcdef\n").unwrap();
    fs::write(format!("{files}/revocations"), "").unwrap();
    format!(
        r#"
[server]
host = "127.0.0.1"
port = 0
admin_host = "127.0.0.1"
admin_port = 0
workers = 2
{server}
[[identity]]
kind = "oidc"
issuer = "{issuer}"
audience = ["nbgate"]
algorithms = ["ES256"]
{hub}
[[tenant]]
directory = "{files}/creds"
{tenant}
[tenant.lease]
keys_file = "{files}/keys"
revocations_file = "{files}/revocations"
{tables}
"#
    )
}

type Started = (SocketAddr, SocketAddr, tokio::sync::oneshot::Sender<()>);

fn run(toml: String, audit: Lines) -> Started {
    let (addresses, started) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        actix_rt::System::new().block_on(async move {
            let environment = Environment::from(HashMap::new());
            let config = bootstrap::load_str::<efd_token::Config>(&efd_token::ABOUT, &toml, &environment);
            let config = config.unwrap_or_else(|problems| panic!("{problems}"));
            let running = efd_token::service(&config).unwrap().audit_to(audit).start().unwrap();
            addresses.send((running.public, running.admin)).unwrap();
            let _ = stopped.await;
            running.stop().await;
        });
    });
    let (public, admin) = started.recv_timeout(PATIENCE).unwrap();
    (public, admin, stop)
}
