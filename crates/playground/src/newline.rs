//! JSON that ends in a newline: after curl, a terminal's prompt then starts on a line of its own.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::middleware::Next;
use bytes::Bytes;

/// Middleware of the demo's own peers. What a peer streams is left as it is.
pub(crate) async fn end_json_with_newline(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let response = next.call(request).await?;
    Ok(response.map_body(|head, body| match body.try_into_bytes() {
        Ok(bytes) if is_json(head) && !bytes.ends_with(b"\n") => {
            BoxBody::new(Bytes::from([&bytes[..], b"\n"].concat()))
        }
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => BoxBody::new(body),
    }))
}

fn is_json(head: &ResponseHead) -> bool {
    let kind = head.headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_and_read_body, init_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    fn add_routes(cfg: &mut web::ServiceConfig) {
        cfg.route("/json", web::get().to(|| async { HttpResponse::Ok().json([1]) }))
            .route("/text", web::get().to(|| async { "[1]" }))
            .route("/empty", web::get().to(HttpResponse::NoContent));
    }

    #[actix_web::test]
    async fn json_and_nothing_else_gets_a_newline() {
        let app = App::new().wrap(from_fn(end_json_with_newline)).configure(add_routes);
        let app = init_service(app).await;
        for (path, body) in [("/json", "[1]\n"), ("/text", "[1]"), ("/empty", "")] {
            let request = TestRequest::get().uri(path).to_request();
            assert_eq!(call_and_read_body(&app, request).await, body, "{path}");
        }
    }
}
