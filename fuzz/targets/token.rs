//! Each line is the value of one `Authorization` header.

#![no_main]

use actix_http::RequestHead;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use proxy_core::{
    error::Reason,
    fuzzing::token::{Presented, presented},
};

/// All that is ever said of a token that is refused: never a part of it.
const TOLD: &[&str] = &[
    "the token is malformed: it is empty",
    "the token is malformed: it is longer than 16 KiB",
    "the token is malformed: it holds a character that no token has, such as a space or comma",
    "the token is malformed: a tab follows the scheme in `Authorization`",
    "the token is malformed: a header that identifies the caller is not ASCII",
    "the token is malformed: `Authorization: Basic` does not hold one `user:password` in base64",
    "the request carries two credentials that differ: send one",
];

fuzz_target!(|data: &[u8]| {
    let mut head = RequestHead::default();
    for value in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(value) else {
            return;
        };
        head.headers.append(AUTHORIZATION, value);
    }
    let (usual, of_hub) = (presented(&head, false), presented(&head, true));
    assert_eq!(
        format!("{usual:?}"),
        format!("{:?}", presented(&head, false)),
        "the same twice"
    );
    let values: Vec<&[u8]> = head
        .headers
        .get_all(AUTHORIZATION)
        .map(|value| value.as_bytes())
        .collect();
    let [value] = values.as_slice() else {
        assert!(matches!(
            (usual, of_hub),
            (Err(Reason::Ambiguous), Err(Reason::Ambiguous))
        ));
        return;
    };
    let Ok(text) = std::str::from_utf8(value)
        .map_err(|_| ())
        .and_then(|text| if text.is_ascii() { Ok(text) } else { Err(()) })
    else {
        assert!(usual.is_err() && of_hub.is_err(), "what is not ASCII is not absent");
        return;
    };
    check(text, &usual);
    check(text, &of_hub);
    let is_hubs = text
        .split([' ', '\t'])
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("token"));
    if is_hubs {
        assert!(matches!(usual, Ok(None)), "the scheme is the hub's alone");
    } else {
        assert_eq!(format!("{usual:?}"), format!("{of_hub:?}"), "both read it alike");
    }
});

fn check(value: &str, read: &Result<Option<Presented>, Reason>) {
    let (scheme, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    match read {
        Ok(Some(token)) => {
            check_token(token);
            if scheme.eq_ignore_ascii_case("basic") {
                check_basic(rest, &token.text);
            } else {
                assert!(
                    ["bearer", "token"].iter().any(|name| scheme.eq_ignore_ascii_case(name)),
                    "{value}"
                );
                assert_eq!(
                    value,
                    format!("{scheme} {}", token.text),
                    "nothing else is in the header"
                );
            }
        }
        Ok(None) => assert!(!scheme.eq_ignore_ascii_case("bearer"), "{value}"),
        Err(reason) => assert!(TOLD.contains(&reason.to_string().as_str()), "{reason}"),
    }
}

fn check_token(token: &Presented) {
    let Presented { text, shown } = token;
    assert!((1..=16 * 1024).contains(&text.len()));
    let body = text.trim_end_matches('=');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    assert!(!body.is_empty() && body.bytes().all(plain), "{text}");
    let kinds = ["Gafaelfawr", "Jwt", "Opaque"].map(|kind| format!("Token({kind}, [REDACTED])"));
    assert!(kinds.contains(shown), "{shown}");
}

/// One of the two fields, and never a choice between two that both look like a platform's token.
fn check_basic(encoded: &str, token: &str) {
    let decoded = String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("text");
    let (user, password) = decoded.split_once(':').expect("two fields");
    assert!(
        !password.contains(':') && (token == user || token == password),
        "{decoded}"
    );
    let known = |field: &str| {
        field.starts_with("gt-") || field.split('.').count() == 3 && !field.starts_with('.') && !field.contains("..")
    };
    let plain = |field: &str| {
        field
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
    };
    if [user, password].iter().all(|field| known(field) && plain(field)) {
        assert_eq!(user, password);
    }
}
