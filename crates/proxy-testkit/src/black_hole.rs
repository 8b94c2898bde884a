//! An address where connecting neither succeeds nor fails: a host behind a firewall that drops packets.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use rustix::net::listen;

/// Long enough for a connection on loopback, were there room for one.
const NOT_COMING: Duration = Duration::from_millis(300);

/// A listener whose queue is full: the kernel drops whatever else wants to connect.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    /// Opens one on a port of its own.
    ///
    /// # Panics
    /// The kernel lets connections in however many there are.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it opens a socket")]
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listen(&listener, 0).expect("a listener can be told to listen anew");
        let address = listener.local_addr().expect("a bound listener has an address");
        let mut queue = Vec::new();
        while queue.len() < 64 {
            match TcpStream::connect_timeout(&address, NOT_COMING) {
                Ok(stream) => queue.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Self {
                        address,
                        _listener: listener,
                        _queue: queue,
                    };
                }
                Err(error) => panic!("the black hole answers: {error}"),
            }
        }
        panic!("the black hole takes connections without end");
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_neither_succeeds_nor_fails() {
        let hole = BlackHole::new();
        let error = TcpStream::connect_timeout(&hole.address(), NOT_COMING).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
