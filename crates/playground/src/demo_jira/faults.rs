//! Routes that misbehave on purpose: slow, broken off, failed.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::{HttpResponse, rt};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

const PIECES: u32 = 10;
const BETWEEN_PIECES: Duration = Duration::from_millis(300);
const PROMISED_BYTES: u64 = 1000;

/// Ten pieces in three seconds; together they are one JSON text.
pub(super) async fn slow() -> HttpResponse {
    let pieces = stream::unfold(1, |n| async move {
        if n > PIECES {
            return None;
        }
        rt::time::sleep(BETWEEN_PIECES).await;
        let before = if n == 1 { "{\"pieces\":[\n" } else { "" };
        let after = if n == PIECES { "]}\n" } else { ",\n" };
        let piece = format!("{before}{{\"piece\":{n},\"of\":{PIECES}}}{after}");
        Some((Ok::<_, Infallible>(Bytes::from(piece)), n + 1))
    });
    HttpResponse::Ok().content_type("application/json").streaming(pieces)
}

/// Promises 1000 bytes, sends the first few and cuts the connection.
pub(super) async fn broken() -> HttpResponse {
    let pieces = stream::unfold(0, |n| async move {
        // The pause lets the first bytes leave before the cut.
        rt::time::sleep(BETWEEN_PIECES).await;
        let piece = match n {
            0 => Ok(Bytes::from_static(b"{\"issues\":[{\"key\":\"DM-1\",")),
            _ => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        };
        Some((piece, n + 1))
    });
    HttpResponse::Ok()
        .content_type("application/json")
        .body(SizedStream::new(PROMISED_BYTES, Box::pin(pieces)))
}

pub(super) async fn error() -> HttpResponse {
    let message = "Internal server error: the demo fails here on purpose.";
    HttpResponse::InternalServerError().json(json!({ "errorMessages": [message], "errors": {} }))
}
