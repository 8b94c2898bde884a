//! One request at a time: what of a connection's bytes may be handed on to the dispatcher.
//!
//! actix encodes an answer by the method, version and `Connection` of the request that it parsed last. So it must not see
//! a next head before it has answered: else a GET with a HEAD behind it is answered without its body, and a request behind
//! `Connection: close` is served.
//!
//! **Invariant**: a head is handed on no further than its empty line; what comes behind it only once the request has
//! [begun](Turns::begin), and a next head once it is answered. Left out is what comes behind a body in chunks, whose end only
//! a parser finds. A head that ends without such a line, with LF alone, is [noticed](Turns::ended_oddly): servers disagree
//! about where it ends, and what came behind it is out already.

use std::{cell::Cell, sync::LazyLock};

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use memchr::memmem::Finder;

/// How a head ends.
static EMPTY_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\r\n\r\n"));

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
    /// Whatever it is.
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
                Some(end) => {
                    self.tail.set(Tail::default());
                    self.expected.set(Expected::Unknown);
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
            Expected::Anything => bytes.len(),
        }
    }

    /// A head has been parsed. `again`: it was said of this request before, which waited for `100 Continue`.
    pub(super) fn begin(&self, headers: &HeaderMap, again: impl FnOnce() -> bool) {
        let body = match headers.get(CONTENT_LENGTH) {
            _ if headers.contains_key(TRANSFER_ENCODING) => Expected::Anything,
            None => Expected::Head,
            Some(length) => {
                let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
                length.map_or(Expected::Anything, after)
            }
        };
        match self.expected.get() {
            Expected::Unknown => self.expected.set(body),
            Expected::Head | Expected::Body(_) => {
                // Its end was not seen, and something of what follows may be out already.
                if !again() {
                    self.odd.set(true);
                    self.expected.set(Expected::Anything);
                }
            }
            Expected::Anything => {}
        }
    }

    /// Whether a head of this connection ended without the empty line that ends one: with LF alone.
    pub(super) fn ended_oddly(&self) -> bool {
        self.odd.get()
    }

    /// Where the head in progress ends, as an index into `bytes`. Empty lines before a head are no end of it.
    fn head_end(&self, bytes: &[u8]) -> Option<usize> {
        let end = |bytes: &[u8]| EMPTY_LINE.find(bytes).map(|found| found + EMPTY_LINE.needle().len());
        let tail = self.tail.get();
        if tail.length == 0 {
            let begin = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
            return end(&bytes[begin..]).map(|end| begin + end);
        }
        let across = [&tail.bytes[..tail.length], &bytes[..bytes.len().min(3)]].concat();
        end(&across).map(|end| end - tail.length).or_else(|| end(bytes))
    }
}

impl Tail {
    fn followed_by(self, bytes: &[u8]) -> Self {
        let begun = self.length > 0 || bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if !begun {
            return self;
        }
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
