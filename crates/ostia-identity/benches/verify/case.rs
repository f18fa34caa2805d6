//! One algorithm: a token, the key that it names, and the two works that are compared.

use std::hint::black_box;
use std::time::SystemTime;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    ED25519 as ED25519_VERIFICATION, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, VerificationAlgorithm,
};
use ostia_identity::{AccessTokenProfile, KeySet, Token, accept_access_token};
use serde_json::{Value, json};

use crate::everyday;
use crate::signer::{ED25519, P256, P384, P521, RSA, Signer};

pub(crate) struct Case {
    alg: String,
    token: String,
    /// The public keys of an issuer with five; all algorithms have the same set.
    jwks: String,
    keys: KeySet,
    profile: AccessTokenProfile,
    now: SystemTime,
    key: ParsedPublicKey,
    /// Of this token: what another signature of the same text costs may differ by more than what is measured.
    signature: Vec<u8>,
}

impl Case {
    /// A fresh token.
    pub(crate) fn of(alg: &str, signer: &Signer) -> Self {
        let keys = [&RSA, &P256, &P384, &P521, &ED25519].map(|signer| signer.jwk());
        Self::from_texts(
            alg,
            signer.access_token(alg, &everyday::claims()),
            json!({ "keys": keys }).to_string(),
        )
    }

    /// The token of another process.
    pub(crate) fn from_texts(alg: &str, token: String, jwks: String) -> Self {
        let (_, signature) = token.rsplit_once('.').unwrap();
        Self {
            alg: alg.to_owned(),
            keys: KeySet::from_jwks(jwks.as_bytes()).unwrap(),
            profile: everyday::profile(),
            now: everyday::now(),
            key: parsed(alg, &jwks),
            signature: bytes(signature),
            token,
            jwks,
        }
    }

    pub(crate) fn texts(&self) -> [&str; 3] {
        [&self.alg, &self.token, &self.jwks]
    }

    /// What the token costs at first sight.
    pub(crate) fn whole(&self) {
        let token = Token::parse(black_box(&self.token)).unwrap();
        black_box(accept_access_token(&token, &self.keys, &self.profile, self.now).unwrap());
    }

    /// The check of its signature and nothing else, with a key that was parsed before.
    pub(crate) fn alone(&self) {
        let (signed, _) = self.token.rsplit_once('.').unwrap();
        self.key.verify_sig(black_box(signed.as_bytes()), black_box(&self.signature)).unwrap();
    }
}

/// The key as the crypto library alone would have it.
fn parsed(alg: &str, jwks: &str) -> ParsedPublicKey {
    let jwks: Value = serde_json::from_str(jwks).unwrap();
    let rsa = |parameters: &'static RsaParameters| {
        let jwk = &jwks["keys"][0];
        let components = PublicKeyComponents { n: member(jwk, "n"), e: member(jwk, "e") };
        components.to_parsed_public_key(parameters).unwrap()
    };
    let point = |place: usize, curve: &'static dyn VerificationAlgorithm| {
        let jwk = &jwks["keys"][place];
        ParsedPublicKey::new(curve, [vec![4], member(jwk, "x"), member(jwk, "y")].concat()).unwrap()
    };
    match alg {
        "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => rsa(&RSA_PSS_2048_8192_SHA256),
        "PS384" => rsa(&RSA_PSS_2048_8192_SHA384),
        "PS512" => rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => point(1, &ECDSA_P256_SHA256_FIXED),
        "ES384" => point(2, &ECDSA_P384_SHA384_FIXED),
        "ES512" => point(3, &ECDSA_P521_SHA512_FIXED),
        _ => ParsedPublicKey::new(&ED25519_VERIFICATION, member(&jwks["keys"][4], "x")).unwrap(),
    }
}

fn member(jwk: &Value, name: &str) -> Vec<u8> {
    bytes(jwk[name].as_str().unwrap())
}

fn bytes(text: &str) -> Vec<u8> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}
