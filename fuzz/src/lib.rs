//! What several targets need: an upstream, readers of inputs that people can write by hand, naive readings to compare with.

pub mod issuer;
pub mod naive;

use std::time::{Duration, SystemTime};

use actix_http::RequestHead;
use actix_web::http::Uri;
use proxy_core::{
    forward::links::LinkBases,
    upstream::{Paths, Redirects, Reuse, Timeouts, Upstream},
};

/// Where every request of these targets is asked for.
pub const PREFIX: &str = "/jira-data-proxy";
/// What must not be seen anywhere.
pub const CANARY: &str = "c4n4ry-s3cr3t";

/// The upstream at `https://jira.example.org` with this base path.
pub fn upstream(base_path: &str, paths: Paths) -> Upstream {
    let second = Duration::from_secs(1);
    Upstream {
        name: "Jira".into(),
        origin: "https://jira.example.org".into(),
        authority: "jira.example.org".parse().expect("a host"),
        host: "jira.example.org".parse().expect("a host"),
        base_path: base_path.into(),
        prefix: PREFIX.into(),
        not_found: "not here",
        paths,
        redirects: Redirects::Follow,
        reuse: Reuse::Credential,
        rewrite_links: true,
        link_bases: LinkBases::new(&[format!("https://jira.example.org{}", base_path.trim_end_matches('/'))]),
        extra_query: |_, _| None,
        scan_bodies: true,
        max_request_body: 1_024,
        timeouts: Timeouts {
            connect: second,
            response: second,
            idle: second,
            upload: second,
        },
    }
}

/// The head of a request for this target, if an HTTP server would read it as one.
pub fn head(target: &[u8]) -> Option<RequestHead> {
    let mut head = RequestHead::default();
    head.uri = Uri::try_from(target).ok()?;
    Some(head)
}

/// The first line and the rest.
pub fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}

/// `Name: value` lines, as far as they are headers.
pub fn fields(data: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    data.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = &line[colon + 1..];
        Some((&line[..colon], value.strip_prefix(b" ").unwrap_or(value)))
    })
}

/// A moment that does not depend on when the target runs: 2027-01-15.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// [`now`] in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;
