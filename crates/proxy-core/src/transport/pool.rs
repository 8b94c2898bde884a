//! The idle connections of one pool, and who gets which.
//!
//! **Invariant**: a connection is lent to one request at a time, and comes back only when that request's answer was read to
//! its end and the request itself was sent. Dropping a [`Lease`] earlier closes it, whatever the upstream does.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, response::Parts};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tower_service::Service as _;

use super::{
    connect::{Connection, Connector},
    line::{Line, Switch, Unanswered, quiet},
    raw::Raw,
};
use crate::{
    forward::upload::Upload,
    upstream::{Reuse, Upstream},
};

/// Idle connections kept in one pool.
const MAX_IDLE: usize = 64;
/// How long a connection may lie idle.
pub(super) const IDLE: Duration = Duration::from_secs(60);
/// Bounds what one connection buffers of an upstream's head or body. A body that its caller does not take is held about
/// three times over: here, between hyper and the answer, and in what is to be written.
pub(super) const SMALL_BUFFER: usize = 32 * 1024;
/// Largest piece of a body that is handed on of such a connection: what gathers pieces doubles its buffer for one too many.
const SMALL_PIECE: usize = 16 * 1024;
/// The same for a worker's first connections: few system calls for large bodies where there are few.
pub(super) const LARGE_BUFFER: usize = 128 * 1024;

/// Connections to one origin, with one credential, and of one user where that matters.
#[derive(Debug)]
pub(crate) struct Pool {
    connector: Connector,
    origin: Uri,
    connect_within: Duration,
    /// Whether a connection may serve a second request.
    reuse: bool,
    shared: Rc<Shared>,
    /// The one that was used last comes last.
    idle: RefCell<Vec<Idle>>,
    pub(super) used: Cell<Instant>,
}

/// What a worker's pools have in common.
#[derive(Debug)]
pub(super) struct Shared {
    /// Connections with a large buffer.
    pub(super) large: Rc<Cell<usize>>,
    /// Who looks after connections that lie idle: woken when something happens to one of them.
    pub(super) sweeper: RefCell<Waker>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            large: Rc::default(),
            sweeper: RefCell::new(Waker::noop().clone()),
        }
    }
}

#[derive(Debug)]
struct Idle {
    line: Line,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Connecting, or waiting for the answer, took too long.
    Timeout,
    /// There is no connection.
    Connect(Box<dyn Error + Send + Sync>),
    /// The connection ended, or what came on it is not an answer.
    Exchange(hyper::Error),
}

/// What came of a request for another protocol.
pub(crate) enum Switched {
    /// The upstream agreed, with this head; and what it sent right behind it.
    Raw(Parts, Raw, Bytes),
    /// It answered otherwise. The connection ends with the answer.
    Answer(Response<AnswerBody>),
}

/// A connection on loan.
#[derive(Debug)]
struct Lease {
    pool: Rc<Pool>,
    line: Line,
}

/// What comes after an answer's head, on the connection that the answer came on. Dropping it closes that connection unless
/// it was read to its end.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    incoming: Incoming,
    /// `None` once the body has ended: the connection may serve the next request.
    lease: Option<Lease>,
}

impl Pool {
    pub(super) fn new(connector: Connector, upstream: &Upstream, shared: &Rc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            connector,
            origin: upstream.uri(),
            connect_within: upstream.timeouts.connect,
            reuse: upstream.reuse != Reuse::Never,
            shared: shared.clone(),
            idle: RefCell::default(),
            used: Cell::new(Instant::now()),
        })
    }

    /// Sends `request`, on an idle connection if there is one, unless a `fresh` one is asked for, and waits for the head of
    /// the answer until `deadline`.
    ///
    /// # Errors
    /// See [`SendError`]. What may have been seen by the upstream is not sent twice here.
    pub(crate) async fn send(
        self: &Rc<Self>,
        request: Request<Upload>,
        fresh: bool,
        deadline: Instant,
    ) -> Result<Response<AnswerBody>, SendError> {
        let idle = if fresh { None } else { self.take() };
        self.send_on(idle, request, deadline).await
    }

    /// Asks for another protocol on a connection that serves nothing else, and waits for the head of the answer until
    /// `deadline`.
    ///
    /// # Errors
    /// See [`SendError`].
    pub(crate) async fn switch(
        self: &Rc<Self>,
        request: Request<Upload>,
        deadline: Instant,
    ) -> Result<Switched, SendError> {
        let line = Line::single(self.dial(deadline).await?).await?;
        Ok(match line.switch(request, deadline).await? {
            Switch::Raw(answer, raw, early) => Switched::Raw(answer.into_parts().0, raw, early),
            Switch::Answer(answer, line) => Switched::Answer(self.lent(answer, line)),
        })
    }

    async fn send_on(
        self: &Rc<Self>,
        idle: Option<Line>,
        mut request: Request<Upload>,
        deadline: Instant,
    ) -> Result<Response<AnswerBody>, SendError> {
        if let Some(mut line) = idle {
            match line.exchange(request, deadline).await {
                Ok(answer) => return Ok(self.lent(answer, line)),
                Err(Unanswered::Unsent(again)) => request = *again,
                Err(Unanswered::Failed(error)) => return Err(error),
            }
        }
        let mut line = Box::pin(self.connect(deadline)).await?; // seldom, and large
        match line.exchange(request, deadline).await {
            Ok(answer) => Ok(self.lent(answer, line)),
            Err(Unanswered::Failed(error)) => Err(error),
            Err(Unanswered::Unsent(_)) => Err(SendError::Connect("it was closed at once".into())),
        }
    }

    fn lent(self: &Rc<Self>, answer: Response<Incoming>, line: Line) -> Response<AnswerBody> {
        let lease = Lease {
            pool: self.clone(),
            line,
        };
        answer.map(|incoming| {
            let mut body = AnswerBody {
                incoming,
                lease: Some(lease),
            };
            if body.incoming.is_end_stream() {
                body.give_back();
            }
            body
        })
    }

    /// The idle connection that was used last: the others can so grow old. One that is not free is closed.
    fn take(&self) -> Option<Line> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { mut line, .. }) = idle.pop() {
            if line.is_free(&mut quiet()) {
                return Some(line);
            }
        }
        None
    }

    async fn connect(&self, deadline: Instant) -> Result<Line, SendError> {
        Line::new(self.dial(deadline).await?, &self.shared.large).await
    }

    async fn dial(&self, deadline: Instant) -> Result<Connection, SendError> {
        let connecting = self.connector.clone().call(self.origin.clone());
        let deadline = deadline.min(Instant::now() + self.connect_within);
        match timeout_at(deadline, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) if Instant::now() < deadline => Err(SendError::Connect(error)),
            // The last address's share of the time may be over first.
            _ => Err(SendError::Timeout),
        }
    }

    /// Closes what has lain idle for too long, and what the upstream has closed.
    pub(super) fn sweep(&self, now: Instant, context: &mut Context<'_>) {
        self.idle
            .borrow_mut()
            .retain_mut(|idle| idle.line.is_free(context) && now.duration_since(idle.since) < IDLE);
    }
}

impl AnswerBody {
    /// Largest piece that is to be handed on at once.
    pub(crate) fn largest_piece(&self) -> usize {
        match &self.lease {
            Some(lease) if !lease.line.is_large() => SMALL_PIECE,
            _ => usize::MAX,
        }
    }

    /// The next piece.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut frame = Pin::new(&mut self.incoming).poll_frame(&mut quiet());
        if let (Poll::Pending, Some(lease)) = (&frame, &mut self.lease) {
            lease.line.drive(context);
            frame = Pin::new(&mut self.incoming).poll_frame(&mut quiet());
        }
        // Of a body with a length the last piece is known as such, of any other only that nothing follows it.
        if matches!(frame, Poll::Ready(None)) || (frame.is_ready() && self.incoming.is_end_stream()) {
            self.give_back();
        }
        frame
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Lease {
    /// The answer was read to its end: the connection may serve the next request.
    fn give_back(self) {
        let Self { pool, mut line } = self;
        let mut idle = pool.idle.borrow_mut();
        let sweeper = pool.shared.sweeper.borrow();
        if pool.reuse && idle.len() < MAX_IDLE && line.is_free(&mut Context::from_waker(&sweeper)) {
            idle.push(Idle {
                line,
                since: Instant::now(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
