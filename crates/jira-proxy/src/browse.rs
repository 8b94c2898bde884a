//! `/browse/KEY`: the `jira` client's `permalink()` leads here; people want the real page.
//!
//! Needs no identity, as it is opened in a browser that has no token: nothing is read, and the answer holds nothing but the
//! configured base URL and the caller's own key.

use std::sync::Arc;

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    guard::{self, Guard},
    http::header::{CACHE_CONTROL, LOCATION},
    web,
};
use proxy_core::{
    error::ProxyError,
    service::Clients,
    telemetry::{Decision, Record},
    tenant::Tenant,
};
use url::Url;

use crate::KIND;

/// The route of one tenant; `base` is where people reach its Jira.
pub(crate) fn routes(
    tenant: &Arc<Tenant>,
    base: &Url,
) -> impl Fn(&mut web::ServiceConfig, &Clients) + Send + Sync + use<> {
    let folder = format!("{}/browse", tenant.realm().prefix());
    let base = format!("{}/browse/", base.as_str().trim_end_matches('/'));
    let realm = tenant.realm().clone();
    move |config, _| {
        let (base, realm) = (base.clone(), realm.clone());
        let to_jira = move |request: HttpRequest, key: web::Path<String>| {
            if let Some(record) = request.extensions().get::<Record>() {
                record.tenant(realm.metrics());
                record.route("browse".into());
                record.decision(Decision::Allowed, None);
            }
            let location = is_issue_key(&key).then(|| format!("{base}{key}"));
            async move { location.map(found).ok_or(ProxyError::NotFound(KIND.not_found.into())) }
        };
        let other = || async {
            Err::<HttpResponse, _>(ProxyError::MethodNotAllowed {
                allow: "GET, HEAD".into(),
            })
        };
        let page = web::resource("/{key}")
            .route(web::get().to(to_jira.clone()))
            .route(web::head().to(to_jira))
            .default_service(web::to(other));
        // The folder costs other requests a comparison; a pattern beside the proxy's own route costs each of them a search.
        config.service(web::scope(&folder).guard(only_below(&folder)).service(page));
    }
}

/// One name below `folder`: all else there is the proxy's to answer.
fn only_below(folder: &str) -> impl Guard + use<> {
    let folder = format!("{folder}/");
    guard::fn_guard(move |context| {
        let below = context.head().uri.path().strip_prefix(&folder);
        below.is_some_and(|name| !name.is_empty() && !name.contains('/'))
    })
}

fn found(location: String) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "private, max-age=3600"))
        .finish()
}

/// `DM-12345`: a project key and a number, as Jira makes them.
fn is_issue_key(text: &str) -> bool {
    let Some((project, number)) = text.split_once('-') else {
        return false;
    };
    let good_project = project.starts_with(|first: char| first.is_ascii_uppercase())
        && project.len() <= 64
        && project
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    good_project && (1..=18).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}
