//! A service's own routes: metadata at its root, and below each prefix `-/me`, `-/why`, `-/openapi.json`, `-/docs` and
//! `-/problems/<name>`, in a space that no upstream uses: nothing below `-/` is ever forwarded, everything else goes to the proxy.

mod docs;
mod openapi;
mod problems;
mod why;

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use actix_web::{
    FromRequest, Handler, HttpMessage as _, HttpRequest, HttpResponse, Resource, Responder, guard,
    http::header::{CACHE_CONTROL, VARY},
    web,
};
use futures_util::FutureExt as _;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    About,
    auth::Identity,
    error::ProxyError,
    proxy::Proxy,
    telemetry::{Decision, Metrics, Record},
};

/// What the handlers below one prefix share.
struct Mounted {
    proxy: Rc<Proxy>,
    prefix: String,
    about: About,
    metrics: Arc<Metrics>,
}

/// Adds the routes of one proxy.
pub(crate) fn mount(
    config: &mut web::ServiceConfig,
    prefix: &str,
    proxy: &Rc<Proxy>,
    about: &About,
    metrics: &Arc<Metrics>,
) {
    let mounted = Rc::new(Mounted {
        proxy: proxy.clone(),
        prefix: prefix.to_owned(),
        about: *about,
        metrics: metrics.clone(),
    });
    let scope = web::scope(prefix)
        .app_data(mounted)
        .service(
            web::scope("/-")
                .service(page("/me", me))
                .service(page("/why", why::why))
                .service(page("/openapi.json", openapi::openapi))
                .service(page("/docs", docs::to_folder))
                .service(page("/docs/{file:.*}", docs::file))
                .service(page("/problems", problems::list))
                .service(page("/problems/{name}", problems::page))
                .default_service(web::to(no_page)),
        )
        .default_service(web::to(forward));
    config.service(scope);
}

/// Adds what is at the service's root.
pub(crate) fn mount_root(config: &mut web::ServiceConfig) {
    config.service(page("/", metadata));
}

/// A page of our own, which is read: GET, HEAD, and nothing else.
fn page<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path)
        .route(web::route().guard(read).to(handler))
        .default_service(web::to(|| async {
            Err::<&str, _>(ProxyError::MethodNotAllowed {
                allow: "GET, HEAD".to_owned(),
            })
        }))
}

async fn no_page() -> Result<HttpResponse, ProxyError> {
    Err(ProxyError::NotFound("this service has no such page".into()))
}

/// `GET /`: what runs here, as probes of the originals expect it.
async fn metadata(request: HttpRequest, about: web::Data<About>) -> HttpResponse {
    public(&request, "metadata");
    HttpResponse::Ok().json(json!({
        "name": about.name,
        "version": about.version,
        "description": about.description,
        "repository_url": about.repository_url,
        "documentation_url": about.documentation_url,
    }))
}

/// The proxied request. A panic ends this request and no other.
async fn forward(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, ProxyError> {
    let mounted = mounted(&request)?;
    let record = record(&request)?;
    let handled = mounted.proxy.handle(&record, request.head(), body.into_inner());
    AssertUnwindSafe(handled).catch_unwind().await.unwrap_or_else(|_| {
        mounted.metrics.panicked();
        Err(ProxyError::Internal {
            detail: "panicked".to_owned(),
        })
    })
}

/// Who the caller is, as this service sees it.
async fn me(request: HttpRequest) -> Result<HttpResponse, ProxyError> {
    let (mounted, identity) = caller(&request, "me").await?;
    let expires = identity
        .expires()
        .and_then(|time| OffsetDateTime::from(time).format(&Rfc3339).ok());
    Ok(personal().json(json!({
        "user": identity.user(),
        "kind": identity.kind(),
        "groups": identity.groups(),
        "scopes": identity.scopes(),
        "expires": expires,
        "service": mounted.about.name,
        "tenant": mounted.proxy.tenant().metrics.tenant(),
    })))
}

/// An answer about the caller: no cache may keep it.
fn personal() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "Authorization, Cookie"));
    response
}

fn mounted(request: &HttpRequest) -> Result<Rc<Mounted>, ProxyError> {
    let mounted = request.app_data::<Rc<Mounted>>().cloned();
    mounted.ok_or_else(|| ProxyError::Internal {
        detail: "a route outside every prefix".to_owned(),
    })
}

fn record(request: &HttpRequest) -> Result<Record, ProxyError> {
    let record = request.extensions().get::<Record>().cloned();
    record.ok_or_else(|| ProxyError::Internal {
        detail: "a request without a record".to_owned(),
    })
}

/// Notes in the audit event that a page answers which is for everybody.
fn public(request: &HttpRequest, name: &str) {
    if let Ok(record) = record(request) {
        record.route(name.into());
        record.decision(Decision::Allowed, None);
    }
}

/// The caller of a page that is about the caller. The audit event says "allowed" of a caller who was let in alone.
async fn caller(request: &HttpRequest, name: &str) -> Result<(Rc<Mounted>, Identity), ProxyError> {
    let (mounted, record) = (mounted(request)?, record(request)?);
    record.route(name.into());
    let identity = mounted.proxy.authenticate(&record, request.head()).await?;
    record.decision(Decision::Allowed, None);
    Ok((mounted, identity))
}
