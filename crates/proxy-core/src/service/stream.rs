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
    /// What is waited for, and since when.
    waiting: Cell<Option<(Awaited, Instant)>>,
    /// The last bytes that came: a head ends in an empty line.
    last: Cell<[u8; 4]>,
    reader: RefCell<Option<Waker>>,
}

/// What a connection without a request in progress is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// The rest of a head.
    Head,
    /// A next request, after one with a body: whether a piece of its head is there already cannot be told.
    Next,
}

impl Progress {
    fn came(&self, bytes: &[u8]) {
        let mut last = self.last.get();
        for byte in bytes.iter().skip(bytes.len().saturating_sub(4)) {
            last.rotate_left(1);
            last[3] = *byte;
        }
        self.last.set(last);
        if self.busy.get() == 0 && self.waiting.get().is_none_or(|(awaited, _)| awaited == Awaited::Next) {
            self.waiting.set(Some((Awaited::Head, Instant::now())));
        }
    }

    fn ends_with_empty_line(&self) -> bool {
        let last = self.last.get();
        last == *b"\r\n\r\n" || last.ends_with(b"\n\n")
    }
}

/// Held by a request from its head to its answer's last byte.
#[derive(Debug)]
pub(super) struct Busy {
    progress: Rc<Progress>,
    has_body: bool,
}

impl Busy {
    /// The head of a request is complete.
    pub(super) fn begin(progress: &Rc<Progress>, has_body: bool) -> Self {
        progress.busy.set(progress.busy.get() + 1);
        progress.waiting.set(None);
        Self {
            progress: progress.clone(),
            has_body,
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let progress = &self.progress;
        progress.busy.set(progress.busy.get().saturating_sub(1));
        let awaited = match self.has_body {
            true => Awaited::Next,
            false if !progress.ends_with_empty_line() => Awaited::Head,
            false => return, // nothing of a next request is there: actix's own keep-alive timer watches
        };
        progress.waiting.set(Some((awaited, Instant::now())));
        // The dispatcher has to wait for the deadline now: it is told to look again.
        if let Some(reader) = progress.reader.borrow_mut().take() {
            reader.wake();
        }
    }
}

/// Time limits of a client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From a head's first byte to its last.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) keep_alive: Duration,
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
        Self {
            io,
            limits,
            progress: Rc::default(),
            read_timer,
            write_since: None,
            write_timer,
            metrics,
        }
    }

    pub(super) fn progress(&self) -> &Rc<Progress> {
        &self.progress
    }

    fn poll_head_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if self.progress.busy.get() > 0 {
            *self.progress.reader.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        let Some((awaited, since)) = self.progress.waiting.get() else {
            return Poll::Pending;
        };
        let limit = match awaited {
            Awaited::Head => self.limits.head,
            Awaited::Next => self.limits.keep_alive,
        };
        std::task::ready!(self.read_timer.poll_past(since + limit, context));
        self.metrics.connection_closed("head");
        tracing::info!(?limit, "a request head did not arrive in time: connection closed");
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
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_pending() {
            return self.poll_head_deadline(context).map(Err);
        }
        if let Some(bytes) = buffer.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.progress.came(bytes);
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
