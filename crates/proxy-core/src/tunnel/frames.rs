//! Where frames begin and end in a stream of them (RFC 6455, 5.2). Pure.
//!
//! What a frame means is looked at only as far as to know a close frame. What breaks the protocol (reserved bits, lengths
//! that are longer than they need be, masks in the wrong direction) is for the two ends to judge: here it has a length all
//! the same.
//!
//! **Invariant**: however a stream is cut into pieces, its boundaries are at the same bytes.

use super::Close;

const CLOSE: u8 = 0x8;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Longest reason: a control frame has at most 125 bytes, the code is two of them.
const MAX_REASON: usize = 123;

/// How far a stream has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frames {
    expected: Expected,
    /// The frame in hand is a close frame.
    closing: bool,
    masked: bool,
    /// Bytes of the part of the header that is expected.
    left: u8,
    /// Bytes of the payload that are still to come; its length, as far as that is known.
    missing: u64,
    closed: bool,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    First,
    Second,
    Length,
    Mask,
    Payload,
}

impl Frames {
    /// Whether the next byte begins a frame.
    pub(crate) fn at_boundary(&self) -> bool {
        self.expected == Expected::First
    }

    /// Whether a whole close frame has gone by.
    pub(crate) fn closed(&self) -> bool {
        self.closed
    }

    /// Goes on with all of `bytes`.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) {
        while let Some(end) = self.next_boundary(bytes) {
            bytes = &bytes[end..];
        }
    }

    /// Goes on with `bytes` to the end of a frame, if one ends there: its index.
    pub(crate) fn next_boundary(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.at_boundary()
            && let Some(end) = whole(bytes)
        {
            self.closed |= bytes[0] & 0x0f == CLOSE;
            return Some(end);
        }
        let mut at = 0;
        while at < bytes.len() {
            if self.expected == Expected::Payload {
                let rest = bytes.len() - at;
                let count = usize::try_from(self.missing).map_or(rest, |missing| missing.min(rest));
                at += count;
                self.missing -= count as u64;
                self.payload();
            } else {
                self.header(bytes[at]);
                at += 1;
            }
            if self.at_boundary() {
                return Some(at);
            }
        }
        None
    }

    fn header(&mut self, byte: u8) {
        match self.expected {
            Expected::First => {
                self.closing = byte & 0x0f == CLOSE;
                self.expected = Expected::Second;
            }
            Expected::Second => {
                self.masked = byte & MASKED != 0;
                match byte & !MASKED {
                    126 => self.length(2),
                    127 => self.length(8),
                    length => {
                        self.missing = length.into();
                        self.mask();
                    }
                }
            }
            Expected::Length => {
                self.missing = self.missing << 8 | u64::from(byte);
                self.left -= 1;
                if self.left == 0 {
                    self.mask();
                }
            }
            Expected::Mask => {
                self.left -= 1;
                if self.left == 0 {
                    self.payload();
                }
            }
            Expected::Payload => {}
        }
    }

    fn length(&mut self, bytes: u8) {
        self.missing = 0;
        self.left = bytes;
        self.expected = Expected::Length;
    }

    fn mask(&mut self) {
        if self.masked {
            self.left = 4;
            self.expected = Expected::Mask;
        } else {
            self.payload();
        }
    }

    /// The payload is next, or what is left of it, or nothing.
    fn payload(&mut self) {
        self.expected = Expected::Payload;
        if self.missing == 0 {
            self.expected = Expected::First;
            self.closed |= self.closing;
        }
    }
}

/// The length of the frame that `bytes` begin with, if all of it is there and it is none of the longest: what usually comes.
fn whole(bytes: &[u8]) -> Option<usize> {
    let (head, second, payload) = match *bytes {
        [_, second, high, low, ..] if second & !MASKED == 126 => (4, second, u16::from_be_bytes([high, low]).into()),
        [_, second, ..] if second & !MASKED < 126 => (2, second, usize::from(second & !MASKED)),
        _ => return None,
    };
    let mask = if second & MASKED == 0 { 0 } else { 4 };
    let end = head + mask + payload;
    (end <= bytes.len()).then_some(end)
}

impl Close {
    /// The close frame. Towards an upstream it has a mask.
    pub(crate) fn to_frame(&self, mask: Option<[u8; 4]>) -> Vec<u8> {
        let reason: &str = &self.reason;
        let end = (0..=MAX_REASON.min(reason.len()))
            .rev()
            .find(|end| reason.is_char_boundary(*end));
        let mut payload = self.code.to_be_bytes().to_vec();
        payload.extend_from_slice(&reason.as_bytes()[..end.unwrap_or(0)]);
        let length = payload.len() as u8;
        let mut frame = vec![FINAL | CLOSE];
        match mask {
            None => frame.push(length),
            Some(mask) => {
                frame.push(MASKED | length);
                frame.extend_from_slice(&mask);
                let masked = payload.iter_mut().zip(mask.into_iter().cycle());
                masked.for_each(|(byte, mask)| *byte ^= mask);
            }
        }
        frame.extend_from_slice(&payload);
        frame
    }
}

#[cfg(test)]
mod tests;
