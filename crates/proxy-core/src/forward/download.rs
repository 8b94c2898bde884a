//! A response body on its way to the caller: streamed as it comes, with a limit on silence.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use http::{header, response::Parts};

use super::{
    idle::Idle,
    links::Links,
    scan::{Leak, Scan},
};
use crate::{limits::Slot, telemetry::TenantMetrics, transport::AnswerBody, upstream::Upstream};

/// What a body passes through on its way.
pub(super) struct Filters {
    /// First: what the upstream itself wrote.
    pub(super) scan: Option<Scan>,
    pub(super) links: Option<Links>,
}

impl Filters {
    fn push(&mut self, chunk: Bytes) -> Result<Bytes, Leak> {
        let chunk = match &mut self.scan {
            Some(scan) => scan.push(chunk)?,
            None => chunk,
        };
        Ok(match &mut self.links {
            Some(links) => links.push(chunk),
            None => chunk,
        })
    }

    /// What was held back.
    fn finish(&mut self) -> Bytes {
        let rest = self.scan.as_mut().map(Scan::finish).unwrap_or_default();
        let Some(links) = &mut self.links else { return rest };
        let mut out = BytesMut::from(links.push(rest).as_ref());
        out.extend_from_slice(&links.finish());
        out.freeze()
    }
}

/// Where a body comes from.
pub(super) struct Source {
    pub(super) body: AnswerBody,
    /// The answer to HEAD has none.
    pub(super) head_only: bool,
}

/// An upstream's body. Dropping it closes the upstream's connection, unless the body was read to its end.
pub struct Download {
    body: AnswerBody,
    largest_piece: usize,
    /// What is left of a larger piece.
    rest: Bytes,
    size: BodySize,
    filters: Filters,
    idle: Idle,
    metrics: Arc<TenantMetrics>,
    done: bool,
    cut: bool,
    /// Held until the last byte is out.
    _slot: Slot,
}

impl Download {
    /// The body of a response with these `parts`. With `links`, its length is not known beforehand.
    pub(super) fn new(
        source: Source,
        parts: &Parts,
        filters: Filters,
        upstream: &Upstream,
        metrics: &Arc<TenantMetrics>,
        slot: Slot,
    ) -> Self {
        let Source { body, head_only } = source;
        let announced = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let bodyless = matches!(parts.status.as_u16(), 204 | 304);
        let size = match announced {
            _ if bodyless => BodySize::None,
            _ if filters.links.is_some() => BodySize::Stream,
            Some(length) => BodySize::Sized(length),
            None if head_only => BodySize::None,
            None => BodySize::Stream,
        };
        Self {
            largest_piece: body.largest_piece(),
            rest: Bytes::new(),
            body,
            size,
            filters,
            idle: Idle::new(upstream.timeouts.idle),
            metrics: metrics.clone(),
            done: bodyless || head_only,
            cut: false,
            _slot: slot,
        }
    }

    /// Ends in an error, but only when it is asked again: what came before is written meanwhile, so that the caller sees an
    /// answer that was cut rather than none.
    fn cut(&mut self, why: &str, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        self.cut = true;
        context.waker().wake_by_ref();
        self.metrics.cut_answers.inc();
        tracing::warn!(
            tenant = self.metrics.tenant(),
            why,
            "the upstream's body was cut short: the connection to the caller is aborted"
        );
        Poll::Pending
    }
}

impl MessageBody for Download {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        loop {
            if !self.rest.is_empty() {
                let length = self.largest_piece.min(self.rest.len());
                return Poll::Ready(Some(Ok(self.rest.split_to(length))));
            }
            if self.done {
                return Poll::Ready(None);
            }
            if self.cut {
                self.done = true;
                return Poll::Ready(Some(Err(io::Error::other("the upstream's body was cut short"))));
            }
            match self.body.poll_frame(context) {
                // Trailers end here: actix has no way to send them.
                Poll::Ready(Some(Ok(frame))) => {
                    self.idle.touch();
                    let Ok(chunk) = frame.into_data() else { continue };
                    let Ok(chunk) = self.filters.push(chunk) else {
                        return self.cut("it holds the service's own credential", context);
                    };
                    self.rest = chunk;
                }
                Poll::Ready(Some(Err(error))) => return self.cut(&super::failure::chain(&error), context),
                Poll::Ready(None) => {
                    self.done = true;
                    self.rest = self.filters.finish();
                }
                Poll::Pending => {
                    return match self.idle.poll_expired(context) {
                        Poll::Ready(()) => self.cut("no byte came for too long", context),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
