use super::{Pattern, Segments};

#[test]
fn patterns_mean_whole_segments() {
    for (pattern, path, expected) in [
        ("a/**", "a", true),
        ("a/**", "a/", true),
        ("a/**", "a/b/c", true),
        ("a/**", "ab", false),
        ("a/**", "", false),
        ("**", "", true),
        ("**", "x/y", true),
        ("a/*", "a/b", true),
        ("a/*", "a/", false),
        ("a/*", "a/b/c", false),
        ("a/*", "a", false),
        ("a", "a/", false),
        ("a*c", "abc", true),
        ("a*c", "ac", true),
        ("a*c", "ab/c", false),
        ("*b*", "abc", true),
        ("*b*", "acd", false),
        ("{a,b}/{c,d}", "b/c", true),
        ("{a,b}/{c,d}", "c/b", false),
        ("x{,y}", "x", true),
    ] {
        assert_eq!(
            Pattern::new(pattern).unwrap().matches(&Segments::of(path)),
            expected,
            "{pattern} {path}"
        );
    }
}

/// Found by fuzzing: each pair of braces multiplies what a pattern is written out to.
#[test]
fn a_pattern_has_a_bounded_number_of_alternatives() {
    let braces = |choices: &str, times: usize| Pattern::new(&format!("rest/{}", choices.repeat(times)));
    assert!(braces("{a,b}", 8).is_ok() && braces("{a}", 8).is_ok());
    for (choices, times) in [("{a,b}", 9), ("{a,b}", 64), ("{a}", 100_000), ("{a,b,c}", 6)] {
        assert!(braces(choices, times).is_err(), "{choices} {times} times");
    }
    assert!(Pattern::new(&format!("{{{}}}", ",".repeat(300))).is_err());
}

#[test]
fn what_is_wrong_with_a_pattern_is_said_with_a_cure() {
    for pattern in [
        "/a",
        "a//b",
        "../a",
        "a b",
        "a**",
        "a/**/b",
        "a}",
        "a{b",
        "{a,{b}}",
        "{}",
        "{a/b}",
        "{a}{a}{a}{a}{a}{a}{a}{a}{a}",
    ] {
        let what = Pattern::new(pattern).unwrap_err();
        assert!(what.contains(": "), "{pattern} {what}");
    }
}
