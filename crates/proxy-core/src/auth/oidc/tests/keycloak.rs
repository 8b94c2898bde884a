//! Documents and claims as Keycloak 26 writes them, with all that is of no concern here.

use serde_json::{Value, json};

use super::{
    super::super::tests::support::{raw_answer, told},
    ask, config,
    issuer::{FakeIssuer, TestKey, base64url},
    now, ready,
};

/// What Keycloak 26.5.6 answered, but for its address and for where the fake issuer has its keys.
fn discovery(issuer: &str) -> Value {
    let recorded = include_str!("keycloak-discovery.json").replace("ISSUER", issuer);
    let mut document: Value = serde_json::from_str(&recorded).unwrap();
    document["jwks_uri"] = json!(format!("{issuer}/keys"));
    document
}

/// A key for signatures and one for encryption, both with certificates.
fn key_set(key: &TestKey) -> Value {
    let mut signing = key.published("alg", json!("RS256"));
    signing["x5c"] = json!(["MIICmzCCAYMCBgGX"]);
    signing["x5t"] = json!("pVMLd9FwVJD5Ug8");
    let mut encrypting = signing.clone();
    encrypting["kid"] = json!("enc");
    encrypting["use"] = json!("enc");
    encrypting["alg"] = json!("RSA-OAEP");
    json!({"keys": [encrypting, signing]})
}

fn access_token(issuer: &FakeIssuer) -> Value {
    json!({
        "exp": now() + 300, "iat": now(), "auth_time": now(), "jti": "onrtac:5a1b", "iss": issuer.url(), "aud": ["jira", "account"],
        "sub": "6b1c7a1e-6c2c-4a3b-9d8e-0d9f2b1c7a1e", "typ": "Bearer", "azp": "notebook", "sid": "0d9f", "acr": "1",
        "allowed-origins": ["https://hub.example.org"], "realm_access": {"roles": ["offline_access", "default-roles-main"]},
        "resource_access": {"account": {"roles": ["manage-account"]}}, "scope": "openid email profile", "email_verified": false,
        "name": "Ada Lovelace", "preferred_username": "ada", "groups": ["/spt3g/dev"]
    })
}

#[actix_web::test]
async fn an_access_token_of_keycloak_is_good_and_its_other_tokens_are_not() {
    let key = TestKey::rsa("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE");
    let issuer = FakeIssuer::start([]);
    let url = issuer.url();
    issuer.change(|documents| {
        documents.discovery = discovery(&url);
        documents.key_set = key_set(&key);
    });
    let scheme = ready(config(&issuer)).await;
    let good = access_token(&issuer);
    let outcome = ask(&*scheme, &key.token("RS256", &good)).await;
    assert_eq!(told(&outcome), "ada groups=/spt3g/dev scopes=openid,email,profile");
    for (name, value) in [
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("at_hash", json!("fWr1")),
        ("cnf", json!({"jkt": "0Zc"})),
    ] {
        let mut other = good.clone();
        other[name] = value;
        let told = told(&ask(&*scheme, &key.token("RS256", &other)).await);
        assert!(
            told.starts_with("the token is not valid for this service"),
            "{name}: {told}"
        );
    }
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "enc"});
    let told = told(&ask(&*scheme, &key.token_with(&header, &good)).await);
    assert!(
        told.ends_with("its issuer does not publish"),
        "a key for encryption signs nothing: {told}"
    );
}

/// Another issuer on the same machine, whose keys are good, is still another issuer.
#[actix_web::test]
async fn a_token_of_another_realm_is_refused() {
    let (ours, theirs) = (TestKey::p256("k"), TestKey::p256("k"));
    let (issuer, other) = (FakeIssuer::start([&ours.jwk]), FakeIssuer::start([&theirs.jwk]));
    let scheme = ready(config(&issuer)).await;
    let by_ours = ours.token("ES256", &access_token(&other));
    assert!(told(&ask(&*scheme, &by_ours).await).ends_with("another issuer has made it"));
    let by_theirs = theirs.token("ES256", &access_token(&other));
    assert!(told(&ask(&*scheme, &by_theirs).await).ends_with("its signature is wrong"));
    assert_eq!(other.questions(), 0);
    // Not even a body that claims to be ours makes its keys ours.
    let body = json!({"keys": [theirs.jwk]}).to_string();
    other.change(|documents| documents.raw_discovery = Some(raw_answer(200, "application/json", body.as_bytes())));
    let embedded = base64url(json!({"alg": "ES256", "kid": "k", "jku": format!("{}/keys", other.url())}).to_string());
    let (_, rest) = by_theirs.split_once('.').unwrap();
    assert!(told(&ask(&*scheme, &format!("{embedded}.{rest}")).await).ends_with("its signature is wrong"));
    assert_eq!(other.questions(), 0);
}
