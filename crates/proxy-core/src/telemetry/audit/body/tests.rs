use actix_web::{
    HttpResponse,
    body::{BodyStream, BoxBody, SizedStream, to_bytes},
    http::Method,
};
use futures_util::stream;

use super::*;
use crate::telemetry::audit::tests::desk;

/// Outcome and bytes of an answer with `body`, of which `chunks` were read before it was dropped.
async fn told_of(method: Method, body: BoxBody, chunks: usize) -> (String, u64) {
    let desk = desk();
    let mut body = Box::pin(AuditedBody::new(body, desk.record(method)));
    for _ in 0..chunks {
        let _ = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
    }
    assert!(desk.events().is_empty(), "the event waits for the body");
    drop(body);
    let event = desk.event();
    (
        event["outcome"].as_str().unwrap().to_owned(),
        event["bytes"].as_u64().unwrap(),
    )
}

/// A body of these chunks, which breaks where there is none.
fn body(length: Option<u64>, chunks: &[Option<&'static str>]) -> BoxBody {
    let broken = || std::io::ErrorKind::UnexpectedEof.into();
    let chunk =
        |text: &Option<&'static str>| -> Result<Bytes, std::io::Error> { text.map(Bytes::from).ok_or_else(broken) };
    let chunks = stream::iter(chunks.iter().map(chunk).collect::<Vec<_>>());
    match length {
        Some(length) => SizedStream::new(length, chunks).boxed(),
        None => BodyStream::new(chunks).boxed(),
    }
}

#[actix_web::test]
async fn a_body_is_complete_only_when_all_of_it_is_out() {
    let (ada, eve, breaks) = (Some("ada"), Some("eve"), None);
    for (method, body, read, outcome, bytes) in [
        // Of known length: with its last byte, even if nobody asks for more.
        (Method::GET, Bytes::from_static(b"ada").boxed(), 1, "completed", 3),
        (Method::GET, body(Some(6), &[ada, eve]), 2, "completed", 6),
        (Method::GET, body(Some(6), &[ada, eve]), 1, "aborted", 3),
        (Method::GET, body(Some(6), &[ada]), 3, "aborted", 3),
        (Method::GET, body(Some(6), &[ada, breaks]), 3, "aborted", 3),
        // Of unknown length: with its end.
        (Method::GET, body(None, &[ada, eve]), 3, "completed", 6),
        (Method::GET, body(None, &[ada, eve]), 2, "aborted", 6),
        (Method::GET, body(None, &[ada, breaks]), 2, "aborted", 3),
        (Method::GET, body(None, &[ada]), 0, "aborted", 0),
        // None at all: at once.
        (Method::GET, ().boxed(), 0, "completed", 0),
        (Method::GET, actix_web::body::None::new().boxed(), 0, "completed", 0),
        (Method::HEAD, body(Some(6), &[ada]), 0, "completed", 0),
        (Method::HEAD, body(None, &[ada]), 2, "completed", 0),
    ] {
        let case = format!("{method} {body:?}, {read} read");
        assert_eq!(told_of(method, body, read).await, (outcome.to_owned(), bytes), "{case}");
    }
}

#[actix_web::test]
async fn a_followed_body_passes_unchanged() {
    let desk = desk();
    let response = HttpResponse::Ok()
        .body("ada")
        .map_body(|_, body| AuditedBody::new(body, desk.record(Method::GET)));
    assert!(matches!(response.body().size(), BodySize::Sized(3)));
    assert_eq!(to_bytes(response.into_body()).await.unwrap(), "ada");
}
