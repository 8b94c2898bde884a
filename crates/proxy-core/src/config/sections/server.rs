//! Where a service listens, how long it waits, what it logs and whom TLS trusts.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde_json::Value;
use url::Url;

use super::check;
use crate::{
    config::{Problems, Reader, Section, Validate},
    telemetry::check_level,
};

/// Longest time that may be configured, in seconds.
const HOUR: u64 = 3_600;

/// The two listeners and their deadlines.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address of the public listener.
    pub host: IpAddr,
    /// Port of the public listener; 0: any free one.
    pub port: u16,
    /// Address of the admin listener.
    pub admin_host: IpAddr,
    /// Port of the admin listener; 0: any free one.
    pub admin_port: u16,
    /// Threads that serve; 0: one per core.
    pub workers: usize,
    /// PEM file of the public listener's certificate chain. `None`: it speaks http.
    pub tls_certificate_file: Option<PathBuf>,
    /// PEM file of the private key of that certificate.
    pub tls_key_file: Option<PathBuf>,
    /// What callers write before the prefix; its path ends with `/`. `None`: what the request says.
    pub public_url: Option<Url>,
    /// Whose `X-Forwarded-Proto` is believed.
    pub trusted_peers: Vec<IpNet>,
    /// Leave to trust more than a private network.
    pub allow_insecure_any_peer: bool,
    /// Where the pages of problems are, if not with the service; its path ends with `/`.
    pub docs_base_url: Option<Url>,
    /// For each request's head.
    pub head_timeout_seconds: u64,
    /// Of a connection without a request.
    pub keep_alive_seconds: u64,
    /// Between two moments at which the caller takes bytes.
    pub write_timeout_seconds: u64,
    /// From "not ready" to the closed listener; tunnels end at half of it.
    pub drain_grace_seconds: u64,
    /// From the closed listener to the end of what is still open.
    pub drain_deadline_seconds: u64,
}

impl ServerConfig {
    /// Certificate chain and private key of the public listener, where it speaks https.
    pub(crate) fn tls_files(&self) -> Option<[&Path; 2]> {
        Some([self.tls_certificate_file.as_deref()?, self.tls_key_file.as_deref()?])
    }
}

impl Section for ServerConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let host = reader.parsed("host", check::address);
        let admin_host = reader.parsed("admin_host", check::address);
        let section = Self {
            host: host.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            port: reader.whole("port", 0..=u16::MAX),
            admin_host: admin_host.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            admin_port: reader.whole("admin_port", 0..=u16::MAX),
            workers: reader.whole("workers", 0..=1_024),
            tls_certificate_file: reader.optional("tls_certificate_file", check::file),
            tls_key_file: reader.optional("tls_key_file", check::file),
            public_url: reader.optional("public_url", check::base_url),
            trusted_peers: reader.all("trusted_peers", check::network),
            allow_insecure_any_peer: reader.flag("allow_insecure_any_peer"),
            docs_base_url: reader.optional("docs_base_url", check::base_url),
            head_timeout_seconds: reader.whole("head_timeout_seconds", 1..=HOUR),
            keep_alive_seconds: reader.whole("keep_alive_seconds", 1..=HOUR),
            write_timeout_seconds: reader.whole("write_timeout_seconds", 1..=HOUR),
            drain_grace_seconds: reader.whole("drain_grace_seconds", 0..=HOUR),
            drain_deadline_seconds: reader.whole("drain_deadline_seconds", 1..=HOUR),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for ServerConfig {
    fn validate(&self, problems: &mut Problems) {
        let one_address =
            self.host == self.admin_host || self.host.is_unspecified() || self.admin_host.is_unspecified();
        if self.port == self.admin_port && self.port != 0 && one_address {
            problems.add(
                "admin_port",
                format!(
                    "is {} like `port`: metrics and health need a port of their own",
                    self.port
                ),
            );
        }
        match (&self.tls_certificate_file, &self.tls_key_file) {
            (Some(_), None) => problems.add(
                "tls_key_file",
                "is missing: name the private key of `tls_certificate_file`, or remove that",
            ),
            (None, Some(_)) => problems.add(
                "tls_certificate_file",
                "is missing: name the certificate chain of `tls_key_file`, or remove that",
            ),
            (Some(_), Some(_)) | (None, None) => {}
        }
        for (index, network) in self.trusted_peers.iter().enumerate() {
            let danger = "they may all say that they came by https";
            check::check_width(index, network, self.allow_insecure_any_peer, danger, problems);
        }
    }
}

/// What is logged, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or a list of targets with theirs, as `tracing_subscriber`'s `Targets` reads it.
    pub level: String,
    /// See [`LogFormat`].
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// JSON, or pretty on a terminal.
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Pretty,
}

impl Section for LogConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let level = reader.parsed("level", level);
        let format = reader.choice(
            "format",
            &[
                ("auto", LogFormat::Auto),
                ("json", LogFormat::Json),
                ("pretty", LogFormat::Pretty),
            ],
        );
        let readable = reader.finish();
        Some(Self {
            level: level?,
            format: format?,
        })
        .filter(|_| readable)
    }
}

/// Names of Python and of winston are levels too: the services that are replaced had them.
fn level(text: &str) -> Result<String, String> {
    let level = match text.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        "http" | "verbose" => "debug".to_owned(),
        "silly" => "trace".to_owned(),
        lower if !text.contains(['=', ',']) => lower.to_owned(),
        _ => text.to_owned(),
    };
    match check_level(&level) {
        Ok(()) => Ok(level),
        Err(_) => Err(
            "is not a level: write error, warn, info, debug, trace or off, or a list such as `info,proxy_core=debug`"
                .to_owned(),
        ),
    }
}

impl Validate for LogConfig {}

/// Whom TLS trusts, beside the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl Section for TlsConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let section = Self {
            ca_file: reader.optional("ca_file", check::file),
        };
        reader.finish().then_some(section)
    }
}

impl Validate for TlsConfig {
    fn validate(&self, problems: &mut Problems) {
        if let Some(Err(error)) = self.ca_file.as_deref().map(std::fs::metadata) {
            problems.add(
                "ca_file",
                format!("cannot be read ({error}): name a PEM file of certificates"),
            );
        }
    }
}
