//! A key that signs whatever a test wants signed, with cryptography that the product does not use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};

/// An ES256 key with its `kid`.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    kid: String,
}

impl Signer {
    /// A new key under this `kid`.
    #[must_use]
    pub fn new(kid: &str) -> Self {
        let key = SigningKey::from_slice(&random()).expect("a random scalar is below the order of P-256");
        Self { key, kid: kid.to_owned() }
    }

    /// The private key as PEM (PKCS#8), as `openssl genpkey` writes it.
    #[must_use]
    pub fn private_pem(&self) -> String {
        self.key.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap().to_string()
    }

    /// The public key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..65]);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.kid, "x": x, "y": y })
    }

    /// The usual header with this `typ`.
    #[must_use]
    pub fn header(&self, typ: &str) -> Value {
        json!({ "alg": "ES256", "typ": typ, "kid": self.kid })
    }

    /// A compact JWS over these two parts, whatever they say.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = signing_input(header, claims);
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// The two encoded parts; with a dot behind it a token without signature.
#[must_use]
pub(crate) fn signing_input(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// Random bytes of the system.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

/// A random string that is safe everywhere.
pub(crate) fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random())
}

/// `S256` of RFC 7636 section 4.2.
pub(crate) fn pkce_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes()))
}
