//! A stand-in for somebody's own machine, for the playground: a page, files, events, and a WebSocket that says everything back.
//!
//! It decides nothing about the proxy in front of it and asks nobody who they are, as a machine does that only the proxy can
//! reach; it shows what reaches it, and notes it (`/demo/seen`). What is uploaded stays in memory.

mod echo;
mod events;
mod files;
mod page;
#[cfg(test)]
mod tests;

use actix_web::body::MessageBody;
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::seen::Seen;
use files::{Files, MAX_BYTES};

/// What the instance's workers share; register it as `app_data` before `configure`.
#[derive(Default)]
pub(crate) struct DemoInstance {
    files: Files,
    seen: Seen,
}

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/demo/seen", web::get().to(seen)).service(
        web::scope("")
            .wrap(from_fn(note))
            .app_data(web::PayloadConfig::new(MAX_BYTES))
            .configure(page::configure)
            .route("/headers", web::get().to(headers))
            .route("/events", web::get().to(events::events))
            .route("/echo", web::get().to(echo::echo))
            .service(
                web::resource("/files/{name:[A-Za-z0-9._-]{1,64}}")
                    .route(web::get().to(files::download))
                    .route(web::put().to(files::upload)),
            )
            .default_service(web::to(nothing_here)),
    );
}

async fn note(
    instance: web::Data<DemoInstance>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let head = request.head();
    instance.seen.note(head, head.method != Method::GET, None);
    next.call(request).await
}

async fn seen(instance: web::Data<DemoInstance>) -> HttpResponse {
    instance.seen.show()
}

async fn headers(request: HttpRequest) -> String {
    reached(request.head())
}

/// The head of a request, as it got here.
fn reached(head: &RequestHead) -> String {
    let mut fields: Vec<_> = head.headers().iter().collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    let lines: String = fields.into_iter().map(line).collect();
    format!("{} {}\n{lines}", head.method, head.uri)
}

async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().body("This instance has nothing here.\n")
}
