//! Who may ask the demo Jira: the bot, with Basic credentials, and nobody else.
//!
//! Answers carry the headers by which a real Jira tells who it takes the caller for, and its session cookie: a proxy
//! has to keep both from its callers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::DemoJira;
use crate::account::Caller;

const USER_NAME: HeaderName = HeaderName::from_static("x-ausername");
const LOGIN_REASON: HeaderName = HeaderName::from_static("x-seraph-loginreason");

pub(super) async fn check(
    jira: web::Data<DemoJira>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    jira.seen.note(request.head(), is_write(request.head()), None);
    match jira.account.caller(request.headers()) {
        Caller::Account => {
            let mut response = next.call(request).await?.map_into_boxed_body();
            let headers = response.headers_mut();
            headers.insert(USER_NAME, HeaderValue::from_static(jira.account.name));
            headers.insert(LOGIN_REASON, HeaderValue::from_static("OK"));
            let session = HeaderValue::from_static("JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly");
            headers.insert(SET_COOKIE, session);
            Ok(response)
        }
        Caller::Anonymous => Ok(request.into_response(login_required())),
        Caller::Unknown => Ok(request.into_response(failed())),
    }
}

/// Whatever could change something, also where this demo has no such route; a search by POST reads.
fn is_write(head: &RequestHead) -> bool {
    let reads = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let searches = head.method == Method::POST && head.uri.path().contains("/search");
    !reads && !searches
}

fn login_required() -> HttpResponse {
    let message = "You do not have the permission to see the specified issue.";
    HttpResponse::Unauthorized()
        .insert_header((USER_NAME, "anonymous"))
        .insert_header((WWW_AUTHENTICATE, "Basic realm=\"Demo Jira\""))
        .json(json!({ "errorMessages": [message, "Login Required"], "errors": {} }))
}

fn failed() -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((LOGIN_REASON, "AUTHENTICATED_FAILED"))
        .insert_header((WWW_AUTHENTICATE, "OAuth realm=\"Demo Jira\""))
        .insert_header((CONTENT_TYPE, "text/html;charset=UTF-8"))
        .body("<html><body><h1>Unauthorized (401)</h1><p>Basic Authentication Failure - Reason : AUTHENTICATED_FAILED</p></body></html>")
}
