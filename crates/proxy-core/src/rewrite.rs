//! Regular expressions that operators write about request targets, and one replacement, as JavaScript's `replace` does it. Pure.
//!
//! Of what a replacement may hold, `$1` to `$99`, `$&`, `$<name>` and `$$` mean what they mean there; `` $` `` and `$'` are refused.

use regex::bytes::{Captures, Regex, RegexBuilder};

/// Most bytes that a compiled expression takes.
const MAX_EXPRESSION: usize = 1 << 20;

/// An expression of JavaScript's, as far as it can be matched in linear time; classes such as `\d` are ASCII's.
///
/// # Errors
/// What is wrong, and what to do.
pub fn compile(text: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(text)
        .unicode(false)
        .size_limit(MAX_EXPRESSION)
        .build();
    compiled.map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("is no regular expression that can be matched in linear time ({why}): write it without look-around and back-references")
    })
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rewrite {
    pattern: Regex,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// 0 is the whole match.
    Group(usize),
}

/// A target, and what was replaced by what if that stood at its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The target after the replacement.
    pub target: String,
    /// What stood at its beginning, without a slash at the end.
    pub replaced: String,
    /// What stands there now, without a slash at the end.
    pub by: String,
}

impl Rewrite {
    /// Replaces what `pattern` matches.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, String> {
        let pattern = compile(pattern)?;
        let pieces = pieces(&pattern, replacement)?;
        Ok(Self { pattern, pieces })
    }

    /// `target` with the first match replaced, if there is one.
    #[must_use]
    pub fn apply(&self, target: &str) -> Option<Rewritten> {
        let (found, by) = if let [Piece::Text(text)] = &self.pieces[..] {
            (self.pattern.find(target.as_bytes())?, text.clone()) // finding the groups is what costs
        } else {
            let captures = self.pattern.captures(target.as_bytes())?;
            let by = self.pieces.iter().map(|piece| piece.of(&captures, target)).collect();
            (captures.get(0)?, by)
        };
        let rest = &target[found.end()..];
        let at_start = found.start() == 0;
        let bare = |text: &str| text.trim_end_matches('/').to_owned();
        Some(Rewritten {
            target: [&target[..found.start()], &by, rest].concat(),
            replaced: if at_start {
                bare(&target[..found.end()])
            } else {
                String::new()
            },
            by: if at_start { bare(&by) } else { String::new() },
        })
    }
}

impl Piece {
    fn of<'t>(&'t self, captures: &Captures<'_>, target: &'t str) -> &'t str {
        match self {
            Self::Text(text) => text,
            Self::Group(group) => captures.get(*group).map_or("", |found| &target[found.range()]),
        }
    }
}

fn pieces(pattern: &Regex, replacement: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (group, length) = match rest.as_bytes() {
            [b'`' | b'\'', ..] => {
                return Err("holds $` or $', which are not known here: write the text that is meant".to_owned());
            }
            [b'&', ..] => (Some(0), 1),
            [b'$', ..] => {
                text.push('$');
                (None, 1)
            }
            _ => match number(pattern, rest).or_else(|| name(pattern, rest)) {
                Some((group, length)) => (Some(group), length),
                None => {
                    text.push('$'); // as JavaScript has it: what means nothing is text
                    (None, 0)
                }
            },
        };
        if let Some(group) = group {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Group(group));
        }
        rest = &rest[length..];
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

/// Two digits where there is such a group, else one.
fn number(pattern: &Regex, rest: &str) -> Option<(usize, usize)> {
    let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    (1..=digits).rev().find_map(|length| {
        let group: usize = rest[..length].parse().ok()?;
        (1..pattern.captures_len()).contains(&group).then_some((group, length))
    })
}

fn name(pattern: &Regex, rest: &str) -> Option<(usize, usize)> {
    let name = rest.strip_prefix('<')?.split_once('>')?.0;
    let group = pattern.capture_names().position(|known| known == Some(name))?;
    Some((group, name.len() + 2))
}

#[cfg(test)]
mod tests;
