//! The idle connections of one pool, and who gets which.
//!
//! **Invariant**: a connection is lent to one request at a time, and comes back only when that request's answer was read to
//! its end. Dropping a [`Lease`] earlier closes it.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    rc::Rc,
    time::Duration,
};

use http::{Request, Response, Uri};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use tokio::time::Instant;
use tower_service::Service as _;

use super::connect::{Connection, Connector};
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
const BUFFER: usize = 32 * 1024;
/// The same for the first [`MAX_LARGE`] connections of a worker: few system calls for large bodies where there are few.
const LARGE_BUFFER: usize = 128 * 1024;
const MAX_LARGE: usize = 32;
/// Most fields in the head of an answer.
const MAX_FIELDS: usize = 100;

/// Connections to one origin, with one credential, and of one user where that matters.
#[derive(Debug)]
pub(crate) struct Pool {
    connector: Connector,
    origin: Uri,
    connect_within: Duration,
    /// Whether a connection may serve a second request.
    reuse: bool,
    /// The worker's connections with a large buffer.
    large: Rc<Cell<usize>>,
    /// The one that was used last comes last.
    idle: RefCell<Vec<Idle>>,
    pub(super) used: Cell<Instant>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Upload>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Connecting took too long.
    ConnectTimeout,
    /// There is no connection.
    Connect(Box<dyn Error + Send + Sync>),
    /// The connection ended, or what came on it is not an answer.
    Exchange(hyper::Error),
}

/// A connection on loan. Give it back once the answer was read to its end.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Rc<Pool>,
    sender: SendRequest<Upload>,
}

impl Pool {
    pub(super) fn new(connector: Connector, upstream: &Upstream, large: &Rc<Cell<usize>>) -> Rc<Self> {
        Rc::new(Self {
            connector,
            origin: upstream.uri(),
            connect_within: upstream.timeouts.connect,
            reuse: upstream.reuse != Reuse::Never,
            large: large.clone(),
            idle: RefCell::default(),
            used: Cell::new(Instant::now()),
        })
    }

    /// Sends `request`, on an idle connection if there is one, unless a `fresh` one is asked for.
    ///
    /// # Errors
    /// See [`SendError`]. What may have been seen by the upstream is not sent twice here.
    pub(crate) async fn send(
        self: &Rc<Self>,
        mut request: Request<Upload>,
        fresh: bool,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        if !fresh && let Some(mut sender) = self.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, self.lend(sender))),
                Err(mut unsent) => match unsent.take_message() {
                    // The connection ended before a byte of it was written: whatever it is, it may be sent on another.
                    Some(again) => request = again,
                    None => return Err(SendError::Exchange(unsent.into_error())),
                },
            }
        }
        let mut sender = Box::pin(self.connect()).await?; // seldom, and large
        let response = sender.send_request(request).await.map_err(SendError::Exchange)?;
        Ok((response, self.lend(sender)))
    }

    fn lend(self: &Rc<Self>, sender: SendRequest<Upload>) -> Lease {
        let pool = self.clone();
        Lease { pool, sender }
    }

    /// The idle connection that was used last: the others can so grow old.
    fn take(&self) -> Option<SendRequest<Upload>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| !idle.sender.is_closed());
        // One that has not noticed yet that its last answer has ended is left for the next request.
        let ready = idle.iter().rposition(|idle| idle.sender.is_ready())?;
        Some(idle.remove(ready).sender)
    }

    async fn connect(&self) -> Result<SendRequest<Upload>, SendError> {
        let connecting = self.connector.clone().call(self.origin.clone());
        let io = match tokio::time::timeout(self.connect_within, connecting).await {
            Ok(connected) => connected.map_err(SendError::Connect)?,
            Err(_) => return Err(SendError::ConnectTimeout),
        };
        let large = Large::one_more(&self.large);
        let handshake = handshake(io, if large.is_some() { LARGE_BUFFER } else { BUFFER }).await;
        let (sender, connection) = handshake.map_err(|error| SendError::Connect(error.into()))?;
        // It ends with the connection, when the upstream closes it or when the last `sender` is gone.
        actix_rt::spawn(async move {
            let _large = large;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the upstream ended");
            }
        });
        Ok(sender)
    }

    /// Closes what has lain idle for too long.
    pub(super) fn sweep(&self, now: Instant) {
        self.idle
            .borrow_mut()
            .retain(|idle| !idle.sender.is_closed() && now.duration_since(idle.since) < IDLE);
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.idle.borrow().len()
    }
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
#[derive(Debug)]
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

impl Lease {
    /// The answer was read to its end: the connection may serve the next request.
    pub(crate) fn give_back(self) {
        let Self { pool, sender } = self;
        let mut idle = pool.idle.borrow_mut();
        if pool.reuse && !sender.is_closed() && idle.len() < MAX_IDLE {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
