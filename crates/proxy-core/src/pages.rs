//! A service's own routes: metadata at its root, and below each prefix `-/me`, `-/why`, `-/openapi.json`, `-/docs` and
//! `-/problems/<name>`, in a space that no upstream uses: nothing below `-/` is ever forwarded, everything else goes to the proxy.

mod docs;
mod openapi;
mod problems;
mod why;

use std::{panic::AssertUnwindSafe, rc::Rc, sync::Arc};

use actix_web::{
    FromRequest, Handler, HttpMessage as _, HttpRequest, HttpResponse, Resource, Responder, guard,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS},
    },
    web,
};
use futures_util::FutureExt as _;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    About,
    auth::Identity,
    error::ProxyError,
    site::{Mount, Site},
    telemetry::{Decision, Metrics, Record},
};

/// What the handlers below one prefix share.
struct Mounted {
    site: Rc<dyn Mount>,
    prefix: String,
    about: About,
    metrics: Arc<Metrics>,
}

/// Adds the routes of one site.
pub(crate) fn mount(
    config: &mut web::ServiceConfig,
    prefix: &str,
    site: &Rc<dyn Mount>,
    about: &About,
    metrics: &Arc<Metrics>,
) {
    let mounted = Rc::new(Mounted {
        site: site.clone(),
        prefix: prefix.to_owned(),
        about: *about,
        metrics: metrics.clone(),
    });
    let scope = web::scope(prefix).app_data(mounted).service(
        web::scope("/-")
            .service(page("/me", me))
            .service(page("/why", why::why))
            .service(page("/openapi.json", openapi::openapi))
            .service(page("/docs", docs::to_folder))
            .service(page("/docs/{file:.*}", docs::file))
            .service(page("/problems", problems::list))
            .service(page("/problems/{name}", problems::page))
            .default_service(web::to(no_page)),
    );
    config.service(site.clone().add(scope));
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
    HttpResponse::Ok().json(about.metadata())
}

/// A request for the site itself. A panic ends this request and no other.
pub(crate) async fn hand_over<S: Site>(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, ProxyError> {
    let record = record(&request)?;
    let site = request.app_data::<Rc<S>>().cloned().ok_or_else(outside)?;
    let handled = site.handle(&record, request.head(), body.into_inner());
    match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => {
            mounted(&request)?.metrics.panicked();
            Err(ProxyError::Internal {
                detail: "panicked".to_owned(),
            })
        }
    }
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
        "tenant": mounted.site.entrance().realm().metrics().tenant(),
    })))
}

/// An answer about the caller: no cache may keep it.
#[must_use]
pub fn personal() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, "Authorization, Cookie"));
    response
}

/// A plain text that no cache keeps and no browser takes for something else.
#[must_use]
pub fn text(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/plain; charset=utf-8")
        .body(body)
}

fn mounted(request: &HttpRequest) -> Result<Rc<Mounted>, ProxyError> {
    request.app_data::<Rc<Mounted>>().cloned().ok_or_else(outside)
}

fn outside() -> ProxyError {
    ProxyError::Internal {
        detail: "a route outside every prefix".to_owned(),
    }
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
    let identity = mounted.site.entrance().authenticate(&record, request.head()).await?;
    record.decision(Decision::Allowed, None);
    Ok((mounted, identity))
}
