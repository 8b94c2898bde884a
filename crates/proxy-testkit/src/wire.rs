//! HTTP/1.1 as bytes on a socket: heads, and bodies by their framing. For both ends, and for what no peer should send.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use rustls::{ClientConnection, StreamOwned};

/// Most bytes of a head or a chunk's line: more than any test sends on purpose.
const MAX_HEAD: usize = 16 << 20;

/// How the peer ended what it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Regularly (FIN).
    Closed,
    /// By a reset (RST).
    Reset,
    /// Of TLS: by the end (FIN) of the connection below it, without a word (`close_notify`).
    Unannounced,
    /// Not at all: it sent nothing for as long as one was willing to wait.
    Silent,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Sees every byte as it arrives.
type OnRead = Box<dyn FnMut(&[u8]) + Send>;

/// What carries the bytes.
enum Channel {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A socket, and what was read from it but not yet taken.
pub(crate) struct Wire {
    channel: Channel,
    unread: Vec<u8>,
    ended: Option<Ended>,
    on_read: OnRead,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wire")
            .field("stream", self.stream())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, on_read: impl FnMut(&[u8]) + Send + 'static) -> Self {
        Self::over(Channel::Plain(stream), on_read)
    }

    /// A client's own end of a TLS session.
    pub(crate) fn over_tls(session: ClientConnection, stream: TcpStream) -> Self {
        Self::over(Channel::Tls(Box::new(StreamOwned::new(session, stream))), |_| ())
    }

    fn over(channel: Channel, on_read: impl FnMut(&[u8]) + Send + 'static) -> Self {
        Self {
            channel,
            unread: Vec::new(),
            ended: None,
            on_read: Box::new(on_read),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        match &self.channel {
            Channel::Plain(stream) => stream,
            Channel::Tls(session) => &session.sock,
        }
    }

    pub(crate) fn session(&self) -> Option<&ClientConnection> {
        match &self.channel {
            Channel::Plain(_) => None,
            Channel::Tls(session) => Some(&session.conn),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.channel {
            Channel::Plain(stream) => stream.write_all(bytes),
            Channel::Tls(session) => session.write_all(bytes).and_then(|()| session.flush()),
        }
    }

    pub(crate) fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Reads once more; false at the end. Silence is no end for good: one may ask again.
    pub(crate) fn read_more(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        let read = match &mut self.channel {
            Channel::Plain(stream) => stream.read(&mut bytes),
            Channel::Tls(session) => session.read(&mut bytes),
        };
        self.ended = match read {
            Ok(0) => Some(Ended::Closed),
            Ok(count) => {
                (self.on_read)(&bytes[..count]);
                self.unread.extend_from_slice(&bytes[..count]);
                None
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => None,
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Some(Ended::Silent),
                io::ErrorKind::UnexpectedEof => Some(Ended::Unannounced),
                _ => Some(Ended::Reset),
            },
        };
        self.ended.is_none()
    }

    /// All that is there and not yet taken.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.unread.split_off(count.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Takes up to and including `end`; `None` if the peer ends before.
    pub(crate) fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..]
                .windows(end.len())
                .position(|window| window == end);
            if let Some(position) = found {
                return Some(self.take(searched + position + end.len()));
            }
            searched = self.unread.len().saturating_sub(end.len() - 1);
            if self.unread.len() > MAX_HEAD || !self.read_more() {
                return None;
            }
        }
    }

    /// Takes a body, and hands on each piece as it stood on the wire and as it is meant. True if it was whole.
    pub(crate) fn take_body(&mut self, framing: Framing, on_piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        match framing {
            Framing::Length(length) => self.take_length(length, on_piece),
            Framing::Chunked => self.take_chunks(on_piece),
            Framing::UntilClose => {
                while !self.unread.is_empty() || self.read_more() {
                    let piece = self.take_all();
                    on_piece(&piece, &piece);
                }
                self.ended == Some(Ended::Closed)
            }
        }
    }

    fn take_length(&mut self, mut missing: u64, on_piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        while missing > 0 {
            if self.unread.is_empty() && !self.read_more() {
                return false;
            }
            let piece = self.take(usize::try_from(missing).unwrap_or(usize::MAX));
            missing -= piece.len() as u64;
            on_piece(&piece, &piece);
        }
        true
    }

    fn take_chunks(&mut self, on_piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        loop {
            let Some(line) = self.take_until(b"\r\n") else {
                return false;
            };
            on_piece(&line, b"");
            let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or_default();
            let Ok(size) = u64::from_str_radix(&String::from_utf8_lossy(digits), 16) else {
                return false;
            };
            if size == 0 {
                return self.take_trailers(on_piece);
            }
            if !self.take_length(size, on_piece) {
                return false;
            }
            match self.take_until(b"\r\n") {
                Some(end) if end == b"\r\n" => on_piece(&end, b""),
                _ => return false,
            }
        }
    }

    fn take_trailers(&mut self, on_piece: &mut dyn FnMut(&[u8], &[u8])) -> bool {
        while let Some(line) = self.take_until(b"\r\n") {
            on_piece(&line, b"");
            if line == b"\r\n" {
                return true;
            }
        }
        false
    }
}

/// The lines of a head: its first line, and its fields in order, duplicates kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// Takes a head apart without judging it. Bytes beyond ASCII become the characters of the same number.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let text: String = raw.iter().map(|byte| char::from(*byte)).collect();
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_owned(), value.trim().to_owned())
        };
        Self {
            first,
            fields: lines.map(field).collect(),
        }
    }

    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        all(&self.fields, name)
    }

    /// Whether a field's list holds `token`.
    pub(crate) fn says(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// By `Transfer-Encoding`, else by `Content-Length`, else `otherwise`.
    pub(crate) fn framing(&self, otherwise: Framing) -> Framing {
        if self.says("transfer-encoding", "chunked") {
            return Framing::Chunked;
        }
        self.all("content-length")
            .find_map(|length| length.parse().ok())
            .map_or(otherwise, Framing::Length)
    }
}

/// The values of a field, in order.
pub(crate) fn all<'a>(fields: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    fields
        .iter()
        .filter(move |(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
