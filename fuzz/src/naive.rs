//! Slow, obvious readings, written without looking at the code that serves: what it does has to agree with them.

/// Percent-decoded once; what is no escape stays.
pub fn decoded(bytes: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(bytes).collect()
}

/// Whether a server that takes backslashes for slashes, cuts `;parameters` off and resolves dots would leave the folder.
pub fn climbs(path: &[u8]) -> bool {
    let mut depth = 0_i32;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
            b".." => depth -= 1,
            b"" | b"." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Whether a parameter is a caller's token.
pub fn is_credential(parameter: &str) -> bool {
    let name = decoded(parameter.split('=').next().unwrap_or_default().as_bytes());
    [b"access_token".as_slice(), b"token"]
        .iter()
        .any(|credential| name.eq_ignore_ascii_case(credential))
}

/// The parameters of a query that are no caller's token, without what is left empty at the end.
pub fn harmless(query: &str) -> Vec<&str> {
    let mut kept: Vec<&str> = query
        .split(['&', ';'])
        .filter(|parameter| !is_credential(parameter))
        .collect();
    while kept.last().is_some_and(|last| last.is_empty()) {
        kept.pop();
    }
    kept
}

/// Whether a path pattern means a path: every alternative written out, then character by character.
pub fn pattern_means(pattern: &str, path: &str) -> bool {
    if pattern == "**" {
        return true;
    }
    let path: Vec<&str> = path.split('/').collect();
    let (above, deep) = match pattern.strip_suffix("/**") {
        Some(above) => (above, true),
        None => (pattern, false),
    };
    written_out(above).iter().any(|one| {
        let names: Vec<&str> = one.split('/').collect();
        let long_enough = names.len() == path.len() || deep && names.len() < path.len();
        long_enough && all_mean(&names, &path[..names.len()])
    })
}

fn all_mean(names: &[&str], path: &[&str]) -> bool {
    names.iter().zip(path).all(|(name, segment)| {
        name_means(name.as_bytes(), segment.as_bytes()) && (name.is_empty() || !segment.is_empty())
    })
}

/// Each letter of the pattern leads from the places in the segment that were reached to the next ones.
fn name_means(name: &[u8], segment: &[u8]) -> bool {
    let mut reached = vec![false; segment.len() + 1];
    reached[0] = true;
    for byte in name {
        let before = reached.clone();
        for at in 0..=segment.len() {
            reached[at] = match byte {
                b'*' => before[..=at].contains(&true),
                _ => at > 0 && before[at - 1] && segment[at - 1] == *byte,
            };
        }
    }
    reached[segment.len()]
}

fn written_out(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let (choices, after) = rest.split_once('}').unwrap_or((rest, ""));
    choices
        .split(',')
        .flat_map(|choice| written_out(&format!("{before}{choice}{after}")))
        .collect()
}

/// `text` with each base that ends where a link's host or path segment ends replaced; at one place, the first base counts.
pub fn replaced(text: &[u8], bases: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    'text: while at < text.len() {
        for (base, public) in bases {
            let goes_on =
                |next: &u8| next.is_ascii_alphanumeric() || *next >= 0x80 || b".-_~%:@+!$&'()*,;=".contains(next);
            if text[at..].starts_with(base) && !text.get(at + base.len()).is_some_and(goes_on) {
                out.extend_from_slice(public);
                at += base.len();
                continue 'text;
            }
        }
        out.push(text[at]);
        at += 1;
    }
    out
}

/// How many members the objects of a valid JSON text have: each has one colon outside of texts.
pub fn members_written(json: &str) -> usize {
    let (mut colons, mut in_text, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b':' if !in_text => colons += 1,
            _ => {}
        }
    }
    colons
}

/// How many members a value has, at any depth.
pub fn members_read(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(members) => members.len() + members.values().map(members_read).sum::<usize>(),
        serde_json::Value::Array(values) => values.iter().map(members_read).sum(),
        _ => 0,
    }
}
