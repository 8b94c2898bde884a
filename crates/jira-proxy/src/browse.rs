//! `/browse/KEY`: the `jira` client's `permalink()` leads here; people want the real page.
//!
//! Needs no identity: nothing is read, and the answer holds nothing but the configured base URL and the caller's own key.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, LOCATION},
    web,
};
use proxy_core::{config::sections::TenantConfig, error::ProxyError, service::Clients};

use crate::KIND;

/// The route of one tenant.
pub(crate) fn routes(tenant: &TenantConfig) -> impl Fn(&mut web::ServiceConfig, &Clients) + Send + Sync + use<> {
    let path = format!("{}/browse/{{key}}", tenant.prefix);
    let base = format!("{}/browse/", tenant.upstream.url.as_str().trim_end_matches('/'));
    move |config, _| {
        let base = base.clone();
        let to_jira = move |key: web::Path<String>| {
            let location = is_issue_key(&key).then(|| format!("{base}{key}"));
            async move { location.map(found).ok_or(ProxyError::NotFound(KIND.not_found.into())) }
        };
        config.route(&path, web::get().to(to_jira));
    }
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
