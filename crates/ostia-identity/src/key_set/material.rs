//! The numbers of a key: checked, then parsed once by the crypto library.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};
use serde_json::{Map, Value};

use super::jwk::{KeyRefused, required};
use super::roca;
use crate::jws::{self, algorithm::Algorithm};

/// RSA moduli outside of this are refused: below is weak (RFC 7518 section 3.3), above costs too much.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// A public exponent is 65537 in practice; more than this many bytes only costs time.
const MAX_EXPONENT_BYTES: usize = 4;

pub(super) fn parse(
    algorithm: Algorithm,
    members: &Map<String, Value>,
) -> Result<ParsedPublicKey, KeyRefused> {
    match algorithm {
        Algorithm::Rs256 => rsa(members, &RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => rsa(members, &RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => rsa(members, &RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => rsa(members, &RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => rsa(members, &RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => rsa(members, &RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => point(members, 32, &ECDSA_P256_SHA256_FIXED),
        Algorithm::Es384 => point(members, 48, &ECDSA_P384_SHA384_FIXED),
        Algorithm::Es512 => point(members, 66, &ECDSA_P521_SHA512_FIXED),
        Algorithm::EdDsa => ed25519(members),
    }
}

fn rsa(
    members: &Map<String, Value>,
    parameters: &'static RsaParameters,
) -> Result<ParsedPublicKey, KeyRefused> {
    components(members)?.to_parsed_public_key(parameters).map_err(|_| KeyRefused::Invalid)
}

fn components(members: &Map<String, Value>) -> Result<PublicKeyComponents<Vec<u8>>, KeyRefused> {
    let mut n = bytes(members, "n")?;
    // RFC 7518 section 6.3.1.1 warns of libraries that put one zero in front; it changes nothing.
    if n.first() == Some(&0) {
        n.remove(0);
    }
    let e = bytes(members, "e")?;
    if [&n, &e].into_iter().any(|number| number.first().is_none_or(|first| *first == 0)) {
        return Err(KeyRefused::Malformed("n"));
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) || e == [1] || !is_odd(&e) || e.len() > MAX_EXPONENT_BYTES {
        return Err(KeyRefused::Weak);
    }
    if !is_odd(&n) {
        return Err(KeyRefused::Invalid);
    }
    if roca::is_of_that_chip(&n) {
        return Err(KeyRefused::Weak);
    }
    Ok(PublicKeyComponents { n, e })
}

/// `x` and `y` have exactly the length of the field (RFC 7518 section 6.2.1.2); the library checks that the point is
/// on the curve.
fn point(
    members: &Map<String, Value>,
    length: usize,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<ParsedPublicKey, KeyRefused> {
    let mut uncompressed = vec![4];
    for name in ["x", "y"] {
        let coordinate = bytes(members, name)?;
        if coordinate.len() != length {
            return Err(KeyRefused::Malformed(name));
        }
        uncompressed.extend(coordinate);
    }
    ParsedPublicKey::new(algorithm, uncompressed).map_err(|_| KeyRefused::Invalid)
}

fn ed25519(members: &Map<String, Value>) -> Result<ParsedPublicKey, KeyRefused> {
    let x: [u8; 32] = bytes(members, "x")?.try_into().map_err(|_| KeyRefused::Malformed("x"))?;
    let [rest @ .., last] = x;
    let without_sign = |point: &[u8; 32]| {
        let [other @ .., other_last] = *point;
        rest == other && last & 0x7f == other_last
    };
    if SMALL_ORDER.iter().any(without_sign) {
        return Err(KeyRefused::Weak);
    }
    ParsedPublicKey::new(&ED25519, x).map_err(|_| KeyRefused::Invalid)
}

/// Points of order 1, 2, 4 and 8 without their sign bit, also in spellings that are not reduced: under such a "key"
/// one signature fits many messages.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    repeated(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    repeated(0xec, 0xff, 0x7f),
    repeated(0xed, 0xff, 0x7f),
    repeated(0xee, 0xff, 0x7f),
];

const fn repeated(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [start, .., end] = &mut bytes;
    *start = first;
    *end = last;
    bytes
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyRefused> {
    jws::decode(required(members, name)?).ok_or(KeyRefused::Malformed(name))
}
