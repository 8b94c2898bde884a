//! A client's connection with deadlines: every request head must arrive in time, not the first alone, and a client that
//! does not read is not waited for without end.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::telemetry::Metrics;

/// What the connection and the requests on it know of each other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Requests between their head and their answer's last byte.
    busy: Cell<u32>,
    /// When the first byte of a head came that is not complete yet.
    head_since: Cell<Option<Instant>>,
    /// Whether bytes came while a request without a body was busy: they belong to the next head.
    read_ahead: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

/// Held by a request from its head to its answer's last byte.
#[derive(Debug)]
pub(super) struct Busy(Rc<Progress>);

impl Busy {
    /// The head of a request is complete.
    pub(super) fn begin(progress: &Rc<Progress>, has_body: bool) -> Self {
        progress.busy.set(progress.busy.get() + 1);
        progress.head_since.set(None);
        // The bytes of a body cannot be told from those of a next head.
        progress.read_ahead.set(progress.read_ahead.get() && !has_body);
        Self(progress.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let progress = &self.0;
        progress.busy.set(progress.busy.get().saturating_sub(1));
        if progress.busy.get() == 0 && progress.read_ahead.replace(false) {
            progress.head_since.set(Some(Instant::now()));
            // The dispatcher has to wait for the deadline now: it is told to look again.
            if let Some(reader) = progress.reader.borrow_mut().take() {
                reader.wake();
            }
        }
    }
}

/// Time limits of a client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From a head's first byte to its last.
    pub(super) head: Duration,
    /// Without a byte being taken by the client.
    pub(super) write: Duration,
}

/// A connection that enforces [`Limits`].
#[derive(Debug)]
pub(super) struct Timed {
    io: TcpStream,
    limits: Limits,
    progress: Rc<Progress>,
    read_timer: Timer,
    write_since: Option<Instant>,
    write_timer: Timer,
    metrics: Arc<Metrics>,
}

/// A timer that is moved only when it fires.
#[derive(Debug, Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    fn poll_past(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            std::task::ready!(timer.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}

impl Timed {
    pub(super) fn new(io: TcpStream, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let (read_timer, write_timer) = (Timer::default(), Timer::default());
        Self { io, limits, progress: Rc::default(), read_timer, write_since: None, write_timer, metrics }
    }

    pub(super) fn progress(&self) -> &Rc<Progress> {
        &self.progress
    }

    fn poll_head_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.progress.busy.get() > 0 {
            *self.progress.reader.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Some(since) = self.progress.head_since.get() else { return Poll::Pending };
        std::task::ready!(self.read_timer.poll_past(since + self.limits.head, context));
        self.metrics.connection_closed("head");
        tracing::info!(limit = ?self.limits.head, "a request head did not arrive in time: connection closed");
        Poll::Ready(io::Error::from(io::ErrorKind::TimedOut))
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_since = None;
            return written;
        }
        let since = *self.write_since.get_or_insert_with(Instant::now);
        std::task::ready!(self.write_timer.poll_past(since + self.limits.write, context));
        self.metrics.connection_closed("write");
        tracing::info!(limit = ?self.limits.write, "a client took no byte for too long: connection closed");
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Timed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_pending() {
            return self.poll_head_deadline(context).map(Err);
        }
        if buffer.filled().len() > before {
            let progress = &self.progress;
            if progress.busy.get() > 0 {
                progress.read_ahead.set(true);
            } else if progress.head_since.get().is_none() {
                progress.head_since.set(Some(Instant::now()));
            }
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
