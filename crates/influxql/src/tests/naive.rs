//! A second opinion on what is sent, by rules of its own: it knows quotes, regular expressions and semicolons as the canonical
//! text has them, and words that may stand nowhere else.

const FORBIDDEN: &str = "ALTER BEGIN CREATE DELETE DESTINATIONS DIAGNOSTICS DROP END GRANT GRANTS GROUPS INSERT INTO KILL \
    PASSWORD POLICY PRIVILEGES QUERIES QUERY READ REPLICATION REVOKE SET SHARD SHARDS STATS SUBSCRIPTION \
    SUBSCRIPTIONS TO USER USERS WRITE";

/// The statements of a text, with one character for each thing that stands between quotes or slashes.
pub(super) fn statements(text: &str) -> Vec<String> {
    let mut characters = text.chars();
    let mut outside = String::new();
    while let Some(character) = characters.next() {
        let regex = character == '/' && regex_may_stand(&outside);
        if !regex && character != '"' && character != '\'' {
            outside.push(character);
            continue;
        }
        // As if it were an operand: a slash behind it divides.
        outside.push('"');
        let mut before = character;
        loop {
            let inside = characters.next().expect("what is begun ends");
            match (before, inside) {
                ('\\', _) if !regex => before = ' ',
                (before, inside) if inside == character && (before != '\\' || !regex) => break,
                _ => before = inside,
            }
        }
    }
    outside.split(';').map(ToOwned::to_owned).collect()
}

/// Behind a comma, a parenthesis, a dot, an equals sign, a tilde, or one of three words.
fn regex_may_stand(outside: &str) -> bool {
    let before = outside.trim_end_matches(' ');
    let word = before
        .rsplit(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .next();
    before.ends_with([',', '(', '.', '=', '~']) || matches!(word, Some("SELECT" | "FROM" | "BY"))
}

/// Panics if `text` could do anything but read.
pub(super) fn check(text: &str) {
    let forbidden: Vec<&str> = FORBIDDEN.split(' ').collect();
    for statement in statements(text) {
        assert!(statement.replace('µ', "").is_ascii(), "{text:?}");
        let mut words = statement.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let first = words.next().unwrap_or_default();
        assert!(["SELECT", "SHOW", "EXPLAIN"].contains(&first), "{text:?}");
        assert!(
            !["--", "/*", "$", "\n", "\r"].iter().any(|odd| statement.contains(odd)),
            "{text:?}"
        );
        for word in words {
            assert!(
                !forbidden.contains(&word.to_ascii_uppercase().as_str()),
                "{word} in {text:?}"
            );
        }
    }
}
