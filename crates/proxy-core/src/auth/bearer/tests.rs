//! Rows of the catalogue: H13, H14, H16, J20, J21. A token in the URL, in a cookie or in a form has no code that reads it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    super::tests::support::{head, head_of_bytes},
    Token, TokenKind, bearer_token, hub_token,
};
use crate::error::Reason;

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";
const GT: &str = "gt-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zqQ";

fn told(found: Result<Option<Token<'_>>, Reason>) -> String {
    match found {
        Ok(Some(token)) => format!("{:?} {}", token.kind(), token.as_str()),
        Ok(None) => "none".to_owned(),
        Err(Reason::Ambiguous) => "ambiguous".to_owned(),
        Err(Reason::Malformed(why)) => format!("malformed: {why}"),
        Err(other) => panic!("{other}"),
    }
}

fn check(value: &str, expected: &str) {
    let found = told(bearer_token(&head(&[("authorization", value)])));
    assert!(found.starts_with(expected), "`{value}` is `{found}`, not `{expected}`");
}

fn check_basic(user: &str, password: &str, expected: &str) {
    check(
        &format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
        expected,
    );
}

#[test]
fn no_credential_is_no_token() {
    assert_eq!(told(bearer_token(&head(&[]))), "none");
    for value in [
        "",
        "Digest username=a",
        "Negotiate YII=",
        "token abc",
        "Bearerabc",
        "X-Bearer abc",
        "abc",
    ] {
        check(value, "none");
    }
}

#[test]
fn a_bearer_token_is_found_whatever_the_case_of_the_scheme() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER"] {
        check(&format!("{scheme} a-._~+/9=="), "Opaque a-._~+/9==");
    }
    check(&format!("Bearer {GT}"), &format!("Gafaelfawr {GT}"));
    check(&format!("Bearer {JWT}"), &format!("Jwt {JWT}"));
}

#[test]
fn what_is_not_one_token_is_refused() {
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer  x",
        "bearer\tx",
        "Bearer\t",
        "Bearer x ",
        "Bearer a b",
        "Bearer a\tb",
        "Bearer a, Bearer b",
        "Bearer a,b",
        "Bearer \"a\"",
        "Bearer a=b",
        "Bearer =",
        "Bearer a;b",
        "Bearer <a>",
        "Bearer %20",
    ] {
        check(value, "malformed");
    }
}

#[test]
fn two_authorization_headers_are_ambiguous_even_if_they_are_alike() {
    let twice = head(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
    assert_eq!(told(bearer_token(&twice)), "ambiguous");
    let other = head(&[("authorization", "Bearer a"), ("authorization", "Digest b")]);
    assert_eq!(told(hub_token(&other)), "ambiguous");
}

#[test]
fn bytes_that_are_not_text_do_not_make_a_header_absent() {
    for value in [b"Bearer \xe9".as_slice(), b"\xff", b"Digest \xc3\xa9"] {
        let found = told(bearer_token(&head_of_bytes(&[("authorization", value)])));
        assert_eq!(found, "malformed: a header that identifies the caller is not ASCII");
    }
}

#[test]
fn a_token_is_looked_at_up_to_16_kib() {
    check(&format!("Bearer {}", "a".repeat(8 * 1024)), "Opaque");
    check(&format!("Bearer {}", "a".repeat(16 * 1024)), "Opaque");
    check(
        &format!("Bearer {}", "a".repeat(16 * 1024 + 1)),
        "malformed: it is longer than 16 KiB",
    );
    check(
        &format!("Bearer {}.e30.c2ln", "a".repeat(100_000)),
        "malformed: it is longer than 16 KiB",
    );
    check(
        &format!("Basic {}", "YTph".repeat(25_000)),
        "malformed: it is longer than 16 KiB",
    );
}

#[test]
fn the_scheme_token_is_the_hubs_alone() {
    for value in ["token abc", "Token abc", "TOKEN abc"] {
        assert_eq!(told(hub_token(&head(&[("authorization", value)]))), "Opaque abc");
        check(value, "none");
    }
    for value in ["token", "token ", "token  abc", "token a b", "token\tabc"] {
        let found = told(hub_token(&head(&[("authorization", value)])));
        assert!(found.starts_with("malformed"), "`{value}` is `{found}`");
    }
    assert_eq!(told(hub_token(&head(&[("authorization", "Bearer abc")]))), "Opaque abc");
}

#[test]
fn the_kind_of_a_token_is_seen_from_outside() {
    for (token, kind) in [
        (GT, TokenKind::Gafaelfawr),
        ("gt-", TokenKind::Gafaelfawr),
        ("gt-a.b.c", TokenKind::Gafaelfawr),
        ("GT-a", TokenKind::Opaque),
        (JWT, TokenKind::Jwt),
        // J01: without a signature it is a bad JWT, not another kind of token.
        ("eyJhbGciOiJub25lIn0.e30.", TokenKind::Jwt),
        ("a.b.c=", TokenKind::Jwt),
        // J08: JWE has five parts.
        ("a.b.c.d.e", TokenKind::Opaque),
        ("a.b", TokenKind::Opaque),
        (".b.c", TokenKind::Opaque),
        ("a..c", TokenKind::Opaque),
        ("..", TokenKind::Opaque),
        ("f00ba7", TokenKind::Opaque),
    ] {
        assert_eq!(Token::new(token).unwrap().kind(), kind, "{token}");
    }
}

#[test]
fn basic_may_hold_the_token_in_either_field() {
    check_basic(GT, "x-oauth-basic", &format!("Gafaelfawr {GT}"));
    check_basic("x-oauth-basic", GT, &format!("Gafaelfawr {GT}"));
    check_basic("ada", GT, &format!("Gafaelfawr {GT}"));
    check_basic(GT, "", &format!("Gafaelfawr {GT}"));
    check_basic("", GT, &format!("Gafaelfawr {GT}"));
    check_basic(GT, GT, &format!("Gafaelfawr {GT}"));
    check_basic("ada", JWT, &format!("Jwt {JWT}"));
    check_basic(JWT, "not a token", &format!("Jwt {JWT}"));
    check_basic("ada", "0paque", "Opaque 0paque");
    check_basic("0paque", "", "Opaque 0paque");
    check_basic("0paque", "x-oauth-basic", "Opaque 0paque");
}

#[test]
fn basic_with_two_tokens_that_differ_is_ambiguous() {
    check_basic(GT, &GT.replace('q', "r"), "ambiguous");
    check_basic(GT, JWT, "ambiguous");
    check_basic(JWT, GT, "ambiguous");
}

#[test]
fn basic_without_a_token_is_no_credential() {
    check_basic("", "", "none");
    check_basic("ada", "correct horse", "none");
    check_basic("ada", "pässword", "none");
}

#[test]
fn basic_that_is_not_a_pair_is_refused() {
    for value in [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YWRh",
        "Basic YTpiOmM=",
        "Basic YTpi ",
        "Basic  YTpi",
        "Basic /zr/",
        "Basic YTo",
        "basic\tYTpi",
    ] {
        check(value, "malformed");
    }
}

#[test]
fn a_token_is_not_shown() {
    assert_eq!(
        format!("{:?}", Token::new("c4n4ry").unwrap()),
        "Token(Opaque, [REDACTED])"
    );
}
