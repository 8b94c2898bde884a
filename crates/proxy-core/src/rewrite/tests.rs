use super::{Rewrite, Rewritten};

fn apply(pattern: &str, replacement: &str, target: &str) -> Option<String> {
    Some(Rewrite::new(pattern, replacement).unwrap().apply(target)?.target)
}

#[test]
fn the_first_match_is_replaced_once_as_javascript_does_it() {
    for (pattern, replacement, target, expected) in [
        (
            r"^/visafs/\d+/",
            "/",
            "/visafs/42/a/b?c=/visafs/1/",
            Some("/a/b?c=/visafs/1/"),
        ),
        (
            r"^/ws/print/\d+/",
            "/socket.io/",
            "/ws/print/42/?EIO=4",
            Some("/socket.io/?EIO=4"),
        ),
        (r"^/visafs/\d+/", "/", "/visafs/42", None),
        (r"^/lab/(\d+)", "/jupyter/$1", "/lab/42/x", Some("/jupyter/42/x")),
        (r"^/(a)(b)", "$2$1$3$0$$$&$", "/ab", Some("ba$3$0$/ab$")),
        (r"^/(a)(b)", "$01|$10|$22", "/ab", Some("a|a0|b2")),
        (r"^/(?<id>\d+)(x)?", "$<id>.$<no>.$2", "/7", Some("7.$<no>.")),
        (r"b", "", "/abab", Some("/aab")),
    ] {
        assert_eq!(
            apply(pattern, replacement, target).as_deref(),
            expected,
            "{pattern} {replacement}"
        );
    }
}

#[test]
fn what_was_replaced_is_told_where_it_stood_at_the_beginning() {
    let rewritten = |pattern, replacement, target| Rewrite::new(pattern, replacement).unwrap().apply(target);
    let text = ToOwned::to_owned;
    assert_eq!(
        rewritten("^/ws/print/[0-9]+/", "/socket.io/", "/ws/print/42/x"),
        Some(Rewritten {
            target: text("/socket.io/x"),
            replaced: text("/ws/print/42"),
            by: text("/socket.io")
        })
    );
    let inside = rewritten("print", "x", "/ws/print/42/x").unwrap();
    assert_eq!((inside.replaced.as_str(), inside.by.as_str()), ("", ""));
}

#[test]
fn what_cannot_be_done_is_refused() {
    assert!(Rewrite::new("(", "").unwrap_err().contains("is no regular expression"));
    assert!(Rewrite::new("(?=a)", "").unwrap_err().contains("look-around"));
    for replacement in ["$`", "a$'b"] {
        assert!(Rewrite::new("a", replacement).unwrap_err().contains("write the text"));
    }
}
