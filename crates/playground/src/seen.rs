//! What reached a demo upstream: the proof of what a proxy sends, and of what it holds back.
//!
//! Kept without any secret: of a credential only the scheme and the user are noted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

const KEPT: usize = 20;

#[derive(Default)]
pub(crate) struct Seen(Mutex<Log>);

#[derive(Default, Serialize)]
struct Log {
    requests: u64,
    writes: u64,
    last: VecDeque<Entry>,
}

#[derive(Serialize)]
struct Entry {
    method: String,
    target: String,
    authorization: String,
    header_names: Vec<String>,
    /// Of an InfluxDB: the statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
}

impl Seen {
    /// `writes`: it could change something, also where the demo has no such route.
    pub(crate) fn note(&self, head: &RequestHead, writes: bool, query: Option<&str>) {
        let mut header_names: Vec<String> = head.headers().keys().map(ToString::to_string).collect();
        header_names.sort_unstable();
        let entry = Entry {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            authorization: head
                .headers()
                .get(AUTHORIZATION)
                .map_or("none".to_owned(), scheme_and_user),
            header_names,
            query: query.map(str::to_owned),
        };
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.requests += 1;
        log.writes += u64::from(writes);
        log.last.push_front(entry);
        log.last.truncate(KEPT);
    }

    /// Open to everybody on this machine: it belongs to the demo, not to what the demo looks like.
    pub(crate) fn show(&self) -> HttpResponse {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = serde_json::to_string_pretty(&*log).unwrap_or_default();
        HttpResponse::Ok().content_type("application/json").body(text + "\n")
    }
}

fn scheme_and_user(value: &HeaderValue) -> String {
    let (scheme, rest) = value.to_str().unwrap_or_default().split_once(' ').unwrap_or_default();
    let decoded = STANDARD
        .decode(rest)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, _)) if scheme.eq_ignore_ascii_case("basic") => format!("{scheme} of {user}"),
        _ => scheme.to_owned(),
    }
}
