//! Rows of the catalogue: J09 to J18, J25.

mod times;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Rules, claim};

const NOW: u64 = 1_800_000_000;

const ISSUER: &str = "https://idp.example.org/realms/Main";

fn rules() -> Rules {
    Rules {
        kind: "oidc",
        issuer: ISSUER.to_owned(),
        audience: vec!["jira".to_owned(), "https://jira".to_owned()],
        authorized_parties: None,
        user_claim: "preferred_username".to_owned(),
        groups_claim: "groups".to_owned(),
        scopes_claim: "scope".to_owned(),
        leeway: Duration::from_secs(30),
        max_lifetime: None,
    }
}

/// Good claims with these members instead; `"-"` takes one away.
fn claims(patch: &Value) -> serde_json::Map<String, Value> {
    let mut claims = json!({"iss": ISSUER, "aud": "jira", "exp": NOW + 300, "preferred_username": "ada"});
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in patch.as_object().unwrap() {
        claims.insert(name.clone(), value.clone());
    }
    claims.retain(|_, value| *value != json!("-"));
    claims.clone()
}

fn judged(rules: &Rules, patch: &Value) -> Result<String, String> {
    let judged = rules.judge(&claims(patch), SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    judged
        .map(|claims| format!("{} {:?} {:?}", claims.user, claims.groups, claims.scopes))
        .map_err(|reason| reason.to_string())
}

fn check(patch: Value, expected: Result<&str, &str>) {
    let expected = expected.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(judged(&rules(), &patch), expected, "{patch}");
}

const ADA: Result<&str, &str> = Ok("ada [] []");

const EXPIRED: Result<&str, &str> = Err("the token has expired");

const EARLY: Result<&str, &str> = Err("the token is not valid for this service: its time has not begun");

const OTHER_ISSUER: Result<&str, &str> = Err("the token is not valid for this service: another issuer has made it");

const OTHER_AUDIENCE: Result<&str, &str> =
    Err("the token is not valid for this service: it was issued for another service");
const NO_AUDIENCE: Result<&str, &str> =
    Err("the token is not valid for this service: it does not say which service it was issued for");
const OTHER_CLIENT: &str =
    "the token is not valid for this service: it was issued to a client that is not accepted here";
const NO_ACCESS_TOKEN: Result<&str, &str> = Err("the token is not valid for this service: it is not an access token");

const ID_TOKEN: Result<&str, &str> =
    Err("the token is not valid for this service: it is an ID token, not an access token");

#[test]
fn a_token_must_end() {
    for exp in [json!("-"), json!(null)] {
        check(
            json!({"exp": exp}),
            Err("the token is malformed: its claim `exp` is not a time"),
        );
    }
}

#[test]
fn the_audience_is_one_of_ours_exactly() {
    for aud in [
        json!("jira"),
        json!("https://jira"),
        json!(["jira"]),
        json!(["other", "jira"]),
        json!(["https://jira", "jira"]),
    ] {
        check(json!({"aud": aud}), ADA);
    }
    for aud in [
        json!("other"),
        json!("jir"),
        json!("jira2"),
        json!("Jira"),
        json!(" jira"),
        json!("jira other"),
        json!(""),
        json!([]),
        json!(["other"]),
        json!(["jir", "jira "]),
        json!("https://jira/"),
    ] {
        check(json!({"aud": aud}), OTHER_AUDIENCE);
    }
    for aud in [json!("-"), json!(null)] {
        check(json!({"aud": aud}), NO_AUDIENCE);
    }
    for aud in [
        json!(1),
        json!({"jira": 1}),
        json!(["jira", 1]),
        json!([["jira"]]),
        json!([null, "jira"]),
    ] {
        check(
            json!({"aud": aud}),
            Err("the token is malformed: its claim `aud` is not a name or a list of names"),
        );
    }
}

#[test]
fn the_issuer_is_ours_exactly() {
    for iss in [
        json!("-"),
        json!(null),
        json!(""),
        json!("https://idp.example.org/realms/Main/"),
        json!("https://idp.example.org/realms/main"),
        json!("https://idp.example.org/realms/Other"),
        json!("http://idp.example.org/realms/Main"),
        json!("https://IDP.example.org/realms/Main"),
        json!("https://idp.example.org:443/realms/Main"),
        json!([ISSUER]),
        json!({"iss": ISSUER}),
        json!(7),
    ] {
        check(json!({"iss": iss}), OTHER_ISSUER);
    }
}

#[test]
fn the_client_is_one_of_those_that_are_accepted() {
    let rules = Rules {
        authorized_parties: Some(vec!["notebook".to_owned(), "portal".to_owned()]),
        ..rules()
    };
    for patch in [
        json!({"azp": "notebook"}),
        json!({"azp": "portal", "aud": ["jira", "other"]}),
    ] {
        assert_eq!(judged(&rules, &patch).as_deref(), Ok("ada [] []"), "{patch}");
    }
    for patch in [
        json!({}),
        json!({"azp": null}),
        json!({"azp": "other"}),
        json!({"azp": "Notebook"}),
        json!({"azp": "noteboo"}),
        json!({"azp": ["notebook"]}),
        json!({"azp": "other", "aud": ["jira", "other"]}),
        json!({"aud": ["jira", "notebook"]}),
        json!({"client_id": "notebook"}),
    ] {
        assert_eq!(judged(&rules, &patch), Err(OTHER_CLIENT.to_owned()), "{patch}");
    }
    check(json!({"azp": "anybody", "aud": ["jira", "other"]}), ADA);
}

#[test]
fn other_tokens_of_the_same_issuer_are_refused() {
    for typ in ["ID", "Refresh", "Offline", "Logout", "id", "REFRESH"] {
        check(json!({"typ": typ}), NO_ACCESS_TOKEN);
    }
    check(json!({"typ": "Bearer"}), ADA);
    check(
        json!({"typ": ["ID"]}),
        Err("the token is malformed: its claim `typ` is not a name"),
    );
    for name in ["at_hash", "c_hash"] {
        check(json!({name: "MTIzNDU2Nzg5MDEyMzQ1Ng"}), ID_TOKEN);
        check(json!({name: null}), ID_TOKEN);
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_refused() {
    for cnf in [json!({"jkt": "a"}), json!({"x5t#S256": "a"}), json!({}), json!("a")] {
        check(
            json!({"cnf": cnf}),
            Err(
                "the token is not valid for this service: it is bound to a key of its owner, which cannot be checked here",
            ),
        );
    }
}

#[test]
fn the_user_is_a_text() {
    check(
        json!({"preferred_username": "-"}),
        Err("the token is not valid for this service: it has no claim `preferred_username`"),
    );
    for user in [json!(""), json!(7), json!(["ada"]), json!({"ada": 1}), json!(true)] {
        check(
            json!({"preferred_username": user}),
            Err("the token is malformed: its claim `preferred_username` is not a name"),
        );
    }
    for sub in [json!(""), json!(7), json!(["ada"])] {
        check(
            json!({"sub": sub}),
            Err("the token is malformed: its claim `sub` is not a name"),
        );
    }
    let by_sub = Rules {
        user_claim: "sub".to_owned(),
        ..rules()
    };
    assert_eq!(judged(&by_sub, &json!({"sub": "1-2"})).as_deref(), Ok("1-2 [] []"));
}

#[test]
fn groups_and_scopes_are_lists_of_names() {
    check(
        json!({"groups": ["/spt3g/dev", "a b"], "scope": "openid  read"}),
        Ok(r#"ada ["/spt3g/dev", "a b"] ["openid", "read"]"#),
    );
    check(
        json!({"groups": [], "scope": ["read", "a b"]}),
        Ok(r#"ada [] ["read", "a b"]"#),
    );
    check(json!({"groups": null, "scope": ""}), ADA);
    for groups in [
        json!("staff"),
        json!(["staff", 1]),
        json!({"staff": true}),
        json!([["staff"]]),
        json!(1),
    ] {
        check(
            json!({"groups": groups}),
            Err("the token is malformed: its claim `groups` is not a list of names"),
        );
    }
    for scope in [json!(1), json!({"read": true}), json!([1]), json!([null])] {
        check(
            json!({"scope": scope}),
            Err("the token is malformed: its claim `scope` is not a list of names"),
        );
    }
}

#[test]
fn a_claim_is_found_by_its_name_first_and_then_by_its_path() {
    let members = json!({
        "https://example.org/groups": 1, "a.b": 2, "a": {"b": 3, "c": {"d": 4}, "e.f": 5, "n": null}, "resource_access": {"jira.proxy": {"roles": 6}},
        "list": [{"x": 7}]
    });
    let members = members.as_object().unwrap();
    for (path, expected) in [
        ("https://example.org/groups", Some(1)),
        ("a.b", Some(2)),
        ("a.c.d", Some(4)),
        ("a.e.f", Some(5)),
        ("a.x", None),
        ("a.b.c", None),
        ("x.b", None),
        ("a.", None),
        (".b", None),
        ("a.n", None),
        ("list.0.x", None),
        ("list.x", None),
        ("", None),
    ] {
        assert_eq!(claim(members, path).and_then(Value::as_u64), expected, "{path}");
    }
}
