//! From a connection to a session, or to the connection's end, which is counted and told once.

use std::{io, sync::Arc, time::Duration};

use actix_rt::net::TcpStream;
use actix_server::GracefulShutdownSignal;
use rustls::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::Certificate;
use crate::{
    service::socket::{Counted, Socket},
    telemetry::Metrics,
};

/// What a client reads that speaks http here.
const NOT_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    connection: close\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 49\r\n\
    \r\n\
    this port speaks https: write https:// in the URL";
/// How long such a client is read, so that it gets that answer.
const LINGER: Duration = Duration::from_secs(1);

/// Why there is no session. Holds nothing of what the client sent.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the client left before it sent a byte")]
    Unused,
    #[error("it did not end in time")]
    Late,
    #[error("the client speaks http, not https")]
    Clear,
    #[error("the client offers other protocols (ALPN) than http/1.1")]
    Protocol,
    #[error("the client offers no version or cipher that is spoken here")]
    Incompatible,
    #[error("the client ended it with the alert {0}")]
    Alert(&'static str),
    #[error("what the client sent is not TLS as it should be")]
    Malformed,
    #[error("the client left")]
    Left,
}

/// How one worker's sessions begin.
pub(in crate::service) struct Handshakes {
    pub(in crate::service) certificate: Certificate,
    /// For a whole handshake.
    pub(in crate::service) limit: Duration,
    /// There is no request yet that a drain should wait for.
    pub(in crate::service) drain: GracefulShutdownSignal,
    pub(in crate::service) metrics: Arc<Metrics>,
}

impl Handshakes {
    /// A session on `io`, if the client begins one in time.
    pub(in crate::service) async fn begin(&self, io: TcpStream) -> Option<Socket> {
        let peer = io.peer_addr().ok();
        let begun = tokio::select! {
            begun = timeout(self.limit, begin(io, self.certificate.current())) => begun,
            () = self.drain.notified() => return None,
        };
        match begun.unwrap_or(Err(Failure::Late)) {
            Ok(socket) => return Some(socket),
            // As probes and load balancers do all day.
            Err(Failure::Unused) => {}
            Err(failure) => {
                self.metrics.connection_closed("tls");
                tracing::info!(peer = ?peer, %failure, "a TLS handshake failed: connection closed");
            }
        }
        None
    }
}

async fn begin(io: TcpStream, config: Arc<rustls::ServerConfig>) -> Result<Socket, Failure> {
    let mut first = [0];
    match io.peek(&mut first).await {
        Ok(1..) if first[0].is_ascii_alphabetic() => {
            refuse(io).await;
            return Err(Failure::Clear);
        }
        Ok(1..) => {}
        Ok(0) | Err(_) => return Err(Failure::Unused),
    }
    let accepted = TlsAcceptor::from(config).accept(Counted::new(io)).await;
    let session = accepted.map_err(|error| Failure::of(&error))?;
    Ok(Socket::Tls(Box::new(session)))
}

/// The request's head may hold a token, which has been in the clear by now: nothing is done for it.
async fn refuse(mut io: TcpStream) {
    let answer = async {
        io.write_all(NOT_HTTP).await?;
        io.shutdown().await?;
        while io.read(&mut [0; 1_024]).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that does not take it leaves without.
    let _ = timeout(LINGER, answer).await;
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::NoApplicationProtocol) => Self::Protocol,
            Some(Error::PeerIncompatible(_)) => Self::Incompatible,
            Some(Error::AlertReceived(alert)) => Self::Alert(alert.as_str().unwrap_or("that nobody knows")),
            Some(_) => Self::Malformed,
            None => Self::Left,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NOT_HTTP;

    #[test]
    fn the_answer_in_the_clear_is_as_long_as_it_says() {
        let answer = std::str::from_utf8(NOT_HTTP).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.ends_with(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
