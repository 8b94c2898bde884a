//! The first line is a request target, the second a `Location` in its answer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{PREFIX, head, line, naive, upstream};
use proxy_core::{
    target::Target,
    upstream::{Paths, Upstream},
};
use url::Url;

static UPSTREAMS: LazyLock<[Upstream; 4]> = LazyLock::new(|| {
    [
        upstream("/", Paths::Strict),
        upstream("/jira/", Paths::Strict),
        upstream("/", Paths::Opaque),
        upstream("/jira/", Paths::Opaque),
    ]
});

fuzz_target!(|data: &[u8]| {
    let (target, location) = line(data);
    let Some(head) = head(target) else { return };
    for upstream in UPSTREAMS.iter() {
        let built = Target::build(&head, upstream).ok();
        assert_eq!(built, Target::build(&head, upstream).ok(), "the same twice");
        let Some(built) = built else { continue };
        check(upstream, &built);
        // `http::Uri` drops the fragment, whatever it is.
        let asked = target.split(|byte| *byte == b'#').next().unwrap_or_default();
        let asked = std::str::from_utf8(asked).expect("a URI is text");
        check_query(asked.split_once('?').map(|(_, query)| query), built.query());
        assert!(asked.starts_with(PREFIX), "{asked}");
        if let Ok(next) = built.redirected(upstream, location) {
            check(upstream, &next);
        }
    }
});

/// Whatever was asked, what would be sent stays below the base path and is one line of plain text.
fn check(upstream: &Upstream, built: &Target) {
    let sent = built.path_and_query();
    assert!(
        sent.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'),
        "{sent}"
    );
    let tail = sent
        .strip_prefix(upstream.base_path.as_str())
        .expect("it begins with the base path");
    assert_eq!(built.tail(), tail.split('?').next().unwrap_or_default());
    let url = Url::parse(&format!("https://jira.example.org{sent}")).expect("what is sent is a URL");
    assert_eq!(url.origin().ascii_serialization(), "https://jira.example.org");
    assert!(url.path().starts_with(&upstream.base_path), "{url}");
    let once = naive::decoded(built.tail().as_bytes());
    assert!(!once.iter().any(u8::is_ascii_control), "{sent}");
    assert!(
        !naive::climbs(built.tail().as_bytes()) && !naive::climbs(&once),
        "{sent}"
    );
    if upstream.paths == Paths::Strict {
        check_strict(built.tail(), &once);
        assert_eq!(url.path(), sent.split('?').next().unwrap_or_default(), "one spelling");
    }
    if let Some(query) = built.query() {
        assert!(!query.split(['&', ';']).any(naive::is_credential), "{query}");
    }
    let again = head(format!("{PREFIX}/{tail}").as_bytes()).expect("what is sent can be asked");
    assert_eq!(
        Target::build(&again, upstream).ok().as_ref(),
        Some(built),
        "asked again, the same is sent"
    );
}

/// However often a server decodes, it reads no other path.
fn check_strict(tail: &str, once: &[u8]) {
    let twice = naive::decoded(once);
    assert_eq!(once, twice, "decoding twice changes nothing: {tail}");
    assert!(std::str::from_utf8(once).is_ok(), "{tail}");
    assert!(!once.iter().any(|byte| matches!(byte, b'\\' | b';')), "{tail}");
    let slashes = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
    assert_eq!(slashes(once), slashes(tail.as_bytes()), "{tail}");
    assert!(!tail.contains("//") && !tail.starts_with('/'), "{tail}");
    assert!(!tail.split('/').next().unwrap_or_default().contains(':'), "{tail}");
}

/// Byte for byte, but for a caller's token.
fn check_query(asked: Option<&str>, sent: Option<&str>) {
    let Some(asked) = asked else {
        assert_eq!(sent, None);
        return;
    };
    if asked.split(['&', ';']).any(naive::is_credential) {
        assert_eq!(naive::harmless(asked), naive::harmless(sent.unwrap_or_default()));
    } else {
        assert_eq!(sent, Some(asked));
    }
}
