//! Where a body in chunks ends (RFC 9112, 7.1). What is malformed is not told here: the parser ends the connection then.
//!
//! **Invariant**: of a body that the parser takes, the end is where the parser sees it, trailers included.

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the line with a chunk's size; `digits`: nothing else has come in it.
    Size { size: u64, digits: bool },
    /// So many bytes of a chunk are missing, and of the CR LF behind it.
    Data(u64),
    /// Behind the last chunk.
    Trailers(Line),
}

/// How far a line of the trailers has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Start,
    StartCr,
    Inside,
    InsideCr,
}

impl Chunks {
    pub(super) const BEGIN: Self = Self::Size { size: 0, digits: true };

    /// Goes on with `bytes`; where in them the body ends, if it does.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Self::Data(missing) = *self {
                let count = usize::try_from(missing).map_or(bytes.len() - at, |missing| missing.min(bytes.len() - at));
                at += count;
                *self = match missing - count as u64 {
                    0 => Self::BEGIN,
                    missing => Self::Data(missing),
                };
                continue;
            }
            at += 1;
            *self = match *self {
                Self::Trailers(Line::StartCr) if *byte == b'\n' => return Some(at),
                Self::Trailers(line) => Self::Trailers(line.followed_by(*byte)),
                Self::Size { size: 0, .. } if *byte == b'\n' => Self::Trailers(Line::Start),
                Self::Size { size, .. } if *byte == b'\n' => Self::Data(size.saturating_add(2)),
                Self::Size { size, digits } => longer(size, digits, *byte),
                Self::Data(_) => *self,
            };
        }
        None
    }
}

impl Line {
    fn followed_by(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start, b'\r') => Self::StartCr,
            (Self::InsideCr, b'\n') => Self::Start,
            (_, b'\r') => Self::InsideCr,
            _ => Self::Inside,
        }
    }
}

/// The line with a size, with one more byte. Behind its digits only what is dropped can come.
fn longer(size: u64, digits: bool, byte: u8) -> Chunks {
    match char::from(byte).to_digit(16).filter(|_| digits) {
        Some(digit) => Chunks::Size {
            size: size.saturating_mul(16).saturating_add(digit.into()),
            digits,
        },
        None => Chunks::Size { size, digits: false },
    }
}
