//! An issuer that a test owns: keys, discovery, key set, tokens.

use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::super::super::tests::support::{FakePlatform, json_answer, raw_answer};

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A signing key and what is published of it.
pub(crate) struct TestKey {
    pub(crate) jwk: Value,
    pair: Pair,
}

enum Pair {
    Rsa(Arc<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    /// One RSA key for all tests: making one takes a while.
    pub(crate) fn rsa(id: &str) -> Self {
        static PAIR: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        let pair = PAIR
            .get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
            .clone();
        let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
        let (n, e) = (
            base64url(n.big_endian_without_leading_zero()),
            base64url(e.big_endian_without_leading_zero()),
        );
        Self {
            jwk: json!({"kty": "RSA", "kid": id, "use": "sig", "n": n, "e": e}),
            pair: Pair::Rsa(pair),
        }
    }

    pub(crate) fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&aws::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            jwk: ec_jwk(id, "P-256", pair.public_key().as_ref()),
            pair: Pair::P256(pair),
        }
    }

    pub(crate) fn p384(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&aws::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self {
            jwk: ec_jwk(id, "P-384", pair.public_key().as_ref()),
            pair: Pair::P384(pair),
        }
    }

    pub(crate) fn ed25519(id: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = base64url(pair.public_key());
        Self {
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x}),
            pair: Pair::Ed25519(pair),
        }
    }

    /// The same key as the issuer may publish it otherwise.
    pub(crate) fn published(&self, member: &str, value: Value) -> Value {
        let mut jwk = self.jwk.clone();
        jwk[member] = value;
        jwk
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &dyn aws::RsaEncoding = match algorithm {
                    "RS384" => &aws::RSA_PKCS1_SHA384,
                    "RS512" => &aws::RSA_PKCS1_SHA512,
                    "PS256" => &aws::RSA_PSS_SHA256,
                    "PS384" => &aws::RSA_PSS_SHA384,
                    "PS512" => &aws::RSA_PSS_SHA512,
                    _ => &aws::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with exactly these two parts.
    pub(crate) fn sign_parts(&self, algorithm: &str, header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", base64url(signature))
    }

    pub(crate) fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.token_with(&json!({"alg": algorithm, "typ": "JWT", "kid": self.jwk["kid"]}), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"].as_str().unwrap_or_default();
        self.sign_parts(algorithm, header.to_string().as_bytes(), claims.to_string().as_bytes())
    }
}

fn ec_jwk(id: &str, curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    json!({"kty": "EC", "crv": curve, "kid": id, "x": base64url(x), "y": base64url(y)})
}

/// What the issuer answers next; bytes in place of a document are sent as they are.
#[derive(Clone, Default)]
pub(crate) struct Documents {
    /// Members that replace those of the discovery document.
    pub(crate) discovery: Value,
    pub(crate) key_set: Value,
    pub(crate) raw_discovery: Option<Vec<u8>>,
    pub(crate) raw_key_set: Option<Vec<u8>>,
}

/// An issuer on loopback.
pub(crate) struct FakeIssuer {
    platform: FakePlatform,
    documents: Arc<Mutex<Documents>>,
}

impl FakeIssuer {
    pub(crate) fn start<const N: usize>(keys: [&Value; N]) -> Self {
        let documents = Arc::new(Mutex::new(Documents {
            key_set: json!({"keys": keys.as_slice()}),
            ..Documents::default()
        }));
        let current = documents.clone();
        let platform = FakePlatform::start(move |question| {
            let documents = current.lock().unwrap().clone();
            let issuer = format!("http://{}/realm", question.header("host"));
            match question.path.as_str() {
                "/realm/.well-known/openid-configuration" => documents
                    .raw_discovery
                    .unwrap_or_else(|| json_answer(200, &discovery(&issuer, &documents.discovery))),
                "/realm/keys" => documents
                    .raw_key_set
                    .unwrap_or_else(|| json_answer(200, &documents.key_set)),
                _ => raw_answer(404, "text/plain", b""),
            }
        });
        Self { platform, documents }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/realm", self.platform.url())
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Documents)) {
        change(&mut self.documents.lock().unwrap());
    }

    pub(crate) fn publish<const N: usize>(&self, keys: [&Value; N]) {
        self.change(|documents| documents.key_set = json!({"keys": keys.as_slice()}));
    }

    /// How often the key set was fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.platform
            .questions()
            .iter()
            .filter(|question| question.path == "/realm/keys")
            .count()
    }

    /// How often anything was asked.
    pub(crate) fn questions(&self) -> usize {
        self.platform.questions().len()
    }
}

fn discovery(issuer: &str, patch: &Value) -> Value {
    let mut document = json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256"]
    });
    for (member, value) in patch.as_object().into_iter().flatten() {
        document[member] = value.clone();
    }
    document
}
