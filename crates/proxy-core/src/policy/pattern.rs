//! Path patterns: `rest/api/{2,3,latest}/issue/*/worklog/**`.
//!
//! Matched against the raw bytes of a path that has one spelling only (`target`). `*` is any part of one segment,
//! `{a,b}` is `a` or `b`, `/**` at the end is the path itself and everything below it. Linear in the path's length times
//! the number of stars. A path is split once for all patterns, and braces are tried where they stand: rules are many, and
//! most begin alike.

/// Most pairs of braces in one pattern, and most ways to write it out: each pair multiplies them.
const MAX_BRACES: usize = 8;
const MAX_ALTERNATIVES: usize = 256;

/// One compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    written: String,
    /// The alternatives of each segment.
    segments: Vec<Vec<String>>,
    /// Whether anything may follow.
    deep: bool,
}

/// A path in its segments.
#[derive(Debug)]
pub(crate) struct Segments<'p>(Vec<&'p str>);

impl<'p> Segments<'p> {
    /// Of `path`, without a slash at its start.
    pub(crate) fn of(path: &'p str) -> Self {
        Self(path.split('/').collect())
    }
}

impl Pattern {
    /// # Errors
    /// What is wrong with the pattern, in words.
    pub(crate) fn new(written: &str) -> Result<Self, String> {
        if written.starts_with('/') {
            return Err("begins with `/`: patterns are relative to the upstream's base path".to_owned());
        }
        if written.contains("//") || written.split('/').any(|segment| segment == "." || segment == "..") {
            return Err("holds an empty or a dot segment, which no request can match: remove it".to_owned());
        }
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/*{},".contains(&byte);
        if let Some(odd) = written.chars().find(|odd| !odd.is_ascii() || !good(*odd as u8)) {
            return Err(format!(
                "holds `{odd}`, which a request may write in two ways: use `*` for it"
            ));
        }
        let (path, deep) = match written.strip_suffix("**") {
            Some("") => ("", true),
            Some(path) => (
                path.strip_suffix('/')
                    .ok_or("holds `**` that is not a segment of its own: write `/**`")?,
                true,
            ),
            None => (written, false),
        };
        if path.contains("**") {
            return Err("holds `**` elsewhere than at its end: use `*` for one segment".to_owned());
        }
        if path.matches('{').count() > MAX_BRACES {
            return Err(format!(
                "holds more than {MAX_BRACES} pairs of braces: write several patterns"
            ));
        }
        expand(path)?; // braces may hold no slash: seen in the whole path only
        let segments = match (path, deep) {
            ("", true) => Vec::new(),
            _ => path.split('/').map(expand).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            written: written.to_owned(),
            segments,
            deep,
        })
    }

    /// `**`.
    pub(crate) fn everything() -> Self {
        Self {
            written: "**".to_owned(),
            segments: Vec::new(),
            deep: true,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether this path is meant.
    pub(crate) fn matches(&self, Segments(path): &Segments<'_>) -> bool {
        let long_enough = match self.deep {
            true => path.len() >= self.segments.len(),
            false => path.len() == self.segments.len(),
        };
        let meant = |(choices, name): (&Vec<String>, &&str)| {
            choices
                .iter()
                .any(|choice| matches_name(choice.as_bytes(), name.as_bytes()))
        };
        long_enough && self.segments.iter().zip(path).all(meant)
    }
}

/// `{a,b}` written out; braces do not nest and hold no slash.
fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return if pattern.contains('}') {
            Err("holds `}` without `{`: write both or none".to_owned())
        } else {
            Ok(vec![pattern.to_owned()])
        };
    };
    let (inside, after) = rest
        .split_once('}')
        .ok_or("holds `{` without `}`: write both or none")?;
    if inside.contains(['{', '/']) || inside.is_empty() || before.contains('}') {
        return Err("holds braces that nest, are empty or hold a slash: write several patterns".to_owned());
    }
    let tails = expand(after)?;
    if inside.split(',').count() * tails.len() > MAX_ALTERNATIVES {
        return Err(format!(
            "has more than {MAX_ALTERNATIVES} alternatives: write several patterns"
        ));
    }
    let with = |choice: &str| {
        tails
            .iter()
            .map(|tail| format!("{before}{choice}{tail}"))
            .collect::<Vec<_>>()
    };
    Ok(inside.split(',').flat_map(with).collect())
}

/// One segment with `*`: the usual two-pointer match, which goes back to the last star only.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, n));
            p += 1;
        } else if p < pattern.len() && pattern[p] == name[n] {
            (p, n) = (p + 1, n + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, n) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    // A lone `*` stands for a name: an empty segment is none.
    pattern[p..].iter().all(|byte| *byte == b'*') && (!name.is_empty() || pattern.is_empty())
}

#[cfg(test)]
mod tests;
