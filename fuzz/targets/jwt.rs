//! The first line is the header of a JWT, the rest its claims; signed by the issuer, and then by nobody.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbgate_fuzz::{
    NOW,
    issuer::{ISSUER, KEY_ID, base64url, signed},
    line, naive, now,
};
use proxy_core::{auth::Claims, fuzzing::token::Issuer};
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let (header, claims) = line(data);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(ISSUER.judge(text, now()).is_err(), "it is signed by nobody: {text}");
    }
    let token = signed(header, claims);
    let judged = ISSUER.judge(&token, now());
    assert_eq!(
        format!("{judged:?}"),
        format!("{:?}", ISSUER.judge(&token, now())),
        "the same twice"
    );
    let Ok(proven) = judged else { return };
    check_header(&members(header));
    check_claims(&members(claims), &proven);
    check_forgeries(header, claims, &token);
});

/// An object with each member once. Read by a parser that is not ours.
fn members(text: &[u8]) -> Map<String, Value> {
    let text = std::str::from_utf8(text).expect("JSON is UTF-8");
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(naive::members_written(text), naive::members_read(&value), "{text}");
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn check_header(header: &Map<String, Value>) {
    assert_eq!(header.get("alg"), Some(&"EdDSA".into()));
    assert_eq!(header.get("kid"), Some(&KEY_ID.into()));
    for name in ["crit", "b64", "cty", "enc", "zip"] {
        assert!(!header.contains_key(name), "{name}");
    }
    if let Some(kind) = header.get("typ") {
        let kind = kind.as_str().expect("a text").to_ascii_lowercase();
        assert!(
            ["jwt", "at+jwt", "application/at+jwt"].contains(&kind.as_str()),
            "{kind}"
        );
    }
}

fn check_claims(claims: &Map<String, Value>, proven: &Claims) {
    assert_eq!(claims.get("iss"), Some(&Issuer::NAME.into()));
    let audience = match &claims["aud"] {
        Value::Array(many) => many.contains(&Issuer::AUDIENCE.into()),
        one => one == Issuer::AUDIENCE,
    };
    assert!(audience, "{:?}", claims["aud"]);
    let (now, leeway) = (NOW as f64, Issuer::LEEWAY as f64);
    assert!(
        claims["exp"]
            .as_f64()
            .is_some_and(|end| end + leeway > now && end < 253_402_300_800.0),
        "{:?}",
        claims["exp"]
    );
    assert!(proven.expires.is_some());
    for name in ["nbf", "iat"] {
        let start = claims.get(name).filter(|start| !start.is_null());
        assert!(
            start.is_none_or(|start| start.as_f64().is_some_and(|start| start <= now + leeway)),
            "{start:?}"
        );
    }
    assert!(!claims.contains_key("at_hash") && claims.get("cnf").is_none_or(Value::is_null));
    assert_eq!(claims["preferred_username"], Value::String(proven.user.clone()));
    assert!(!proven.user.is_empty() && !proven.by_cookie);
    let listed = |name: &str| claims.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    assert_eq!(proven.groups.len(), listed("groups"));
    assert!(proven.scopes.iter().all(|scope| !scope.is_empty()) || listed("scope") > 0);
}

/// One bit, one dot or one algorithm more, and it is nobody's.
fn check_forgeries(header: &[u8], claims: &[u8], token: &str) {
    let (content, signature) = token.rsplit_once('.').expect("three parts");
    let mut other = claims.to_vec();
    other.push(b' ');
    let none = String::from_utf8_lossy(header).replacen("EdDSA", "none", 1);
    for forged in [
        format!("{content}."),
        content.to_owned(),
        format!("{content}.{}", &signature[..signature.len() - 1]),
        format!("{content}.A{}", &signature[1..]).replacen(&format!("{content}.AA"), &format!("{content}.BA"), 1),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{}.{}.{signature}", base64url(header), base64url(&other)),
        format!("{}.{}.", base64url(none.as_bytes()), base64url(claims)),
        format!("{}.{}.{signature}", base64url(none.as_bytes()), base64url(claims)),
    ] {
        assert!(forged == token || ISSUER.judge(&forged, now()).is_err(), "{forged}");
    }
}
