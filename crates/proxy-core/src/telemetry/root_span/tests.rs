use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, http::StatusCode, test, web};
use tracing::{
    Id, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_actix_web::TracingLogger;
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

use super::*;

/// Writes down every field that a span is given.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<String>>>);

impl Visit for Noted {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Noted {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.lock().unwrap().push(attributes.metadata().name().to_owned());
        attributes.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }
}

async fn noted(request: test::TestRequest) -> Vec<String> {
    let noted = Noted::default();
    let subscriber = tracing_subscriber::registry().with(noted.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = App::new()
        .wrap(TracingLogger::<RequestSpan>::new())
        .route("/gone", web::to(async || HttpResponse::Gone().finish()))
        .route(
            "/error",
            web::to(async || Err::<&str, _>(actix_web::error::ErrorConflict("secret"))),
        );
    let app = test::init_service(app).await;
    let response = test::call_service(&app, request.to_request()).await;
    assert_ne!(response.status(), StatusCode::OK);
    let noted = noted.0.lock().unwrap();
    noted.clone()
}

#[actix_web::test]
async fn the_span_holds_id_method_and_status_and_nothing_else() {
    let request = test::TestRequest::post()
        .uri("/gone?token=secret")
        .insert_header(("x-request-id", "r-1"))
        .insert_header(("authorization", "Bearer secret"))
        .insert_header(("user-agent", "secret"));
    assert_eq!(
        noted(request).await,
        ["request", "request_id=\"r-1\"", "method=\"POST\"", "status=410"]
    );
}

#[actix_web::test]
async fn a_failed_request_has_its_status_and_no_text() {
    let request = test::TestRequest::get()
        .uri("/error")
        .insert_header(("x-request-id", "r-1"));
    assert_eq!(
        noted(request).await,
        ["request", "request_id=\"r-1\"", "method=\"GET\"", "status=409"]
    );
}

#[actix_web::test]
async fn probes_have_no_span() {
    for path in PROBES {
        assert!(noted(test::TestRequest::get().uri(path)).await.is_empty(), "{path}");
    }
}
