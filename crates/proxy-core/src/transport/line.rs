//! One connection to an upstream, which goes on only while somebody waits for it.
//!
//! There is no task beside the request: who waits for an answer, or for the next piece of its body, also moves the bytes.
//! That saves two wake-ups for each exchange, and a connection ends at once when it is dropped, whatever the upstream does.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, Parts, SendRequest},
    },
};
use tokio::time::Instant;

use super::{
    connect::Connection,
    pool::{LARGE_BUFFER, SMALL_BUFFER, SendError},
    raw::Raw,
};
use crate::{forward::upload::Upload, timer::Timer};

/// Most connections of one worker that have a large buffer.
pub(super) const MAX_LARGE: usize = 32;
/// Most fields in the head of an answer.
const MAX_FIELDS: usize = 100;

/// A connection.
pub(super) struct Line {
    sender: SendRequest<Upload>,
    /// `None` once the connection has ended.
    driver: Option<Pin<Box<http1::Connection<Connection, Upload>>>>,
    timer: Timer,
    large: Option<Large>,
    /// Not to be lent again.
    single: bool,
}

/// What became of the wish for another protocol.
pub(super) enum Switch {
    /// The upstream agreed: the connection is no longer one for HTTP. With what was read behind the answer.
    Raw(Response<Incoming>, Raw, Bytes),
    /// It answered otherwise.
    Answer(Response<Incoming>, Line),
}

/// Why a request has no answer.
pub(super) enum Unanswered {
    /// No byte of it was written: whatever it is, it may be sent on another connection.
    Unsent(Box<Request<Upload>>),
    Failed(SendError),
}

impl Line {
    /// HTTP/1.1 over `io`. `large` counts the worker's connections with a large buffer.
    pub(super) async fn new(io: Connection, large: &Rc<Cell<usize>>) -> Result<Self, SendError> {
        let large = Large::one_more(large);
        let buffer = if large.is_some() { LARGE_BUFFER } else { SMALL_BUFFER };
        let handshake = handshake(io, buffer).await;
        let (sender, driver) = handshake.map_err(|error| SendError::Connect(error.into()))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            timer: Timer::default(),
            large,
            single: false,
        })
    }

    /// The same for one request alone, which asks for another protocol.
    pub(super) async fn single(io: Connection) -> Result<Self, SendError> {
        let handshake = handshake(io, SMALL_BUFFER).await;
        let (sender, driver) = handshake.map_err(|error| SendError::Connect(error.into()))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            timer: Timer::default(),
            large: None,
            single: true,
        })
    }

    /// Asks for another protocol, until `deadline`.
    pub(super) async fn switch(mut self, request: Request<Upload>, deadline: Instant) -> Result<Switch, SendError> {
        let mut driver = self
            .driver
            .take()
            .ok_or_else(|| SendError::Connect("it was closed at once".into()))?;
        let (mut answer, mut answered, mut done) = (pin!(self.sender.try_send_request(request)), None, false);
        let answer = std::future::poll_fn(|context| {
            // An upgrade ends the driver, and leaves the connection with it.
            done = done || driver.as_mut().get_mut().poll_without_shutdown(context).is_ready();
            if answered.is_none()
                && let Poll::Ready(answer) = answer.as_mut().poll(&mut quiet())
            {
                answered = Some(answer);
            }
            match answered.take_if(|answer| done || !is_switch(answer)) {
                Some(answer) => Poll::Ready(answer.map_err(|error| SendError::Exchange(error.into_error()))),
                None => self
                    .timer
                    .poll_past(deadline, context)
                    .map(|()| Err(SendError::Timeout)),
            }
        })
        .await?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Parts { io, read_buf, .. } = Pin::into_inner(driver).into_parts();
            return Ok(Switch::Raw(answer, io.into(), read_buf));
        }
        self.driver = (!done).then_some(driver);
        Ok(Switch::Answer(answer, self))
    }

    /// One request and the head of its answer, until `deadline`.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Upload>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        std::future::poll_fn(|context| {
            self.drive(context);
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut quiet()) {
                return Poll::Ready(answer.map_err(|mut unsent| match unsent.take_message() {
                    Some(request) => Unanswered::Unsent(Box::new(request)),
                    None => Unanswered::Failed(SendError::Exchange(unsent.into_error())),
                }));
            }
            let late = self.timer.poll_past(deadline, context);
            late.map(|()| Err(Unanswered::Failed(SendError::Timeout)))
        })
        .await
    }

    /// Moves what can be moved, and has `context` woken when more can be.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        let ended = self.driver.as_mut().map(|driver| driver.as_mut().poll(context));
        if let Some(Poll::Ready(end)) = ended {
            if let Err(error) = end {
                tracing::debug!(%error, "a connection to the upstream ended");
            }
            self.driver = None;
        }
    }

    /// Whether it has a large buffer.
    pub(super) fn is_large(&self) -> bool {
        self.large.is_some()
    }

    /// Whether a next request may be sent: the connection stands, the last exchange is over on both sides, and nothing has
    /// come that nobody asked for. `context` is woken when that may have changed.
    pub(super) fn is_free(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        !self.single && self.driver.is_some() && self.sender.is_ready()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Line").finish_non_exhaustive()
    }
}

/// For what becomes ready only while a [`Line`] is driven: who drives it looks next.
///
/// An answer can be there and yet not be seen by [`Line::exchange`]: once tokio's budget for one turn of the task is used up,
/// its receiver is pending and has this waker woken, which is nobody's. What brings the task back then is the [`Timer`]: it
/// polls a `Sleep` with the real context each time.
pub(super) fn quiet() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn is_switch(answer: &Result<Response<Incoming>, TrySendError<Request<Upload>>>) -> bool {
    let status = answer.as_ref().ok().map(Response::status);
    status == Some(StatusCode::SWITCHING_PROTOCOLS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where connections that forward are made"
)]
async fn handshake(
    io: Connection,
    buffer: usize,
) -> hyper::Result<(SendRequest<Upload>, http1::Connection<Connection, Upload>)> {
    http1::Builder::new()
        .max_headers(MAX_FIELDS)
        .max_buf_size(buffer)
        .writev(false) // nearly all that is sent is one head
        .handshake(io)
        .await
}

/// A place among the connections with a large buffer, as long as the connection lasts.
struct Large(Rc<Cell<usize>>);

impl Large {
    fn one_more(count: &Rc<Cell<usize>>) -> Option<Self> {
        if count.get() >= MAX_LARGE {
            return None;
        }
        count.set(count.get() + 1);
        Some(Self(count.clone()))
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
