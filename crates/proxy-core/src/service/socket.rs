//! A client's socket, in the clear or under TLS.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use actix_rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::socket::Session;

/// What [`Timed`](super::stream::Timed) reads and writes.
pub(super) type Socket = crate::socket::Socket<TlsStream<Counted>>;

/// What a session writes to. Notes that the client takes bytes, which a session does not tell: it takes what it is given
/// into a buffer of its own, of 64 KiB.
#[derive(Debug)]
pub(super) struct Counted {
    io: TcpStream,
    took: bool,
}

impl Session for TlsStream<Counted> {
    fn tcp(&self) -> &TcpStream {
        &self.get_ref().0.io
    }
}

impl Socket {
    /// Whether the client took a byte since this was asked last, or has nothing more to take. `ready`: a write has ended.
    pub(super) fn took(&mut self, ready: bool) -> bool {
        match self {
            Self::Plain(_) | Self::Lent => ready,
            Self::Tls(session) => {
                let (io, session) = session.get_mut();
                std::mem::take(&mut io.took) || !session.wants_write()
            }
        }
    }

    /// Whether something that was written has not even reached the system.
    pub(super) fn holds_back(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Lent => false,
            Self::Tls(session) => session.get_ref().1.wants_write(),
        }
    }
}

impl Counted {
    pub(super) fn new(io: TcpStream) -> Self {
        Self { io, took: false }
    }

    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.took |= matches!(written, Poll::Ready(Ok(1..)));
        written
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
