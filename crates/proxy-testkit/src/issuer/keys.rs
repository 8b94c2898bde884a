//! Signing keys of a fake issuer, new for each test.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

#[derive(Debug)]
pub(super) struct Key {
    kid: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Key {
    pub(super) fn es256(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the system has random numbers");
        Self {
            kid: kid.to_owned(),
            pair: Pair::Es256(pair),
        }
    }

    pub(super) fn rs256(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("the system has random numbers");
        Self {
            kid: kid.to_owned(),
            pair: Pair::Rs256(pair),
        }
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.pair, Pair::Rs256(_))
    }

    /// RFC 7518, sections 3.3 and 3.4.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => pair.sign(&random, message).expect("a good key signs").as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a good key signs");
                signature
            }
        }
    }

    /// The public half (RFC 7517).
    pub(super) fn to_jwk(&self) -> Value {
        match &self.pair {
            Pair::Es256(pair) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y),
                        "kid": self.kid, "alg": "ES256", "use": "sig" })
            }
            Pair::Rs256(pair) => {
                let (modulus, exponent) = numbers(pair.public_key().as_ref());
                json!({ "kty": "RSA", "n": BASE64.encode(modulus), "e": BASE64.encode(exponent),
                        "kid": self.kid, "alg": "RS256", "use": "sig" })
            }
        }
    }
}

/// The two integers of an `RSAPublicKey` (RFC 8017, A.1.1), without leading zeros.
fn numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = value(der);
    let (modulus, rest) = value(sequence);
    let (exponent, _) = value(rest);
    (without_zeros(modulus), without_zeros(exponent))
}

/// The value of the first DER element, and what follows it.
fn value(der: &[u8]) -> (&[u8], &[u8]) {
    let long = usize::from(der[1] & 0x7f);
    let (length, start) = if der[1] < 0x80 {
        (long, 2)
    } else {
        (
            der[2..2 + long]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
            2 + long,
        )
    };
    der[start..].split_at(length)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
