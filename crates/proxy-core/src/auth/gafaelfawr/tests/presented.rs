//! Where a token may be, and what is one. Row of the catalogue: H01, a header holds a token to verify, never a name to
//! believe.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    super::{
        super::tests::{
            GT,
            support::{client, head_of_bytes, identity, scheme, told},
        },
        is_well_formed,
    },
    ada, ask, bearer, config, gafaelfawr,
};

#[actix_web::test]
async fn the_token_may_come_from_the_ingress() {
    let platform = gafaelfawr(200, &ada());
    let scheme = scheme(config(&platform));
    let outcome = ask(
        &*scheme,
        &[("x-auth-request-token", GT), ("x-auth-request-user", "root")],
    )
    .await;
    let found = identity(outcome);
    assert_eq!(found.user(), "ada", "the header with a name is not read");
    assert!(found.by_cookie(), "the ingress may have taken a cookie");
    assert_eq!(platform.questions()[0].header("authorization"), format!("Bearer {GT}"));

    let both = format!("Bearer {GT}");
    let both = identity(ask(&*scheme, &[("authorization", &both), ("x-auth-request-token", GT)]).await);
    assert_eq!(both.user(), "ada");
    // A token of another kind in `Authorization` is not this scheme's concern.
    let other = ask(
        &*scheme,
        &[("authorization", "Bearer e30.e30.c2ln"), ("x-auth-request-token", GT)],
    )
    .await;
    assert_eq!(identity(other).user(), "ada");
}

#[actix_web::test]
async fn two_tokens_that_differ_are_ambiguous() {
    let platform = gafaelfawr(200, &ada());
    let (scheme, other) = (scheme(config(&platform)), GT.replace('k', "x"));
    let bearer = format!("Bearer {other}");
    for headers in [
        vec![("authorization", bearer.as_str()), ("x-auth-request-token", GT)],
        vec![("x-auth-request-token", GT), ("x-auth-request-token", GT)],
        vec![("x-auth-request-token", GT), ("x-auth-request-token", &other)],
    ] {
        assert_eq!(
            told(&ask(&*scheme, &headers).await),
            "the request carries two credentials that differ: send one"
        );
    }
    assert!(platform.questions().is_empty());
}

#[actix_web::test]
async fn a_malformed_token_is_refused_without_asking() {
    let platform = gafaelfawr(200, &ada());
    let scheme = scheme(config(&platform));
    for token in [
        "gt-",
        "gt-.",
        "gt-abc",
        "gt-abc.def",
        &GT[..GT.len() - 1],
        &format!("{GT}A"),
        &GT.replace('.', ""),
        &GT.replace('k', "."),
        &GT.replace('k', "+"),
        &format!("{GT}="),
    ] {
        let outcome = scheme.authenticate(&bearer(token), &client()).await;
        assert_eq!(
            told(&outcome),
            "the token is malformed: it is not of the form `gt-<key>.<secret>`",
            "{token}"
        );
    }
    for value in ["", "abc", "Bearer gt-abc", "e30.e30.c2ln"] {
        let outcome = ask(&*scheme, &[("x-auth-request-token", value)]).await;
        assert!(
            told(&outcome).starts_with("the token is malformed"),
            "`{value}`: {}",
            told(&outcome)
        );
    }
    let outcome = scheme
        .authenticate(&head_of_bytes(&[("x-auth-request-token", b"gt-\xe9")]), &client())
        .await;
    assert!(told(&outcome).starts_with("the token is malformed"));
    assert!(platform.questions().is_empty());
}

#[actix_web::test]
async fn what_is_no_gt_token_is_left_to_other_schemes() {
    let platform = gafaelfawr(200, &ada());
    let scheme = scheme(config(&platform));
    let other = "gt-2T1RHkIi4b14JzswnXfCsQ";
    for headers in [
        vec![],
        vec![("authorization", "Bearer opaque")],
        vec![("authorization", "Bearer e30.e30.c2ln")],
        vec![("authorization", "Basic YWRhOnB3")],
        vec![("x-auth-request-user", "ada")],
        vec![("x_auth_request_token", GT)],
        vec![("x-auth-request-tokens", GT)],
        vec![("cookie", other)],
        vec![("authorization", "Negotiate abc")],
    ] {
        assert_eq!(told(&ask(&*scheme, &headers).await), "not present", "{headers:?}");
    }
    assert!(platform.questions().is_empty());
}

#[test]
fn a_token_has_two_halves_of_22_characters() {
    assert!(is_well_formed(GT));
    assert!(is_well_formed("gt-----------------------.______________________"));
    assert!(!is_well_formed("GT-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zqQ"));
    assert!(!is_well_formed("gt-2T1RHkIi4b14JzswnXfCsQ.8t5XdPSYTrteD0pDB15zq/"));
}

#[actix_web::test]
async fn the_same_token_by_header_and_by_ingress_are_two_answers() {
    let platform = gafaelfawr(200, &ada());
    let scheme = scheme(config(&platform));
    let by_ingress = identity(ask(&*scheme, &[("x-auth-request-token", GT)]).await);
    let own = identity(scheme.authenticate(&bearer(GT), &client()).await);
    assert!(by_ingress.by_cookie() && !own.by_cookie());
}

#[actix_web::test]
async fn basic_holds_the_token_in_either_field() {
    let platform = gafaelfawr(200, &ada());
    let scheme = scheme(config(&platform));
    for pair in [format!("{GT}:x-oauth-basic"), format!("ada:{GT}")] {
        let outcome = ask(
            &*scheme,
            &[("authorization", &format!("Basic {}", STANDARD.encode(pair)))],
        )
        .await;
        assert_eq!(identity(outcome).user(), "ada");
    }
    assert_eq!(platform.questions()[0].header("authorization"), format!("Bearer {GT}"));
}
