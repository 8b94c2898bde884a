//! Where a tenant's requests go.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::check;
use crate::{
    config::{Problems, Reader, Section, Validate},
    upstream::{Reuse, Timeouts},
};

/// Longest upload that may be configured, in seconds.
const DAY: u64 = 86_400;
/// Largest request body that may be configured: 1 TiB.
const TEBIBYTE: u64 = 1 << 40;

/// One upstream.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Every request stays below it; its path ends with `/`.
    pub url: Url,
    /// Where people reach it, if that is not `url`: links to it lead through the proxy too, and `browse` leads to it.
    pub public_url: Option<Url>,
    /// What callers read in errors.
    pub name: String,
    /// Leave to send the credential over http to another machine.
    pub allow_insecure_http: bool,
    /// How long it is waited for.
    pub timeouts: Timeouts,
    /// Largest request body in bytes.
    pub max_request_body_bytes: u64,
    /// Who may share a connection.
    pub reuse: Reuse,
    /// Whether links to the upstream in JSON become links to the proxy.
    pub rewrite_links: bool,
    /// Whether bodies are searched for the credential.
    pub scan_bodies: bool,
}

impl Section for UpstreamConfig {
    fn read(value: Value, problems: &mut Problems) -> Option<Self> {
        let mut reader = Reader::open(value, problems)?;
        let url = reader.parsed("url", check::base_url);
        let public_url = reader.optional("public_url", check::base_url);
        let name = reader.parsed("name", check::printable);
        let words = [
            ("credential", Reuse::Credential),
            ("user", Reuse::User),
            ("never", Reuse::Never),
        ];
        let reuse = reader.choice("reuse", &words);
        let allow_insecure_http = reader.flag("allow_insecure_http");
        let mut timeouts = Timeouts::take(&mut reader);
        timeouts.upload = Duration::from_secs(reader.whole("upload_timeout_seconds", 1..=DAY));
        let max_request_body_bytes = reader.whole("max_request_body_bytes", 0..=TEBIBYTE);
        let rewrite_links = reader.flag("rewrite_links");
        let scan_bodies = reader.flag("scan_bodies");
        let readable = reader.finish();
        let section = Self {
            url: url?,
            public_url,
            name: name?,
            allow_insecure_http,
            timeouts,
            max_request_body_bytes,
            reuse: reuse?,
            rewrite_links,
            scan_bodies,
        };
        Some(section).filter(|_| readable)
    }
}

impl Validate for UpstreamConfig {
    fn validate(&self, problems: &mut Problems) {
        if !check::is_clear(&self.url) {
            return;
        }
        if self.allow_insecure_http {
            problems.warn("url", "has scheme `http`: the credential is sent in the clear");
        } else {
            problems.add(
                "url",
                "would send the credential in the clear: use https, or set allow_insecure_http = true",
            );
        }
    }
}
