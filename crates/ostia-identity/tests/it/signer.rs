//! An issuer's keys: made for the run, never written down.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use serde_json::{Value, json};

pub(crate) static RSA: LazyLock<Signer> =
    LazyLock::new(|| Signer::new("rsa-1", Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())));
pub(crate) static RSA_OTHER: LazyLock<Signer> =
    LazyLock::new(|| Signer::new("rsa-2", Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())));
pub(crate) static P256: LazyLock<Signer> = LazyLock::new(|| {
    Signer::new("ec-1", Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
});
pub(crate) static P384: LazyLock<Signer> = LazyLock::new(|| {
    Signer::new("ec-2", Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()))
});
pub(crate) static P521: LazyLock<Signer> = LazyLock::new(|| {
    Signer::new("ec-3", Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap()))
});
pub(crate) static ED25519: LazyLock<Signer> =
    LazyLock::new(|| Signer::new("ed-1", Pair::Ed(Ed25519KeyPair::generate().unwrap())));

/// Each algorithm by its name, with a key for it.
pub(crate) fn every_algorithm() -> [(&'static str, &'static Signer); 10] {
    [
        ("RS256", &RSA),
        ("RS384", &RSA),
        ("RS512", &RSA),
        ("PS256", &RSA),
        ("PS384", &RSA),
        ("PS512", &RSA),
        ("ES256", &P256),
        ("ES384", &P384),
        ("ES512", &P521),
        ("EdDSA", &ED25519),
    ]
}

pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn new(kid: &'static str, pair: Pair) -> Self {
        Self { kid, pair }
    }

    /// The public key, without `alg`.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": text(n), "e": text(e)})
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": crv, "kid": self.kid, "x": text(x), "y": text(y)})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": text(pair.public_key().as_ref())})
            }
        }
    }

    pub(crate) fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match alg {
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A genuine signature over exactly these bytes.
    pub(crate) fn token(&self, header: &[u8], claims: &[u8]) -> String {
        let alg = serde_json::from_slice::<Value>(header)
            .ok()
            .and_then(|header| Some(header["alg"].as_str()?.to_owned()));
        let signed = format!("{}.{}", text(header), text(claims));
        let signature = self.sign(alg.as_deref().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", text(&signature))
    }

    /// An access token with these claims.
    pub(crate) fn access_token(&self, alg: &str, claims: &Value) -> String {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": self.kid}).to_string();
        self.token(header.as_bytes(), claims.to_string().as_bytes())
    }
}

/// base64url without padding, written apart from the product's own.
pub(crate) fn text(bytes: &[u8]) -> String {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            out.push(char::from(SYMBOLS[(bits >> (18 - 6 * index) & 63) as usize]));
        }
    }
    out
}

/// Modulus and exponent of a DER `RSAPublicKey`.
fn rsa_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = element(der);
    let (n, rest) = element(sequence);
    let (e, _) = element(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}

fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let count = usize::from(long & 0x7f);
            (der[2..2 + count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), 2 + count)
        }
    };
    der[start..].split_at(length)
}
