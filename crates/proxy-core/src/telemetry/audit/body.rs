//! A response body that its request's event follows to the end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::Record;

/// Counts the bytes of `body`, and notes when they are all out. The event is written once this is dropped.
#[derive(Debug)]
pub struct AuditedBody<B> {
    body: B,
    record: Record,
    /// Bytes still to come of a body whose length is known.
    missing: Option<u64>,
}

impl<B: MessageBody> AuditedBody<B> {
    /// Follows `body`. An answer without one (to HEAD, 204, 304) is complete at once.
    pub fn new(body: B, record: Record) -> Self {
        let missing = match body.size() {
            _ if record.asks_for_head_only() => Some(0),
            BodySize::None => Some(0),
            BodySize::Sized(length) => Some(length),
            BodySize::Stream => None,
        };
        if missing == Some(0) {
            record.completed();
        }
        Self { body, record, missing }
    }

    fn passed(&mut self, length: u64) {
        if self.record.asks_for_head_only() {
            return;
        }
        self.record.sent(length);
        if let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(length);
            if *missing == 0 {
                self.record.completed();
            }
        }
    }
}

impl<B: MessageBody + Unpin> MessageBody for AuditedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        match &next {
            Some(Ok(bytes)) => self.passed(bytes.len() as u64),
            // Only the end of a body without a known length says that it is whole.
            None if self.missing.is_none() => self.record.completed(),
            Some(Err(_)) | None => {}
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests;
