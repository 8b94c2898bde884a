//! The span around each request: what ties its log lines together.
//!
//! **Invariant**: no header but the request id, no path and no query is in it.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, error_span, field::Empty};
use tracing_actix_web::RootSpanBuilder;

use super::audit::{RequestId, method_label};

/// Asked many times a minute by the orchestrator, and never worth a span.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/startupz", "/metrics"];

/// Opens `request{request_id, method}` and notes `status` at its end.
#[derive(Clone, Copy, Debug)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        if PROBES.contains(&request.path()) {
            return Span::none();
        }
        let id = RequestId::of(request);
        // Level `error`, so that an error's line has the request id even where nothing below errors is logged.
        error_span!(
            "request",
            request_id = id.as_str(),
            method = method_label(request.method()),
            status = Empty
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
    }
}

#[cfg(test)]
mod tests;
