//! The admin listener: probes, metrics and the redacted configuration. Never on the ingress.

use std::{io, net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, http::header, web};

use super::{Service, lifecycle::State};

struct Admin {
    service: Arc<Service>,
    state: Arc<State>,
}

/// Starts serving on `listener`.
pub(super) fn serve(service: Arc<Service>, listener: TcpListener, state: Arc<State>) -> io::Result<Server> {
    let admin = web::Data::new(Admin { service, state });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(admin.clone())
            .route("/livez", web::get().to(live))
            .route("/readyz", web::get().to(ready))
            .route("/startupz", web::get().to(started))
            .route("/metrics", web::get().to(metrics))
            .route("/config", web::get().to(settings))
    });
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

/// Whether every worker still ticks: this listener has a worker of its own, whose answer proves nothing of the others.
/// Depends on nothing outside the process.
async fn live(admin: web::Data<Admin>) -> HttpResponse {
    answer(&[("workers", admin.state.alive())])
}

/// Whether new requests should come here: not while draining, and not before callers can be told apart.
async fn ready(admin: web::Data<Admin>) -> HttpResponse {
    let checks = [
        ("accepting", !admin.state.draining()),
        ("identity", admin.service.authenticators.ready()),
    ];
    answer(&checks)
}

async fn started(admin: web::Data<Admin>) -> HttpResponse {
    answer(&[("started", admin.state.started())])
}

fn answer(checks: &[(&str, bool)]) -> HttpResponse {
    let lines: String = checks
        .iter()
        .map(|(name, good)| format!("{name}: {}\n", if *good { "ok" } else { "not ready" }))
        .collect();
    let good = checks.iter().all(|(_, good)| *good);
    let mut response = if good {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response.content_type("text/plain; charset=utf-8").body(lines)
}

async fn metrics(admin: web::Data<Admin>) -> HttpResponse {
    let metrics = &admin.service.metrics;
    metrics.audit_lost(admin.service.lines.take_lost());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(metrics.to_text())
}

async fn settings(admin: web::Data<Admin>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(admin.service.settings.clone())
}
