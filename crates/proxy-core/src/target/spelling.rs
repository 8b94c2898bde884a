//! Which spellings of a path and a query are let through.

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not a path at all (RFC 3986): 400.
    Malformed(&'static str),
    /// A path that some server reads as another one: 404.
    Hostile,
}

const BAD_ESCAPE: Flaw = Flaw::Malformed("the path holds a `%` that is not followed by two hexadecimal digits");
const BAD_BYTE: Flaw = Flaw::Malformed("the path holds a character that must be percent-encoded");
const BAD_UTF8: Flaw = Flaw::Malformed("the path holds percent-encoded bytes that are not UTF-8");

/// One spelling only of what rules are made of: no dot segments, empty segments, backslashes or path parameters, encoded or not; no escape of a
/// character that needs none; no escaped escape; no control byte; nothing that reads as a scheme.
pub(super) fn strict(path: &str) -> Result<(), Flaw> {
    let bytes = path.as_bytes();
    let mut escaped = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let byte = escape(&bytes[at..]).ok_or(BAD_ESCAPE)?;
                if is_hostile_escape(byte) || (byte == b'%' && escape_follows(&bytes[at + 3..])) {
                    return Err(Flaw::Hostile);
                }
                escaped.push(byte);
                at += 3;
                continue;
            }
            b'\\' | b';' => return Err(Flaw::Hostile),
            byte if is_path_byte(byte) => check_utf8(&mut escaped)?,
            _ => return Err(BAD_BYTE),
        }
        at += 1;
    }
    check_utf8(&mut escaped)?;
    segments(path)
}

/// Forwarded byte for byte, unless a segment, decoded once, is a dot segment or holds a control byte.
pub(super) fn opaque(path: &str) -> Result<(), Flaw> {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, length) = match bytes[at] {
            b'%' => (escape(&bytes[at..]).ok_or(BAD_ESCAPE)?, 3),
            byte if byte.is_ascii_graphic() => (byte, 1),
            _ => return Err(BAD_BYTE),
        };
        if byte < 0x20 || byte == 0x7f {
            return Err(Flaw::Hostile);
        }
        decoded.push(byte);
        at += length;
    }
    let dots = |segment: &[u8]| {
        // Java servers cut `;parameters` off before they look at dots.
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    };
    let hostile = decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(dots);
    if hostile { Err(Flaw::Hostile) } else { Ok(()) }
}

/// A query is passed on as it is: only bytes that end a line or a target are refused.
pub(super) fn query(query: &str) -> Result<(), &'static str> {
    if query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        Ok(())
    } else {
        Err("the query holds a character that must be percent-encoded")
    }
}

fn segments(path: &str) -> Result<(), Flaw> {
    // RFC 3986, 4.2: a colon in the first segment would read as a scheme (`https:`).
    let mut names = path.split('/').peekable();
    if names.peek().is_some_and(|first| first.contains(':')) {
        return Err(Flaw::Hostile);
    }
    while let Some(name) = names.next() {
        let last = names.peek().is_none();
        if name == "." || name == ".." || (name.is_empty() && !last) {
            return Err(Flaw::Hostile);
        }
    }
    Ok(())
}

/// Escapes that hide structure, or spell a character that needs no escape: a rule for `user` must see `%75ser` too.
/// Other characters (`(`, `,`, `~` and their like) have two spellings, as clients differ in how they write them: patterns
/// of rules may not be made of those.
fn is_hostile_escape(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f || byte.is_ascii_alphanumeric() || b"/\\;.-_".contains(&byte)
}

fn escape_follows(rest: &[u8]) -> bool {
    rest.len() >= 2 && rest[0].is_ascii_hexdigit() && rest[1].is_ascii_hexdigit()
}

fn escape(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(bytes.get(1)?)? * 16 + digit(bytes.get(2)?)?)
}

/// RFC 3986, 3.3: `pchar` without `;`, and the slash.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte)
}

fn check_utf8(escaped: &mut Vec<u8>) -> Result<(), Flaw> {
    let good = std::str::from_utf8(escaped).is_ok();
    escaped.clear();
    if good { Ok(()) } else { Err(BAD_UTF8) }
}
