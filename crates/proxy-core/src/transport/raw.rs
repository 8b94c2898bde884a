//! A connection to an upstream that has switched to another protocol: its bytes, without HTTP between.

use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::connect::Connection;
use crate::socket::{Session, Socket};

/// In the clear, or under TLS.
pub(crate) type Raw = Socket<TlsStream<TokioIo<TokioIo<TcpStream>>>>;

impl Session for TlsStream<TokioIo<TokioIo<TcpStream>>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.inner().inner()
    }
}

impl From<Connection> for Raw {
    fn from(connection: Connection) -> Self {
        match connection {
            MaybeHttpsStream::Http(io) => Self::Plain(io.into_inner()),
            MaybeHttpsStream::Https(session) => Self::Tls(Box::new(session.into_inner())),
        }
    }
}
