//! Documents and claims as Keycloak 26 writes them, with all that is of no concern here.

use serde_json::{Value, json};

use super::{
    super::super::tests::support::{raw_answer, told},
    ask, config,
    issuer::{FakeIssuer, TestKey, base64url},
    now, ready,
};

fn discovery(issuer: &str) -> Value {
    let algorithms = json!([
        "PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256", "HS384", "ES512", "PS256", "PS512",
        "RS512", "none"
    ]);
    let key_encryption = json!([
        "ECDH-ES+A256KW",
        "ECDH-ES+A192KW",
        "ECDH-ES+A128KW",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "RSA1_5",
        "ECDH-ES"
    ]);
    let encryption = json!([
        "A256GCM",
        "A192GCM",
        "A128GCM",
        "A128CBC-HS256",
        "A192CBC-HS384",
        "A256CBC-HS512"
    ]);
    json!({
        "authorization_endpoint": format!("{issuer}/protocol/openid-connect/auth"),
        "introspection_endpoint": format!("{issuer}/protocol/openid-connect/token/introspect"),
        "end_session_endpoint": format!("{issuer}/protocol/openid-connect/logout"),
        "check_session_iframe": format!("{issuer}/protocol/openid-connect/login-status-iframe.html"),
        "frontchannel_logout_supported": true, "backchannel_logout_session_supported": true,
        "grant_types_supported": [
            "authorization_code", "client_credentials", "implicit", "password", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba"
        ],
        "acr_values_supported": ["0", "1"],
        "response_types_supported": ["code", "none", "id_token", "token", "id_token token", "code id_token", "code token", "code id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt", "jwt"],
        "subject_types_supported": ["public", "pairwise"], "prompt_values_supported": ["none", "login", "consent"],
        "id_token_signing_alg_values_supported": algorithms, "userinfo_signing_alg_values_supported": algorithms,
        "request_object_signing_alg_values_supported": algorithms, "id_token_encryption_alg_values_supported": key_encryption,
        "id_token_encryption_enc_values_supported": encryption, "authorization_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "client_secret_jwt"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "name", "preferred_username", "email", "acr", "azp", "nonce"],
        "claim_types_supported": ["normal"], "claims_parameter_supported": true,
        "scopes_supported": ["openid", "acr", "profile", "basic", "web-origins", "email", "roles", "organization"],
        "request_parameter_supported": true, "request_uri_parameter_supported": true, "require_request_uri_registration": true,
        "code_challenge_methods_supported": ["plain", "S256"], "tls_client_certificate_bound_access_tokens": true,
        "dpop_signing_alg_values_supported": ["PS384", "ES384"], "mtls_endpoint_aliases": {"token_endpoint": format!("{issuer}/token")},
        "authorization_response_iss_parameter_supported": true
    })
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
