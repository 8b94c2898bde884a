//! A connection as a socket, in the clear or under TLS, whichever end of it is ours.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection.
#[derive(Debug)]
pub(crate) enum Socket<S> {
    Plain(TcpStream),
    /// It is somewhere else for now ([`Lend`]).
    Lent,
    /// In a box, as most connections have no session, and a session is large.
    Tls(Box<S>),
}

/// A session of TLS.
pub(crate) trait Session: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

/// A connection that may be a mere socket.
pub(crate) trait Lend: AsyncRead + AsyncWrite + Unpin {
    /// The socket, if nothing stands between it and the bytes. Until it is given back, whoever reads or writes the
    /// connection is told that it is not connected.
    fn lend(&mut self) -> Option<std::net::TcpStream>;

    fn give_back(&mut self, socket: std::net::TcpStream);
}

impl<S: Session> Socket<S> {
    /// Nothing while it is lent.
    pub(crate) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(io) => Some(io),
            Self::Lent => None,
            Self::Tls(session) => Some(session.tcp()),
        }
    }
}

impl<S: Session> Lend for Socket<S> {
    fn lend(&mut self) -> Option<std::net::TcpStream> {
        match std::mem::replace(self, Self::Lent) {
            // A system that refuses has closed it, here and below: who reads it next is told so.
            Self::Plain(io) => io.into_std().inspect_err(refused).ok(),
            other => {
                *self = other;
                None
            }
        }
    }

    fn give_back(&mut self, socket: std::net::TcpStream) {
        *self = TcpStream::from_std(socket)
            .inspect_err(refused)
            .map_or(Self::Lent, Self::Plain);
    }
}

fn refused(error: &io::Error) {
    tracing::warn!(%error, "the system does not let a connection pass from thread to thread: it is closed");
}

/// What is said of a connection that is lent.
fn lent<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl<S: Session> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(context, buffer),
            Self::Lent => lent(),
            Self::Tls(session) => Pin::new(session).poll_read(context, buffer),
        }
    }
}

impl<S: Session> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(context, bytes),
            Self::Lent => lent(),
            Self::Tls(session) => Pin::new(session).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(context),
            Self::Lent => lent(),
            Self::Tls(session) => Pin::new(session).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(context),
            Self::Lent => lent(),
            Self::Tls(session) => Pin::new(session).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests;
