//! What passes, what does not, and that what is sent is what was judged.

use super::{Statement, read};

mod mutants;
mod naive;
mod reading;
mod refused;

use reading::READING;
use refused::{KINDS, REFUSED};

/// Words that InfluxDB reserves (`token.go`).
const RESERVED: &str = "ALL ALTER ANALYZE AND ANY AS ASC BEGIN BY CARDINALITY CREATE CONTINUOUS DATABASE DATABASES DEFAULT \
    DELETE DESC DESTINATIONS DIAGNOSTICS DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FALSE FIELD FOR FROM GRANT GRANTS \
    GROUP GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT MEASUREMENTS NAME OFFSET ON OR ORDER PASSWORD POLICY \
    POLICIES PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE RETENTION REVOKE SELECT SERIES SET SHOW SHARD SHARDS \
    SLIMIT SOFFSET STATS SUBSCRIPTION SUBSCRIPTIONS TAG TO TRUE USER USERS VALUES WHERE WITH WRITE";

fn passes(text: &str) -> Vec<Statement> {
    read(text).unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}"))
}

fn refused(text: &str, kind: &str) {
    let refusal = read(text).expect_err(text);
    assert_eq!(refusal.kind, kind, "{text:?}: {refusal:?}");
}

fn sent(statements: &[Statement]) -> String {
    let texts: Vec<_> = statements.iter().map(Statement::text).collect();
    texts.join(";")
}

fn check_sent(text: &str, expected: &str) {
    assert_eq!(sent(&passes(text)), expected);
}

fn check_what(text: &str, expected: &str) {
    assert_eq!(read(text).expect_err(text).what, expected);
}

#[test]
fn statements_that_read_pass() {
    assert!(READING.len() >= 60);
    for (text, kind, databases) in READING {
        let statements = passes(text);
        assert_eq!(
            (statements[0].kind, statements[0].databases.as_slice()),
            (*kind, own(databases).as_slice()),
            "{text:?}"
        );
        naive::check(&sent(&statements));
    }
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_else_is_refused() {
    assert!(REFUSED.len() >= 120);
    for (text, kind) in REFUSED {
        refused(text, kind);
    }
}

#[test]
fn one_statement_that_may_not_be_sent_refuses_all() {
    for (good, ..) in READING.iter().step_by(7) {
        for (bad, kind) in REFUSED
            .iter()
            .filter(|(text, _)| text.contains(char::is_alphanumeric) && !text.starts_with("--"))
        {
            refused(&format!("{good}\n;{bad}"), kind);
        }
    }
}

#[test]
fn what_is_sent_is_written_anew() {
    check_sent("select  a\t,\n\"b\" from m", "SELECT a , \"b\" FROM m");
    check_sent("select*from m", "SELECT*FROM m");
    check_sent("SELECT a -- x\nFROM m /* y */", "SELECT a FROM m");
    check_sent("SELECT a/**/FROM \"m\"/* */WHERE b=1", "SELECT a FROM \"m\" WHERE b=1");
    check_sent(
        "--\n;SELECT a FROM m ;; show databases --",
        "SELECT a FROM m;SHOW DATABASES",
    );
    check_sent("SELECT a+1,-b,a - -1 FROM m", "SELECT a+1,-b,a - -1 FROM m");
    check_sent(
        "SELECT a FROM m WHERE b <> 1 AND c!=2",
        "SELECT a FROM m WHERE b <> 1 AND c!=2",
    );
    check_sent(r#"SELECT "a\"\\\'\n" FROM m"#, r#"SELECT "a\"\\'\n" FROM m"#);
    check_sent(
        r#"SELECT a FROM m WHERE b = '\"\\\'\n'"#,
        r#"SELECT a FROM m WHERE b = '"\\\'\n'"#,
    );
    check_sent(
        r"SELECT a FROM m WHERE b =~ /\\/\d[\/]*/",
        r"SELECT a FROM m WHERE b =~ /\\/\d[\/]*/",
    );
    check_sent(
        "SELECT a FROM db..m,rp./x/ WHERE b=~/y/",
        "SELECT a FROM db..m,rp./x/ WHERE b=~/y/",
    );
    check_sent(
        "explain  analyze select mean( a ) from m",
        "EXPLAIN ANALYZE SELECT mean( a ) FROM m",
    );
}

#[test]
fn what_is_sent_reads_the_same_again() {
    for (text, ..) in READING {
        let statements = passes(text);
        assert_eq!(passes(&sent(&statements)), statements, "{text:?}");
    }
}

#[test]
fn a_reserved_word_is_no_identifier() {
    for word in RESERVED
        .split(' ')
        .flat_map(|word| [word.to_owned(), word.to_ascii_lowercase()])
    {
        for text in [
            "SELECT a AS {} FROM m",
            "SELECT a FROM {}",
            "SELECT a FROM efd..{}",
            "SHOW TAG KEYS ON {}",
        ] {
            assert!(read(&text.replace("{}", &word)).is_err(), "{word} in {text}");
            passes(&text.replace("{}", &format!("\"{word}\"")));
            passes(&text.replace("{}", &format!("{word}_")));
        }
    }
}

#[test]
fn a_refusal_says_where_and_repeats_nothing() {
    check_what(
        "SELECT é FROM m",
        "unexpected at character 8: a character that InfluxQL does not know",
    );
    check_what(
        "SELECT 'é', a FROM m; DROP DATABASE efd",
        "unexpected at character 23: a statement that does not just read",
    );
    check_what("SELECT a INTO b FROM c", "unexpected at character 10: INTO");
    check_what(
        "SELECT a FROM /**/ m",
        "unexpected at character 15: a comment where InfluxDB reads a regular expression",
    );
    let secret =
        r#"SELECT hunter2, "hunter2", 'hunter2', 424242, 424242h, /hunter2/ FROM hunter2 WHERE hunter2 =~ /hunter2/"#;
    for (at, _) in secret.char_indices() {
        for piece in [
            "",
            "'",
            "\"",
            "/",
            "\\",
            "é",
            "hunter2 hunter2",
            "424242 424242",
            ";hunter2",
        ] {
            for rest in ["", &secret[at..]] {
                if let Err(refusal) = read(&[&secret[..at], piece, rest].concat()) {
                    assert!(!refusal.what.contains("hunter"), "{refusal:?}");
                    assert!(!refusal.what.contains("4242"), "{refusal:?}");
                }
            }
        }
    }
}

#[test]
fn a_statement_in_a_log_shows_no_literal() {
    let shown = format!("{:?}", passes("SELECT a FROM efd..m WHERE b = 'hunter2'"));
    assert_eq!(shown, r#"[SELECT ["efd"]]"#);
}

#[test]
fn length_numbers_and_depth_have_bounds() {
    let padded = |length: usize| format!("SELECT a FROM m{}", " ".repeat(length - 15));
    passes(&padded(1 << 20));
    refused(&padded((1 << 20) + 1), "too long");
    passes(&"SELECT a FROM m;".repeat(100));
    refused(&"SELECT a FROM m;".repeat(101), "too many statements");
    passes(&format!("SELECT {}a FROM m", "a,".repeat(9_998))); // and the source
    refused(&format!("SELECT {}a FROM m", "a+".repeat(10_000)), "too many operands");
    // InfluxDB makes chains of operators of these lists.
    refused(
        &format!("SHOW SERIES FROM {}a", "a,".repeat(10_000)),
        "too many operands",
    );
    let keys = format!("SHOW TAG VALUES WITH KEY IN ({}a)", "a,".repeat(10_000));
    refused(&keys, "too many operands");
    refused(
        &format!("SELECT a FROM m WHERE b{}", "=~/c/".repeat(10_000)),
        "too many operands",
    );
    let nested = |open: &str, close: &str, depth: usize| format!("{}a{}", open.repeat(depth), close.repeat(depth));
    for depth in [64, 65, 100_000] {
        let queries = format!(
            "SELECT a FROM {}m{}",
            "(SELECT a FROM ".repeat(depth),
            ")".repeat(depth)
        );
        let parentheses = format!("SELECT a FROM m WHERE b = {}", nested("(", ")", depth));
        let calls = format!("SELECT {} FROM m", nested("f(", ")", depth));
        for text in [queries, parentheses, calls] {
            match depth {
                64 => drop(passes(&text)),
                65 => refused(&text, "nested too deeply"),
                _ => assert!(read(&text).is_err()),
            }
        }
    }
}

#[test]
fn mutants_that_pass_only_read() {
    let (count, mut passed, mut changed) = (100_000, 0, 0);
    for text in mutants::mutants(0x9e37_79b9_7f4a_7c15, count) {
        let statements = match read(&text) {
            Ok(statements) => statements,
            Err(refusal) => {
                assert!(KINDS.split(", ").any(|kind| kind == refusal.kind), "{refusal:?}");
                continue;
            }
        };
        let sent = sent(&statements);
        naive::check(&sent);
        assert_eq!(naive::statements(&sent).len(), statements.len(), "{text:?}");
        assert_eq!(read(&sent), Ok(statements), "{text:?}");
        passed += 1;
        changed += usize::from(sent != text);
    }
    println!("{passed} of {count} passed, {changed} of them changed");
    assert!(passed > count / 20 && changed > count / 40, "too few to mean anything");
}
