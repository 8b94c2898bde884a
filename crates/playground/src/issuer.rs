//! A small OpenID issuer: discovery, keys, and tokens for a few demo users without asking for a password.
//!
//! The key is made at each start and the tokens are ordinary ES256 access tokens (RFC 9068), so that a service behind
//! it takes the same path as in production. Only for loopback: whoever reaches it is whoever they say.

#[cfg(test)]
mod tests;

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use actix_web::{HttpResponse, web};
use anyhow::Context;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const AUDIENCE: &str = "nbgate";
pub(crate) const LIFETIME: Duration = Duration::from_secs(8 * 3600);
const DISCOVERY: &str = "/.well-known/openid-configuration";
const CLIENT: &str = "playground";
/// The scope of those who may run notebooks.
pub(crate) const NOTEBOOKS: &str = "exec:notebook";
const SCOPE: &str = "openid exec:notebook";

/// Somebody the issuer knows.
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) groups: &'static [&'static str],
    pub(crate) scope: &'static str,
}

pub(crate) const ADA: User = User {
    name: "ada",
    groups: &["/demo/astronomers"],
    scope: SCOPE,
};
pub(crate) const GRACE: User = User {
    name: "grace",
    groups: &["/demo/operators"],
    scope: SCOPE,
};
const BOT: User = User {
    name: "bot-noteburst",
    groups: &["/demo/bots"],
    scope: SCOPE,
};
/// Without the scope for notebooks.
pub(crate) const GUEST: User = User {
    name: "guest",
    groups: &[],
    scope: "openid",
};
const USERS: [User; 4] = [ADA, GRACE, BOT, GUEST];

/// What the issuer's workers share; register it as `app_data` before `configure`.
pub(crate) struct Issuer {
    url: String,
    key: EncodingKey,
    key_id: String,
    keys: JwkSet,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    azp: &'a str,
    preferred_username: &'a str,
    groups: &'a [&'a str],
    scope: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Issuer {
    /// Makes a new key. `url` is the issuer's name as well as its address, without a slash at the end.
    pub(crate) fn new(url: String) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("cannot make a signing key")?;
        let document = pair.to_pkcs8v1().context("cannot write the signing key")?;
        let key = EncodingKey::from_ec_der(document.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(key_id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            url,
            key,
            key_id,
            keys: JwkSet { keys: vec![jwk] },
        })
    }

    /// An access token for `user` that ends after `lifetime`.
    pub(crate) fn mint(&self, user: &User, lifetime: Duration) -> anyhow::Result<String> {
        let now = OffsetDateTime::now_utc();
        let claims = Claims {
            iss: &self.url,
            sub: user.name,
            aud: AUDIENCE,
            azp: CLIENT,
            preferred_username: user.name,
            groups: user.groups,
            scope: user.scope,
            iat: now.unix_timestamp(),
            exp: (now + lifetime).unix_timestamp(),
            jti: Uuid::now_v7().to_string(),
        };
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        encode(&header, &claims, &self.key).context("cannot sign a token")
    }
}

pub(crate) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.route("/", web::get().to(to_discovery))
        .route(DISCOVERY, web::get().to(discovery))
        .route("/jwks", web::get().to(jwks))
        .route("/token", web::post().to(token))
        .route("/authorize", web::to(authorize));
}

/// For people who open the address that is printed.
async fn to_discovery() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, DISCOVERY)).finish()
}

async fn discovery(issuer: web::Data<Issuer>) -> HttpResponse {
    let at = |path: &str| format!("{}/{path}", issuer.url);
    HttpResponse::Ok().json(json!({
        "issuer": issuer.url,
        "jwks_uri": at("jwks"),
        "token_endpoint": at("token"),
        "authorization_endpoint": at("authorize"),
        "grant_types_supported": ["client_credentials", "password"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid", NOTEBOOKS],
        "claims_supported": ["iss", "sub", "aud", "azp", "exp", "iat", "jti", "preferred_username", "groups", "scope"],
    }))
}

async fn jwks(issuer: web::Data<Issuer>) -> HttpResponse {
    HttpResponse::Ok().json(&issuer.keys)
}

/// A password that is sent is not looked at: there is none.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    username: String,
    /// Shorter than usual, in seconds: to see a token end.
    lifetime: Option<u64>,
}

async fn token(issuer: web::Data<Issuer>, form: web::Form<TokenRequest>) -> HttpResponse {
    if !["client_credentials", "password"].contains(&form.grant_type.as_str()) {
        return refused("unsupported_grant_type", "use client_credentials or password");
    }
    let Some(user) = USERS.iter().find(|user| user.name == form.username) else {
        return refused("invalid_grant", "username is one of ada, grace, bot-noteburst, guest");
    };
    let lifetime = form.lifetime.map_or(LIFETIME, Duration::from_secs).min(LIFETIME);
    match issuer.mint(user, lifetime) {
        Ok(token) => not_stored(HttpResponse::Ok().json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime.as_secs(),
            "scope": user.scope,
        }))),
        Err(_) => HttpResponse::InternalServerError().json(json!({ "error": "server_error" })),
    }
}

/// Discovery has to name this address; signing in with a browser is not part of the demo.
async fn authorize() -> HttpResponse {
    refused(
        "unsupported_response_type",
        "this issuer hands out tokens at /token only",
    )
}

fn refused(error: &str, description: &str) -> HttpResponse {
    not_stored(HttpResponse::BadRequest().json(json!({ "error": error, "error_description": description })))
}

fn not_stored(mut response: HttpResponse) -> HttpResponse {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
