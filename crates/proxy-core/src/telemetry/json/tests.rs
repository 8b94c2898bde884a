use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn json(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    append(&mut line, value);
    String::from_utf8(line).unwrap()
}

#[test]
fn what_acts_on_a_display_is_escaped_and_survives_a_round_trip() {
    let check = |text: &str, expected: &str| {
        let written = json(&text);
        assert_eq!(written, format!("\"{expected}\""));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    };
    check("ada", "ada");
    check("Ada Λ 星", "Ada Λ 星");
    check("a\r\nb\0", r"a\r\nb\u0000");
    check("\u{1b}[2J\u{7f}\u{9b}", r"\u001b[2J\u007f\u009b");
    check("\u{2028}x\u{2029}", r"\u2028x\u2029");
    check("\u{202e}gpj\u{2066}\u{feff}\u{200f}", r"\u202egpj\u2066\ufeff\u200f");
    check("\u{e0041}", r"\udb40\udc41");
    check("\"\\", r#"\"\\"#);
}

#[test]
fn a_log_line_is_one_line_whatever_it_holds() {
    let check = |text: &[u8], expected: &str| assert_eq!(String::from_utf8(one_line(text)).unwrap(), expected);
    check(b"started\n", "started\n");
    check(b"started", "started\n");
    check(b"a\nb\n", "a\\u000ab\n");
    check(b"\x1b[31mred", "\\u001b[31mred\n");
    check(b"\xff\xfe", "\u{fffd}\u{fffd}\n");
    check("a\u{2028}b".as_bytes(), "a\\u2028b\n");
}

#[test]
fn a_log_line_is_at_most_8_kib() {
    for text in [
        "x".repeat(100_000),
        "\0".repeat(100_000),
        "星".repeat(10_000),
        format!("x{}", "星".repeat(10_000)),
    ] {
        let line = one_line(text.as_bytes());
        assert!(line.len() <= MAX_LINE && line.len() > MAX_LINE - 8, "{}", line.len());
        assert!(String::from_utf8(line).unwrap().ends_with('\n'));
    }
}

#[test]
fn a_long_text_is_cut_between_two_characters() {
    assert_eq!(shortened("ada", 3), "ada");
    assert_eq!(shortened("adas", 3), "ada…");
    assert_eq!(shortened("a星星", 5), "a星…");
}

#[test]
fn times_are_rfc_3339_with_milliseconds() {
    let check = |milliseconds: u64, expected: &str| {
        assert_eq!(
            Timestamp::of(UNIX_EPOCH + Duration::from_millis(milliseconds)).as_str(),
            expected
        );
    };
    check(0, "1970-01-01T00:00:00.000Z");
    check(951_827_696_007, "2000-02-29T12:34:56.007Z");
    check(1_893_455_999_999, "2029-12-31T23:59:59.999Z");
}

#[test]
fn what_is_no_json_is_null() {
    let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(json(&("a", keys)), "null");
}
