//! Tokens, as InfluxDB's scanner reads them. Where the two could part (a word that runs into a quote, a number that runs into
//! a word), nothing is read.

use std::sync::LazyLock;

/// Words that are never bare identifiers, sorted.
static KEYWORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "ALL ALTER ANALYZE AND ANY AS ASC BEGIN BY CARDINALITY CONTINUOUS CREATE DATABASE DATABASES DEFAULT DELETE DESC \
     DESTINATIONS DIAGNOSTICS DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FALSE FIELD FOR FROM GRANT GRANTS GROUP \
     GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT MEASUREMENTS NAME OFFSET ON OR ORDER PASSWORD POLICIES \
     POLICY PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE RETENTION REVOKE SELECT SERIES SET SHARD SHARDS SHOW \
     SLIMIT SOFFSET STATS SUBSCRIPTION SUBSCRIPTIONS TAG TO TRUE USER USERS VALUES WHERE WITH WRITE"
        .split(' ')
        .collect()
});

/// The longest of several that begin alike stands first.
const SIGNS: [&str; 23] = [
    "::", "<=", "<>", ">=", "!=", "!~", "=~", "(", ")", ",", ";", ".", "+", "-", "*", "/", "%", "&", "|", "^", "=",
    "<", ">",
];

/// What stands between the digits of a duration.
const UNITS: [&str; 10] = ["", "ns", "u", "µ", "ms", "s", "m", "h", "d", "w"];

/// Why a bound parameter is not read: what the caller binds to it could name anything.
pub(super) const BOUND_PARAMETER: &str = "bound parameter";

/// One token. What a caller wrote is kept as it was written, with its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A keyword, in capitals, or a sign.
    Word(&'static str),
    Name(&'t str),
    Text(&'t str),
    /// An integer, a decimal fraction or a duration.
    Number(&'t str),
    Regex(&'t str),
    /// What InfluxDB would not read, or not as one token.
    Bad(&'static str),
    End,
}

/// The token that comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next<'t> {
    pub(super) token: Token<'t>,
    /// Whether whitespace or a comment stands before it.
    pub(super) gap: bool,
    /// The text from the token on, and from its end on.
    pub(super) at: &'t str,
    pub(super) after: &'t str,
}

impl<'t> Next<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let (at, token) = match blank(text) {
            Ok(at) => (at, token(at).unwrap_or_else(Token::Bad)),
            Err(why) => (text, Token::Bad(why)),
        };
        let after = &at[token.written().len()..];
        let gap = at.len() < text.len();
        Self { token, gap, at, after }
    }
}

impl<'t> Token<'t> {
    pub(super) fn is(self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    /// The identifier that this is.
    pub(super) fn name(self) -> Option<String> {
        matches!(self, Self::Name(_)).then(|| unescape(self.written()))
    }

    /// Writes it in the one way there is.
    pub(super) fn write(self, out: &mut String) {
        let written = self.written();
        let Some(quote) = written.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            return out.push_str(written);
        };
        out.push(quote);
        for character in unescape(written).chars() {
            match character {
                '\n' => out.push_str("\\n"),
                _ if character == quote || character == '\\' => out.extend(['\\', character]),
                _ => out.push(character),
            }
        }
        out.push(quote);
    }

    pub(super) fn written(self) -> &'t str {
        match self {
            Self::Word(word) => word,
            Self::Name(written) | Self::Text(written) | Self::Number(written) | Self::Regex(written) => written,
            Self::Bad(_) | Self::End => "",
        }
    }
}

/// The regular expression that `text` begins with, with its slashes. A slash ends it unless a backslash stands right before,
/// whatever stands before that one.
pub(super) fn regex(text: &str) -> Option<Result<Token<'_>, &'static str>> {
    match text.as_bytes() {
        [b'/', b'*', ..] => Some(Err("a comment where InfluxDB reads a regular expression")),
        [b'/', ..] => Some(delimited(text, "/").map(Token::Regex)),
        _ => None,
    }
}

/// InfluxDB takes CR for LF, and NUL for the end.
pub(super) fn whitespace(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// What follows whitespace and comments.
fn blank(mut text: &str) -> Result<&str, &'static str> {
    loop {
        text = whitespace(text);
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.find(['\n', '\r', '\0']).map_or("", |end| &comment[end..]);
        } else if let Some(comment) = text.strip_prefix("/*") {
            let inside = comment.split_once("*/").filter(|(inside, _)| !inside.contains('\0'));
            text = inside.ok_or("a comment without an end")?.1;
        } else {
            return Ok(text);
        }
    }
}

fn token(text: &str) -> Result<Token<'_>, &'static str> {
    let word = text.split(|character| !is_word(character)).next().unwrap_or_default();
    match text.as_bytes() {
        [] => Ok(Token::End),
        [b'$', ..] => Err(BOUND_PARAMETER),
        [b'\'', ..] => delimited(text, "n\\\"'").map(Token::Text),
        [b'"', b'"', ..] => Err("an identifier without a name"),
        [b'"', ..] => delimited(text, "n\\\"'").map(Token::Name),
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => number(text),
        // InfluxDB would read `word"name"` as the identifier `name`.
        _ if text[word.len()..].starts_with('"') => Err("a word that runs into a quote"),
        _ if !word.is_empty() => {
            let capitals = || word.bytes().map(|byte| byte.to_ascii_uppercase());
            let found = KEYWORDS.binary_search_by(|keyword| keyword.bytes().cmp(capitals()));
            Ok(found.map_or(Token::Name(word), |at| Token::Word(KEYWORDS[at])))
        }
        _ => {
            let sign = SIGNS.into_iter().find(|sign| text.starts_with(sign));
            sign.map(Token::Word).ok_or("a character that InfluxQL does not know")
        }
    }
}

/// `1`, `1.5`, `.5` or `1h30m`, and nothing right behind it that InfluxDB could take for a part.
fn number(text: &str) -> Result<Token<'_>, &'static str> {
    let ends = |character: char| character.is_ascii() && !is_word(character) && !matches!(character, '.' | '"');
    let written = text.split(ends).next().unwrap_or_default();
    let digit = |character: char| character.is_ascii_digit();
    let digits = |part: &str| part.chars().all(digit);
    let good = match written.split_once('.') {
        Some((whole, fraction)) => !fraction.is_empty() && digits(whole) && digits(fraction),
        None => {
            digits(written) || (!written.ends_with(digit) && written.split(digit).all(|unit| UNITS.contains(&unit)))
        }
    };
    let number = good.then_some(Token::Number(written));
    number.ok_or("a number that InfluxQL does not know")
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// What begins with a quote or a slash, to the next one of them on the same line. A backslash stands before one of `escaped`;
/// in a regular expression it may stand before anything.
fn delimited<'t>(text: &'t str, escaped: &str) -> Result<&'t str, &'static str> {
    let mut characters = text.char_indices().peekable();
    let (_, delimiter) = characters.next().unwrap_or_default();
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' | '\r' | '\0' => break,
            '\\' => {
                let known = characters.next_if(|(_, next)| escaped.contains(*next)).is_some();
                if !known && delimiter != '/' {
                    return Err("an escape that InfluxQL does not know");
                }
            }
            _ if character == delimiter => return Ok(&text[..=at]),
            // InfluxDB repeats some of what is quoted in a header of its answer.
            _ if character.is_control() && character != '\t' => return Err("a control character"),
            _ => {}
        }
    }
    Err("a quote or a regular expression without an end on its line")
}

/// What was meant, without the quotes if it has some.
fn unescape(written: &str) -> String {
    let inside = written.strip_prefix(['"', '\'']);
    let mut characters = inside.map_or(written, |inside| &inside[..inside.len() - 1]).chars();
    let mut out = String::with_capacity(written.len());
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(
                characters
                    .next()
                    .map(|escaped| if escaped == 'n' { '\n' } else { escaped }),
            ),
            _ => out.push(character),
        }
    }
    out
}
