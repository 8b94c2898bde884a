//! A blocking HTTP/1.1 client that sends anything and tells exactly what came back.

mod tls;

use std::{
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use crate::{
    PATIENCE,
    wire::{self, Ended, Framing, Head, Wire},
};

/// One connection.
#[derive(Debug)]
pub struct RawClient {
    wire: Wire,
    /// Whether the next answer is one to HEAD; by what was sent last.
    head_only: bool,
}

/// One answer, whole or not.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Fields in order, duplicates kept, names as written.
    pub headers: Vec<(String, String)>,
    /// Body without its framing, as far as it came.
    pub body: Vec<u8>,
    /// Whether the body is whole by its own framing.
    pub complete: bool,
    /// Status codes of the interim answers before it.
    pub interim: Vec<u16>,
    /// Every byte as it stood on the wire, interim answers included.
    pub raw: Vec<u8>,
}

impl RawClient {
    /// Connects.
    ///
    /// # Panics
    /// Nobody listens there.
    #[must_use]
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            wire: Wire::new(connected(address), |_| ()),
            head_only: false,
        }
    }

    /// Asks once, on a connection of its own that is closed after the answer.
    #[must_use]
    #[track_caller]
    pub fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
        Self::request(address, "GET", target, headers, b"")
    }

    /// Asks once with any method and body, on a connection of its own that is closed after the answer.
    #[must_use]
    #[track_caller]
    pub fn request(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut client = Self::connect(address);
        let headers: Vec<_> = headers.iter().copied().chain([("Connection", "close")]).collect();
        client.send_request(method, target, &headers, body);
        client.read_response()
    }

    /// How long to wait for bytes.
    ///
    /// # Panics
    /// For no time at all.
    pub fn patience(&self, time: Duration) {
        self.wire
            .stream()
            .set_read_timeout(Some(time))
            .expect("there is some time");
    }

    /// Sends bytes. A peer that has left already is no failure here: what it said before can still be read.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.head_only = bytes.starts_with(b"HEAD ");
        let _ = self.wire.send(bytes);
        self
    }

    /// Sends a well-formed request: `Host` unless given, and `Content-Length` for a body unless framed.
    pub fn send_request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> &mut Self {
        let given = |name: &str| headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !given("host") {
            let peer = self
                .wire
                .stream()
                .peer_addr()
                .map_or_else(|_| "localhost".into(), |peer| peer.to_string());
            head.push_str(&format!("Host: {peer}\r\n"));
        }
        if !body.is_empty() && !given("content-length") && !given("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes)
    }

    /// Says whether the next answer is one to HEAD, where several requests were sent at once.
    pub fn next_answers_head(&mut self, head: bool) {
        self.head_only = head;
    }

    /// The next answer.
    ///
    /// # Panics
    /// None comes.
    #[track_caller]
    pub fn read_response(&mut self) -> Answer {
        match self.try_read_response() {
            Ok(answer) => answer,
            Err((ended, rest)) => panic!("no answer: {ended:?} after {:?}", String::from_utf8_lossy(&rest)),
        }
    }

    /// The next answer, or how the peer ended instead and what it had sent until then.
    ///
    /// # Errors
    /// There is no whole head.
    pub fn try_read_response(&mut self) -> Result<Answer, (Ended, Vec<u8>)> {
        let (mut interim, mut raw) = (Vec::new(), Vec::new());
        let (status, head) = loop {
            let Some(bytes) = self.wire.take_until(b"\r\n\r\n") else {
                raw.extend(self.wire.take_all());
                return Err((self.wire.ended().unwrap_or(Ended::Silent), raw));
            };
            let head = Head::parse(&bytes);
            raw.extend(bytes);
            let status = head
                .first
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok())
                .unwrap_or(0);
            if !matches!(status, 100 | 102..=199) {
                break (status, head);
            }
            interim.push(status);
        };
        let mut body = Vec::new();
        let bodiless = self.head_only || matches!(status, 101 | 204 | 304);
        let complete = bodiless
            || self
                .wire
                .take_body(head.framing(Framing::UntilClose), &mut |on_wire, piece| {
                    raw.extend_from_slice(on_wire);
                    body.extend_from_slice(piece);
                });
        Ok(Answer {
            status,
            headers: head.fields,
            body,
            complete,
            interim,
            raw,
        })
    }

    /// The next bytes, at least one and at most `count`; none if the peer ended.
    #[must_use]
    pub fn read_some(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = self.wire.take(count);
        if bytes.is_empty() && self.wire.read_more() {
            bytes = self.wire.take(count);
        }
        bytes
    }

    /// How the peer ended, if the last read saw its end.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.wire.ended()
    }

    /// All that comes until the peer ends, and how it does.
    #[must_use]
    pub fn read_to_end(&mut self) -> (Vec<u8>, Ended) {
        while self.wire.read_more() {}
        (self.wire.take_all(), self.wire.ended().unwrap_or(Ended::Silent))
    }

    /// Sends nothing more (FIN), but can still read.
    pub fn half_close(&self) {
        let _ = self.wire.stream().shutdown(Shutdown::Write);
    }

    /// Leaves with a reset (RST). Dropping the client leaves regularly.
    pub fn reset(self) {
        let _ = set_socket_linger(self.wire.stream(), Some(Duration::ZERO));
    }
}

#[track_caller]
fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_nodelay(true).expect("a connected socket takes options");
    stream.set_read_timeout(Some(PATIENCE)).expect("there is some time");
    stream
}

impl Answer {
    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::all(&self.headers, name).next()
    }

    /// All values of a field, in order.
    #[must_use]
    pub fn header_values(&self, name: &str) -> Vec<&str> {
        wire::all(&self.headers, name).collect()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// Checks that this is a problem of that kind (RFC 9457), told as a whole, and returns its body.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, name: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.complete, "the answer was cut: {}", self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap_or_default();
        assert!(kind.ends_with(&format!("/{name}")), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        problem
    }
}

#[cfg(test)]
mod tests;
