//! The upstream's side of a signed statement: keys published by the node, checked with cryptography that the product
//! does not use.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::EncodePrivateKey as _;
use serde_json::Value;

/// Some products pad (against RFC 7515 section 2); their readers do not mind.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Header and payload of an ES256 token whose key is in the set and whose signature is right.
#[must_use]
pub fn verified(token: &str, key_set: &Value) -> Option<(Value, Value)> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice::<Value>(&LENIENT.decode(part).ok()?).ok();
    let header = json(header)?;
    let key = key_set["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
    let coordinate = |name: &str| LENIENT.decode(key[name].as_str()?).ok();
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).ok()?;
    let signature = Signature::from_slice(&LENIENT.decode(signature).ok()?).ok()?;
    key.verify(signed.as_bytes(), &signature).ok()?;
    Some((header, json(payload)?))
}

/// A new private key on P-256 as PEM (PKCS#8), as `openssl genpkey` writes it.
///
/// # Panics
/// Never in practice: a random scalar is below the order of P-256.
#[must_use]
pub fn private_pem() -> String {
    let key = p256::SecretKey::from_slice(&crate::signer::random()).unwrap();
    key.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap().to_string()
}
