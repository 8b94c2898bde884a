//! A request body on its way upstream: streamed, bounded in size and time.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::{Payload, RequestHead};
use actix_web::http::{Method, header};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::idle::Idle;
use crate::{error::ProxyError, tenant::Kind, upstream::Upstream};

/// What was wrong with the body while it was being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    TooSlow,
    Broken,
}

/// Tells the forwarder why a body failed: hyper reports only that it did.
#[derive(Clone, Debug, Default)]
pub(super) struct UploadWatch(Option<Rc<Cell<Option<Fault>>>>);

impl UploadWatch {
    pub(super) fn fault(&self) -> Option<Fault> {
        self.0.as_ref()?.get()
    }
}

/// A request body.
#[derive(Default)]
pub(crate) enum Upload {
    #[default]
    None,
    /// What a service has written itself.
    Whole(Option<Bytes>),
    Streaming(Box<Streaming>),
}

pub(crate) struct Streaming {
    payload: Payload,
    /// By `Content-Length`.
    announced: Option<u64>,
    left: u64,
    idle: Idle,
    deadline: Pin<Box<Sleep>>,
    fault: Rc<Cell<Option<Fault>>>,
}

/// The body that `head` announces.
///
/// # Errors
/// A body that is too large by its own account, or that comes with a method that has none.
pub(super) fn from_request(
    head: &RequestHead,
    payload: Payload,
    upstream: &Upstream,
    kind: &Kind,
) -> Result<(Upload, UploadWatch), ProxyError> {
    let announced = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse::<u64>().ok());
    let chunked = head.headers.contains_key(header::TRANSFER_ENCODING);
    if !chunked && announced.unwrap_or(0) == 0 {
        return Ok((Upload::default(), UploadWatch::default()));
    }
    if matches!(head.method, Method::GET | Method::HEAD) {
        return Err(ProxyError::BadRequest(
            "a GET or HEAD request must not have a body".into(),
        ));
    }
    if !kind.body_media.is_empty() && !is_one_of(head, kind.body_media) {
        return Err(ProxyError::UnsupportedMedia {
            allowed: kind.body_media.join(", "),
        });
    }
    if announced.is_some_and(|length| length > upstream.max_request_body) {
        return Err(ProxyError::TooLarge {
            limit: upstream.max_request_body,
        });
    }
    let fault = Rc::default();
    let watch = UploadWatch(Some(Rc::clone(&fault)));
    let streaming = Streaming {
        payload,
        announced: announced.filter(|_| !chunked),
        left: upstream.max_request_body,
        idle: Idle::new(upstream.timeouts.idle),
        deadline: Box::pin(sleep(upstream.timeouts.upload)),
        fault,
    };
    Ok((Upload::Streaming(Box::new(streaming)), watch))
}

/// The whole body of a request, which a service reads itself.
///
/// # Errors
/// As of a body that is sent on: too large, too slow, of another media type, or cut off.
pub async fn collect(
    head: &RequestHead,
    payload: Payload,
    upstream: &Upstream,
    kind: &Kind,
) -> Result<Bytes, ProxyError> {
    let (mut upload, watch) = from_request(head, payload, upstream, kind)?;
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut upload).poll_frame(context)).await {
        let data = frame.map_err(|_| watch.fault().unwrap_or(Fault::Broken).into_error(upstream))?;
        whole.extend_from_slice(&data.into_data().unwrap_or_default());
    }
    Ok(whole.freeze())
}

/// Exactly one media type, and one of these: a form could carry a login where JSON cannot.
fn is_one_of(head: &RequestHead, media: &[&str]) -> bool {
    let mut types = head.headers.get_all(header::CONTENT_TYPE);
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let name = only
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    media.iter().any(|allowed| name.eq_ignore_ascii_case(allowed))
}

impl Streaming {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.idle.touch();
                match self.left.checked_sub(chunk.len() as u64) {
                    Some(left) => self.left = left,
                    None => return Poll::Ready(Some(Err(Fault::TooLarge))),
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Fault::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.deadline.as_mut().poll(context).is_ready() => Poll::Ready(Some(Err(Fault::TooSlow))),
            Poll::Pending => self.idle.poll_expired(context).map(|()| Some(Err(Fault::TooSlow))),
        }
    }
}

#[cfg(test)]
impl Upload {
    /// A body in chunks, for tests of what carries it.
    pub(crate) fn of(payload: Payload) -> Self {
        let hour = std::time::Duration::from_secs(3_600);
        Self::Streaming(Box::new(Streaming {
            payload,
            announced: None,
            left: u64::MAX,
            idle: Idle::new(hour),
            deadline: Box::pin(sleep(hour)),
            fault: Rc::default(),
        }))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let streaming = match &mut *self {
            Self::None => return Poll::Ready(None),
            Self::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streaming(streaming) => streaming,
        };
        let chunk = std::task::ready!(streaming.poll(context));
        Poll::Ready(chunk.map(|chunk| match chunk {
            Ok(bytes) => Ok(Frame::data(bytes)),
            Err(fault) => {
                streaming.fault.set(Some(fault));
                Err(io::Error::other("the request body failed"))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::None | Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::None => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streaming(streaming) => streaming.announced.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
