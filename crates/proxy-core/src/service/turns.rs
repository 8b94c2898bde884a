//! One request at a time: what of a connection's bytes may be handed on to the dispatcher.
//!
//! actix encodes an answer by the method, version and `Connection` of the request that it parsed last. So it must not see
//! a next head before it has answered: else a GET with a HEAD behind it is answered without its body, and a request behind
//! `Connection: close` is served.
//!
//! **Invariant**: a head is handed on no further than its empty line; what comes behind it only once the request has
//! [begun](Turns::begin), and a next head once it is answered. A head that ends with LF alone, which the parser takes for an
//! end too, is [noticed](Turns::ended_oddly): servers disagree about where it ends.

mod chunks;

use std::cell::Cell;

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

use self::chunks::Chunks;

/// Whose turn it is, on one connection.
#[derive(Debug, Default)]
pub(super) struct Turns {
    expected: Cell<Expected>,
    /// The last bytes of an unfinished head that were handed on; empty between heads.
    tail: Cell<Tail>,
    odd: Cell<bool>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Head,
    /// The head is out: what follows is known once it has been parsed.
    Unknown,
    /// So many bytes of a body.
    Body(u64),
    /// The rest of a body in chunks.
    Chunks(Chunks),
    /// Whatever it is: nothing on this connection is believed any more.
    Anything,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    bytes: [u8; 3],
    length: usize,
}

impl Turns {
    /// How many of `bytes` are handed on now. `busy`: a request is in progress.
    pub(super) fn take(&self, bytes: &[u8], busy: bool) -> usize {
        match self.expected.get() {
            Expected::Unknown => 0,
            Expected::Head if busy => 0,
            Expected::Head => match self.head_end(bytes) {
                Some((end, regular)) => {
                    self.tail.set(Tail::default());
                    self.expected.set(Expected::Unknown);
                    self.odd.set(self.odd.get() || !regular);
                    end
                }
                None => {
                    self.tail.set(self.tail.get().followed_by(bytes));
                    bytes.len()
                }
            },
            Expected::Body(missing) => {
                let count = usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
                self.expected.set(after(missing - count as u64));
                count
            }
            Expected::Chunks(mut chunks) => {
                let end = chunks.end(bytes);
                self.expected.set(match end {
                    Some(_) => Expected::Head,
                    None => Expected::Chunks(chunks),
                });
                end.unwrap_or(bytes.len())
            }
            Expected::Anything => bytes.len(),
        }
    }

    /// A head has been parsed. `again`: it was said of this request before, which waited for `100 Continue`.
    pub(super) fn begin(&self, headers: &HeaderMap, again: impl FnOnce() -> bool) {
        let body = match headers.get(CONTENT_LENGTH) {
            _ if headers.contains_key(TRANSFER_ENCODING) => Expected::Chunks(Chunks::BEGIN),
            None => Expected::Head,
            Some(length) => {
                let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
                length.map_or(Expected::Anything, after)
            }
        };
        match self.expected.get() {
            Expected::Unknown => self.expected.set(body),
            Expected::Head | Expected::Body(_) | Expected::Chunks(_) => {
                // The parser sees an end where none was seen here, and something of what follows may be out already.
                if !again() {
                    self.odd.set(true);
                    self.expected.set(Expected::Anything);
                }
            }
            Expected::Anything => {}
        }
    }

    /// Whether a head comes next: a body, if there was one, is out.
    pub(super) fn expects_head(&self) -> bool {
        self.expected.get() == Expected::Head
    }

    /// Whether a head of this connection ended otherwise than with CR LF and an empty line: with LF alone.
    pub(super) fn ended_oddly(&self) -> bool {
        self.odd.get()
    }

    /// Where the head in progress ends, as an index into `bytes`, and whether as it should. Empty lines before a head are no
    /// end of it.
    fn head_end(&self, bytes: &[u8]) -> Option<(usize, bool)> {
        let tail = self.tail.get();
        if tail.length == 0 {
            let begin = beginning(bytes)?;
            return empty_line(&bytes[begin..]).map(|(end, regular)| (begin + end, regular));
        }
        let across = [&tail.bytes[..tail.length], &bytes[..bytes.len().min(3)]].concat();
        empty_line(&across)
            .map(|(end, regular)| (end - tail.length, regular))
            .or_else(|| empty_line(bytes))
    }
}

/// Where a head begins: empty lines before it are skipped.
fn beginning(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))
}

/// Where the first empty line ends, and whether its line and the one before end with CR LF.
fn empty_line(head: &[u8]) -> Option<(usize, bool)> {
    memchr::memchr_iter(b'\n', head).find_map(|at| match &head[at + 1..] {
        [b'\n', ..] => Some((at + 2, false)),
        [b'\r', b'\n', ..] => Some((at + 3, head[..at].ends_with(b"\r"))),
        _ => None,
    })
}

impl Tail {
    fn followed_by(self, bytes: &[u8]) -> Self {
        let begun = if self.length > 0 { Some(0) } else { beginning(bytes) };
        let Some(begin) = begun else { return self };
        let bytes = &bytes[begin..];
        let all = [&self.bytes[..self.length], &bytes[bytes.len().saturating_sub(3)..]].concat();
        let last = &all[all.len().saturating_sub(3)..];
        let mut tail = Self::default();
        tail.bytes[..last.len()].copy_from_slice(last);
        tail.length = last.len();
        tail
    }
}

fn after(missing: u64) -> Expected {
    if missing == 0 {
        Expected::Head
    } else {
        Expected::Body(missing)
    }
}

#[cfg(test)]
mod tests;
