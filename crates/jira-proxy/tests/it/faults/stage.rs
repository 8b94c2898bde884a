//! One jira-proxy with a tenant for each row.

use std::{fmt::Write as _, fs, net::SocketAddr, thread::JoinHandle, time::Duration};

use proxy_core::telemetry::{Captured, Lines};
use proxy_testkit::{BlackHole, Ended, FakeIssuer, FakeUpstream, PATIENCE, RawClient, Seen, eventually};
use tempfile::TempDir;

use super::row::{Ask, Fault, Place};
use crate::harness;

/// Long enough for a busy machine, short enough for a test.
const UPSTREAM: &str = "connect_timeout_seconds = 2, response_timeout_seconds = 2, idle_timeout_seconds = 2, upload_timeout_seconds = 1, rewrite_links = false";

pub(super) struct Stage {
    pub(super) jira: FakeUpstream,
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) audit: Captured,
    pub(super) tokens: [String; 2],
    _issuer: FakeIssuer,
    _hole: BlackHole,
    _files: TempDir,
    /// Dropped, it stops the service.
    _stop: tokio::sync::oneshot::Sender<Duration>,
    _thread: JoinHandle<()>,
}

/// What ada got.
pub(super) struct Got {
    pub(super) status: Option<u16>,
    pub(super) body: Vec<u8>,
    pub(super) complete: bool,
    pub(super) ended: Option<Ended>,
}

impl Stage {
    pub(super) fn start(faults: &[Fault]) -> Self {
        harness::log();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (jira, issuer, hole) = (FakeUpstream::start(), FakeIssuer::start(), BlackHole::new());
        let files = TempDir::new().unwrap();
        let secret = files.path().join("token");
        fs::write(&secret, "the-services-own").unwrap();
        let mut toml = format!(
            "[server]\nhost = \"127.0.0.1\"\nport = 0\nadmin_host = \"127.0.0.1\"\nadmin_port = 0\nworkers = 1\n[[identity]]\nkind = \"oidc\"\nissuer = \"{}\"\naudience = [\"nbgate\"]\nalgorithms = [\"ES256\"]\n",
            issuer.url()
        );
        let refusing = FakeUpstream::refusing();
        for fault in faults {
            let name = fault.name;
            let origin = match fault.upstream {
                Place::Scripted => jira.url(),
                Place::Refusing => format!("http://{refusing}"),
                Place::BlackHole => hole.url(),
            };
            let _ = write!(
                toml,
                "[[tenant]]\nname = \"{name}\"\nprefix = \"/{name}\"\nupstream = {{ url = \"{origin}/{name}/\", {UPSTREAM} }}\ncredential = {{ kind = \"bearer\", token_file = \"{}\" }}\n",
                secret.display()
            );
        }
        let (lines, audit) = Lines::memory();
        let (address, admin, stop, thread) = harness::run(toml, lines);
        eventually(PATIENCE, || RawClient::get(admin, "/readyz", &[]).status == 200);
        Self {
            jira,
            address,
            admin,
            audit,
            tokens: ["ada", "bob"].map(|user| format!("Bearer {}", issuer.token(user).sign())),
            _issuer: issuer,
            _hole: hole,
            _files: files,
            _stop: stop,
            _thread: thread,
        }
    }

    pub(super) fn seen(&self, path: &str) -> Vec<Seen> {
        let mut requests = self.jira.requests();
        requests.retain(|seen| seen.path() == path);
        requests
    }

    /// Ada's request, and what comes back.
    pub(super) fn ask(&self, fault: &Fault) -> Got {
        let (name, id) = (fault.name, format!("{}-ada", fault.name));
        let target = format!("/{name}/rest/api/2/{}", fault.ask.resource());
        let mut client = RawClient::connect(self.address);
        let mut headers = vec![("Authorization", self.tokens[0].as_str()), ("X-Request-Id", &id)];
        let body = b"{\"jql\":\"\"}";
        match fault.ask {
            Ask::Get => client.send_request("GET", &target, &headers, b""),
            Ask::Head => client.send_request("HEAD", &target, &headers, b""),
            Ask::Post | Ask::HalfPost => {
                headers.push(("Content-Type", "application/json"));
                if fault.ask == Ask::HalfPost {
                    headers.push(("Content-Length", "5000"));
                }
                client.send_request("POST", &target, &headers, body)
            }
        };
        match client.try_read_response() {
            Ok(answer) => {
                assert!(answer.interim.is_empty(), "{name}: {:?}", answer.interim);
                Got {
                    status: Some(answer.status),
                    body: answer.body,
                    complete: answer.complete,
                    ended: client.ended(),
                }
            }
            Err((ended, head)) => {
                assert!(b"HTTP/1.1 200".starts_with(&head[..head.len().min(12)]), "{name}");
                Got {
                    status: None,
                    body: Vec::new(),
                    complete: false,
                    ended: Some(ended),
                }
            }
        }
    }
}

impl Ask {
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post | Self::HalfPost => "POST",
        }
    }

    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Get | Self::Head => "field",
            Self::Post | Self::HalfPost => "search",
        }
    }
}
