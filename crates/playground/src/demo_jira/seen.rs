//! What reached the demo Jira: the proof of what a proxy sends, and of what it holds back.
//!
//! Kept without any secret: of a credential only the scheme and the user are noted.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use actix_web::dev::RequestHead;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{HttpResponse, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::DemoJira;

const KEPT: usize = 20;

#[derive(Default)]
pub(super) struct Seen(Mutex<Log>);

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
}

impl Seen {
    pub(super) fn note(&self, head: &RequestHead) {
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
        };
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.requests += 1;
        log.writes += u64::from(is_write(head));
        log.last.push_front(entry);
        log.last.truncate(KEPT);
    }
}

/// Whatever could change something, also where this demo has no such route; a search by POST reads.
fn is_write(head: &RequestHead) -> bool {
    let reads = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let searches = head.method == Method::POST && head.uri.path().contains("/search");
    !reads && !searches
}

/// Open to everybody on this machine: it belongs to the demo, not to Jira.
pub(super) async fn show(jira: web::Data<DemoJira>) -> HttpResponse {
    let log = jira.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = serde_json::to_string_pretty(&*log).unwrap_or_default();
    HttpResponse::Ok().content_type("application/json").body(text + "\n")
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
