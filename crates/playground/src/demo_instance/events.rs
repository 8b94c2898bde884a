//! Server-sent events, some in a second: whoever gathers them on the way is noticed.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, rt};
use bytes::Bytes;
use futures_util::stream;

const EVENTS: u32 = 10;
const BETWEEN_EVENTS: Duration = Duration::from_millis(300);

/// Ten in three seconds; then one named `end`, after which a browser need not come again.
pub(super) async fn events() -> HttpResponse {
    let events = stream::unfold(1, |n| async move {
        if n > EVENTS {
            return None;
        }
        rt::time::sleep(BETWEEN_EVENTS).await;
        let end = if n == EVENTS {
            "event: end\ndata: that was all\n\n"
        } else {
            ""
        };
        let event = format!("data: event {n} of {EVENTS}\n\n{end}");
        Some((Ok::<_, Infallible>(Bytes::from(event)), n + 1))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .streaming(events)
}
