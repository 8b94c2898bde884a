//! A service of one test, with a fake upstream behind it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
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
    tunnel::Close,
};
use proxy_testkit::{Ended, FakeUpstream, PATIENCE, RawClient, Script, eventually};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::{
    config::Config,
    site::{ABOUT, Strings, service},
};

/// The key of RFC 6455, 1.3, and its answer.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// How a test's service differs from the usual one.
#[derive(Default)]
pub(crate) struct Setup {
    /// Lines for `[server]`.
    pub(crate) server: &'static str,
    /// Lines for `[[tenant]]` itself.
    pub(crate) tenant: &'static str,
    /// Lines for `[tenant.tunnels]`.
    pub(crate) tunnels: &'static str,
    /// The upstream instead of the fake one.
    pub(crate) url: Option<String>,
    /// Certificate chain and key of the public listener.
    pub(crate) tls: Option<[PathBuf; 2]>,
    /// Authorities that the service trusts.
    pub(crate) authorities: Option<PathBuf>,
}

pub(crate) struct Harness {
    pub(crate) upstream: FakeUpstream,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    audit: Captured,
    held: Arc<AtomicUsize>,
    end: watch::Sender<Option<Close>>,
    stop: Option<oneshot::Sender<Option<Duration>>>,
    thread: Option<JoinHandle<()>>,
}

impl Harness {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        log();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let upstream = FakeUpstream::start();
        let toml = toml(&setup, &setup.url.clone().unwrap_or_else(|| upstream.url()));
        let (lines, audit) = Lines::memory();
        let held = Arc::<AtomicUsize>::default();
        let end = watch::Sender::new(None);
        let strings = Strings {
            end: end.subscribe(),
            held: held.clone(),
        };
        let (address, admin, stop, thread) = run(toml, lines, strings);
        Self {
            upstream,
            address,
            admin,
            audit,
            held,
            end,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Has the upstream agree to every tunnel and then do what `script` does.
    pub(crate) fn agreeing(&self, script: impl Fn(Script) -> Script) {
        self.upstream.otherwise(script(Script::new().send(agreed(""))));
    }

    /// A caller who has sent a handshake for this path.
    pub(crate) fn ask(&self, path: &str) -> RawClient {
        self.ask_with(path, "ada", "")
    }

    /// The same of this user, with lines more, and whatever comes behind the head.
    pub(crate) fn ask_with(&self, path: &str, user: &str, more: &str) -> RawClient {
        let mut client = RawClient::connect(self.address);
        client.send(handshake(path, user, more));
        client
    }

    /// An open tunnel to an upstream that sends everything back.
    pub(crate) fn open(&self) -> RawClient {
        let mut client = self.ask("/echo");
        let answer = client.read_response();
        assert_eq!(answer.status, 101, "{}", answer.text());
        client
    }

    /// How many tunnels hold something still.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// Ends every tunnel with what access was withdrawn for.
    pub(crate) fn withdraw(&self, code: u16, reason: &'static str) {
        self.end.send_replace(Some(Close {
            code,
            reason: reason.into(),
        }));
    }

    pub(crate) fn metrics(&self) -> String {
        RawClient::get(self.admin, "/metrics", &[]).text()
    }

    pub(crate) fn open_tunnels(&self) -> Option<u64> {
        let metrics = self.metrics();
        let line = metrics.lines().find(|line| line.starts_with("nbgate_open_tunnels{"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
    }

    /// The audit events of this kind so far; waits until there are `count`.
    pub(crate) fn events(&self, kind: &str, count: usize) -> Vec<Value> {
        let read = || -> Vec<Value> {
            let lines = self.audit.lines();
            let events = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
            events.filter(|event| event["event"] == kind).collect()
        };
        eventually(PATIENCE, || read().len() >= count);
        read()
    }

    /// The event of the only tunnel's end.
    pub(crate) fn end_of_tunnel(&self) -> Value {
        let mut events = self.events("tunnel", 1);
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// That nothing is left of any tunnel: neither here nor at the upstream.
    pub(crate) fn assert_all_let_go(&self) {
        eventually(PATIENCE, || self.held() == 0);
        eventually(PATIENCE, || self.open_tunnels() == Some(0));
        eventually(PATIENCE, || self.upstream.open_connections() == 0);
    }

    /// Begins to drain, as SIGTERM does.
    pub(crate) fn drain(&mut self, grace: Duration) {
        let _ = self.stop.take().unwrap().send(Some(grace));
    }

    /// Stops at once.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(None);
    }

    /// Waits until the service has ended.
    pub(crate) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Everything that this process logs, at the finest level that says nothing of other crates.
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

/// A handshake.
pub(crate) fn handshake(path: &str, user: &str, more: &str) -> String {
    format!(
        "GET /ws{path} HTTP/1.1\r\nHost: nbgate.example.org\r\nX-Auth-Request-User: {user}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{}",
        if more.is_empty() { "\r\n" } else { more }
    )
}

/// The 101 that agrees to it.
pub(crate) fn agreed(more: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{more}\r\n"
    )
}

/// Exactly so many bytes.
#[track_caller]
pub(crate) fn read(client: &mut RawClient, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        let more = client.read_some(count - bytes.len());
        assert!(!more.is_empty(), "{:?} after {bytes:?}", client.ended());
        bytes.extend(more);
    }
    bytes
}

/// That the connection ends in this way and nothing more comes.
#[track_caller]
pub(crate) fn assert_ends(client: &mut RawClient, ended: Ended) {
    assert_eq!(client.read_to_end(), (Vec::new(), ended));
}

fn toml(setup: &Setup, url: &str) -> String {
    let Setup {
        server,
        tenant,
        tunnels,
        ..
    } = setup;
    let tls = setup.tls.as_ref().map_or_else(String::new, |[certificate, key]| {
        format!("tls_certificate_file = {certificate:?}\ntls_key_file = {key:?}")
    });
    let authorities = setup.authorities.as_ref();
    let authorities = authorities.map_or_else(String::new, |file| format!("[tls]\nca_file = {file:?}"));
    format!(
        "[server]\n{server}\n{tls}\n{authorities}\n[[tenant]]\nurl = \"{url}\"\n{tenant}\n[tenant.tunnels]\n{tunnels}\n\
         [[tenant]]\nname = \"plain\"\nprefix = \"/plain\"\nurl = \"{url}\"\nupgrades = false\n"
    )
}

type Started = (
    SocketAddr,
    SocketAddr,
    oneshot::Sender<Option<Duration>>,
    JoinHandle<()>,
);

/// Runs the service on a thread of its own until it is told to drain, or the harness is dropped.
fn run(toml: String, audit: Lines, strings: Strings) -> Started {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let environment = Environment::from(HashMap::new());
            let config = bootstrap::load_str::<Config>(&ABOUT, &toml, &environment);
            let config = config.unwrap_or_else(|problems| panic!("{problems}"));
            let running = service(&config, &strings).unwrap().audit_to(audit).start().unwrap();
            tell.send((running.public, running.admin)).unwrap();
            match stopped.await {
                Ok(Some(grace)) => running.drain(grace).await,
                Ok(None) | Err(_) => running.stop().await,
            }
        });
    });
    let (public, admin) = told.recv().expect("the service starts");
    (public, admin, stop, thread)
}
