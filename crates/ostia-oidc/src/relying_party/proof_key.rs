//! The key that a session's tokens are bound to, and the proofs that we hold it (RFC 9449 section 4).
//!
//! Each session has its own, made at the code exchange and sealed in the session's cookie beside the refresh token: any
//! node goes on with it, it ends with the session, and no two sessions can be told to be of one person by it.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64_simd::URL_SAFE_NO_PAD;
use ostia_config::Secret;
use serde_json::{Value, json};

use super::signed::{self, jti};

/// The algorithm of all proofs: every server that takes DPoP takes it.
pub(crate) const ALGORITHM: &str = "ES256";

/// A private key as it is kept: the number, 32 bytes.
pub type KeptKey = Secret<[u8; 32]>;

/// A key with its public half at hand.
pub(crate) struct ProofKey {
    pair: EcdsaKeyPair,
    public: Value,
}

impl std::fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<proof key>")
    }
}

/// What a proof is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proven<'a> {
    pub(crate) method: &'a str,
    /// The address that is called; query and fragment do not count.
    pub(crate) address: &'a str,
    /// The nonce that the server gave last.
    pub(crate) nonce: Option<&'a str>,
    /// The access token that is shown beside it; none at the token endpoint.
    pub(crate) access_token: Option<&'a Secret<String>>,
}

impl ProofKey {
    /// A new key. `None` when the system gives no random bytes.
    pub(crate) fn new() -> Option<Self> {
        Self::of(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?)
    }

    /// The key that [`ProofKey::kept`] gave. `None` for what never was one.
    pub(crate) fn from_kept(kept: &KeptKey) -> Option<Self> {
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, kept.reveal()).ok()?;
        let public = private.compute_public_key().ok()?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            kept.reveal(),
            public.as_ref(),
        );
        Self::of(pair.ok()?)
    }

    fn of(pair: EcdsaKeyPair) -> Option<Self> {
        let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode_to_string(x), URL_SAFE_NO_PAD.encode_to_string(y));
        Some(Self { public: json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }), pair })
    }

    /// The private half, to be sealed.
    pub(crate) fn kept(&self) -> Option<KeptKey> {
        let number: EcPrivateKeyBin<'_> = self.pair.private_key().as_be_bytes().ok()?;
        number.as_ref().try_into().ok().map(Secret::new)
    }

    /// A proof for one request, worth nothing for any other. `None` when the system gives no random bytes.
    pub(crate) fn proof(&self, proven: Proven<'_>, now: SystemTime) -> Option<String> {
        let header = json!({ "typ": "dpop+jwt", "alg": ALGORITHM, "jwk": self.public });
        let address = proven.address.split(['?', '#']).next().unwrap_or_default();
        let mut claims = json!({
            "jti": jti()?, "htm": proven.method, "htu": address,
            "iat": now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        });
        let members = claims.as_object_mut()?;
        if let Some(nonce) = proven.nonce {
            members.insert("nonce".to_owned(), nonce.into());
        }
        if let Some(token) = proven.access_token {
            let hash = digest(&SHA256, token.reveal().as_bytes());
            members.insert("ath".to_owned(), URL_SAFE_NO_PAD.encode_to_string(hash).into());
        }
        let sign = |message: &[u8]| {
            self.pair.sign(&SystemRandom::new(), message).ok().map(|signature| signature.as_ref().to_vec())
        };
        signed::compact(&header, &claims, sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_kept_is_the_same_key() {
        let key = ProofKey::new().unwrap();
        let again = ProofKey::from_kept(&key.kept().unwrap()).unwrap();
        assert_eq!(key.public, again.public);
        assert!(ProofKey::from_kept(&Secret::new([0; 32])).is_none(), "no key is zero");
        assert!(ProofKey::from_kept(&Secret::new([255; 32])).is_none(), "nor beyond the order of the curve");
    }

    #[test]
    fn a_proof_holds_in_the_check_that_resource_servers_make() {
        let key = ProofKey::new().unwrap();
        let token = Secret::new("token".to_owned());
        let now = SystemTime::now();
        let proven = Proven {
            method: "GET",
            address: "https://login.example.com/userinfo?x=1",
            nonce: Some("n-1"),
            access_token: Some(&token),
        };
        let proof = key.proof(proven, now).unwrap();
        let thumbprint =
            format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, key.public["x"], key.public["y"]);
        let thumbprint = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, thumbprint.as_bytes()));
        let expected = ostia_identity::DpopExpected {
            method: "GET",
            target: "https://login.example.com/userinfo",
            access_token: "token",
            key_thumbprint: &thumbprint,
            algorithms: ostia_identity::AlgorithmSet::all(),
            window: std::time::Duration::from_secs(60),
        };
        let accepted = ostia_identity::accept_dpop_proof(&proof, &expected, now).unwrap();
        assert_eq!(accepted.nonce.as_deref(), Some("n-1"));
        let other = ostia_identity::DpopExpected { access_token: "another", ..expected };
        assert!(ostia_identity::accept_dpop_proof(&proof, &other, now).is_err());
    }
}
