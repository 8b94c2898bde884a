//! A client's connection with deadlines: every request head must arrive in time, and a client that does not read is not
//! waited for without end.
//!
//! **Invariant**: an answer that was cut ends in a reset (RST). Where the connection's end is the body's end (HTTP/1.0), a
//! regular end (FIN, and `close_notify` of TLS) would make it look whole.

use std::{
    io,
    net::TcpStream,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    time::Instant,
};

use super::{
    progress::{Awaited, Progress},
    socket::Socket,
};
use crate::{socket::Lend, telemetry::Metrics, timer::Timer, tunnel::watch_for_death};

/// Most bytes that are read while it is not their turn: beyond, the client waits.
const MAX_HELD: usize = 32 * 1024;
/// How often it is looked whether a client has left who sent more than that.
const LOOK: Duration = Duration::from_secs(1);

/// Time limits of a client's connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From a head's first byte to its last; for the first head, from the connection's start, or the end of its TLS
    /// handshake, which has as long.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) keep_alive: Duration,
    /// Without a byte being taken by the client.
    pub(super) write: Duration,
}

/// A connection that enforces [`Limits`].
#[derive(Debug)]
pub(super) struct Timed {
    io: Socket,
    limits: Limits,
    progress: Rc<Progress>,
    /// What came, and whose turn it is not yet.
    held: BytesMut,
    read_timer: Timer,
    write_since: Option<Instant>,
    write_timer: Timer,
    /// A refusal of actix's own was seen: noted once.
    refused: bool,
    /// There is no HTTP on it any more.
    raw: bool,
    metrics: Arc<Metrics>,
}

impl Timed {
    pub(super) fn new(io: Socket, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let (read_timer, write_timer) = (Timer::default(), Timer::default());
        Self {
            io,
            limits,
            progress: Rc::new(Progress::new()),
            held: BytesMut::new(),
            read_timer,
            write_since: None,
            write_timer,
            refused: false,
            raw: false,
            metrics,
        }
    }

    pub(super) fn progress(&self) -> &Rc<Progress> {
        &self.progress
    }

    /// From now on there is no HTTP on it: whatever comes is handed on, after `read` and what was held back, and only who takes
    /// nothing is given up.
    pub(super) fn open(&mut self, mut read: BytesMut) {
        self.raw = true;
        read.unsplit(std::mem::take(&mut self.held));
        self.held = read;
        self.io.tcp().map(watch_for_death);
    }

    /// What was held back, and then what comes.
    fn poll_raw(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let count = self.held.len().min(buffer.remaining());
        buffer.put_slice(&self.held.split_to(count));
        if self.held.is_empty() {
            self.held = BytesMut::new(); // lets go of it
        }
        Poll::Ready(Ok(()))
    }

    /// The dispatcher's own timer of the first head is off: it would answer 408 without a word to metrics and log. Here
    /// every head is treated alike and none is answered, since no request is there yet that an answer could belong to.
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
        self.metrics.connection_closed(awaited.name());
        match awaited {
            Awaited::Head => tracing::info!(?limit, "a request head did not arrive in time: connection closed"),
            Awaited::Next => tracing::info!(
                ?limit,
                "neither the rest of a body nor a next request arrived in time: connection closed"
            ),
        }
        Poll::Ready(io::Error::from(io::ErrorKind::TimedOut))
    }

    /// Reads what may be handed on now, and holds back the rest. Reads on while it holds something, to see the client leave;
    /// beyond [`MAX_HELD`] it [looks](Self::poll_left) for that.
    fn poll_turn(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.held.is_empty() && self.release(buffer) {
                return Poll::Ready(Ok(()));
            }
            if self.held.len() >= MAX_HELD {
                return self.poll_left(context);
            }
            let before = buffer.filled().len();
            std::task::ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
            let came = &buffer.filled()[before..];
            if came.is_empty() {
                return Poll::Ready(Ok(())); // the client is gone
            }
            self.progress.head_began();
            if self.held.is_empty() {
                let count = self.progress.take(came);
                if count == came.len() {
                    return Poll::Ready(Ok(()));
                }
                self.held.extend_from_slice(&came[count..]);
                self.progress.holding.set(true);
                buffer.set_filled(before + count);
                if count > 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                self.held.extend_from_slice(came);
                buffer.set_filled(before);
            }
        }
    }

    /// Ready once the client has left. What is not read hides the end behind it from a reader, so it is looked for now and
    /// then. An end behind more than the system takes has not come yet, and is not seen.
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let ready = self.io.tcp().map(|tcp| tcp.ready(Interest::READABLE));
            let state = ready.map(|ready| pin!(ready).poll(&mut Context::from_waker(Waker::noop())));
            if let Some(Poll::Ready(state)) = state
                && state?.is_read_closed()
            {
                return Poll::Ready(Ok(()));
            }
            // Only looks at the clock: what is woken for it comes back here.
            std::task::ready!(self.read_timer.poll_past(Instant::now() + LOOK, context));
        }
    }

    /// Hands on what was held back, as far as its turn has come; whether anything.
    fn release(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let room = self.held.len().min(buffer.remaining());
        let count = self.progress.take(&self.held[..room]);
        buffer.put_slice(&self.held[..count]);
        self.held.advance(count);
        if self.held.is_empty() {
            self.held = BytesMut::new(); // lets go of what a burst took
        }
        self.progress.holding.set(!self.held.is_empty());
        count > 0
    }

    /// Gives up a client that takes nothing: `written` is what came of a write, or of a flush.
    fn wrote<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if self.io.took(written.is_ready()) {
            self.write_since = None;
        }
        if written.is_ready() {
            return written;
        }
        let since = *self.write_since.get_or_insert_with(Instant::now);
        std::task::ready!(self.write_timer.poll_past(since + self.limits.write, context));
        self.progress.cut.set(true);
        self.metrics.connection_closed("write");
        tracing::info!(limit = ?self.limits.write, "a client took no byte for too long: connection closed");
        Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)))
    }

    /// actix answers a head that it cannot read by itself (400, 431), without a word to anybody, and closes: this is where
    /// it can be seen. Not seen if the answer before it is still being written.
    fn note_refusal(&mut self, bytes: &[u8]) {
        if self.progress.answering.get() || self.refused {
            return;
        }
        self.refused = true;
        self.metrics.connection_closed("malformed");
        let status = bytes.get(9..12).and_then(|status| std::str::from_utf8(status).ok());
        tracing::info!(status, "a request head cannot be read: refused and connection closed");
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if (self.progress.cut.get() || self.write_since.is_some() || self.io.holds_back())
            && let Some(tcp) = self.io.tcp()
        {
            let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Lend for Timed {
    fn lend(&mut self) -> Option<TcpStream> {
        let clear = self.raw && self.held.is_empty() && self.write_since.is_none();
        clear.then(|| self.io.lend()).flatten()
    }

    fn give_back(&mut self, socket: TcpStream) {
        self.io.give_back(socket);
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.raw {
            return self.poll_raw(context, buffer);
        }
        // The dispatcher writes all it has before it reads again, or as much as the client takes.
        if self.progress.busy.get() == 0 && self.write_since.is_none() {
            self.progress.answering.set(false);
        }
        let read = self.poll_turn(context, buffer);
        if read.is_ready() {
            return read;
        }
        if !self.held.is_empty() {
            *self.progress.reader.borrow_mut() = Some(context.waker().clone());
        }
        self.poll_head_deadline(context).map(Err)
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note_refusal(bytes);
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.wrote(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.wrote(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.progress.busy.get() > 0 || self.progress.cut.get() {
            return Poll::Ready(Ok(())); // what is in progress is let go of: whether that cuts an answer is known by then
        }
        match Pin::new(&mut self.io).poll_shutdown(context) {
            Poll::Pending => self.wrote(Poll::Pending, context),
            done => done,
        }
    }
}

#[cfg(test)]
mod tests;
