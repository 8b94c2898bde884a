//! JSON as log lines and audit events have it: one line each, bounded, and nothing in it that a terminal or a log viewer
//! acts on. Such characters come from outside (user names, error texts) and are written as `\u` escapes.

use std::{borrow::Cow, fmt::Write as _, io, time::SystemTime};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use time::OffsetDateTime;

/// Longest line in bytes, its line feed included.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// Compact JSON with every character escaped that moves a cursor, ends a line or hides or reorders text.
#[derive(Debug)]
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_plain(fragment.as_bytes()) {
            writer.write_all(fragment.as_bytes())
        } else {
            writer.write_all(escaped(fragment).as_bytes())
        }
    }
}

/// Appends `value` as JSON. What cannot be serialised (a map whose keys are no strings) becomes `null`.
pub(super) fn append(line: &mut Vec<u8>, value: &impl Serialize) {
    let start = line.len();
    if value
        .serialize(&mut Serializer::with_formatter(&mut *line, OneLine))
        .is_err()
    {
        line.truncate(start);
        line.extend_from_slice(b"null");
    }
}

/// Appends `text` as a JSON string: what [`append`] does, in one pass where nothing needs an escape.
pub(super) fn append_text(line: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .all(|byte| is_plain_byte(byte) && !matches!(byte, b'"' | b'\\'))
    {
        line.reserve(text.len() + 2);
        line.push(b'"');
        line.extend_from_slice(text.as_bytes());
        line.push(b'"');
    } else {
        append(line, &text);
    }
}

/// At most `limit` bytes of `text`, cut between two characters.
pub(super) fn beginning(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The same, marked as cut if it was.
pub(super) fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", beginning(text, limit)))
}

/// `text` as one line of at most [`MAX_LINE`] bytes, whatever it holds.
pub(super) fn one_line(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut line = if is_plain(text) {
        text.to_vec()
    } else {
        escaped(&String::from_utf8_lossy(text)).into_bytes()
    };
    if line.len() >= MAX_LINE {
        let kept = (0..MAX_LINE).rev().find(|&end| line[end] & 0xc0 != 0x80).unwrap_or(0);
        line.truncate(kept);
    }
    line.push(b'\n');
    line
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().copied().all(is_plain_byte)
}

fn is_plain_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 32);
    for character in text.chars() {
        if acts_on_display(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Control characters, line separators, and the invisible ones that reorder or hide what stands around them.
fn acts_on_display(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A point in time as `2026-01-31T12:00:00.000Z`.
pub(super) struct Timestamp([u8; 24]);

impl Timestamp {
    pub(super) fn of(time: SystemTime) -> Self {
        let time = OffsetDateTime::from(time);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |start: usize, width: usize, mut number: u32| {
            for digit in text[start..start + width].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0, 4, time.year().unsigned_abs());
        put(5, 2, u8::from(time.month()).into());
        put(8, 2, time.day().into());
        put(11, 2, time.hour().into());
        put(14, 2, time.minute().into());
        put(17, 2, time.second().into());
        put(20, 3, time.millisecond().into());
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
