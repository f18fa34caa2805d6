use std::time::UNIX_EPOCH;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::*;

fn pem(der: &[u8]) -> Secret<String> {
    Secret::new(format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode_to_string(der)))
}

fn p256() -> ClientKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    ClientKey::parse(&pem(pair.to_pkcs8v1().unwrap().as_ref())).unwrap()
}

#[test]
fn what_is_no_key_that_signs_is_refused() {
    for (text, refused) in [
        ("", ClientKeyRefused::NoPem),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", ClientKeyRefused::NoPem),
        ("-----BEGIN PRIVATE KEY-----\nAAAA", ClientKeyRefused::NoPem),
        ("-----BEGIN PRIVATE KEY-----\n$$$$\n-----END PRIVATE KEY-----", ClientKeyRefused::NoPem),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", ClientKeyRefused::Kind),
    ] {
        assert_eq!(ClientKey::parse(&Secret::new(text.to_owned())).unwrap_err(), refused, "{text}");
    }
}

fn parts(jwt: &Secret<String>) -> (Value, Value, String, Vec<u8>) {
    let (signed, signature) = jwt.reveal().rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap();
    (json(header), json(claims), signed.to_owned(), URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap())
}

fn is_signed(jwt: &Secret<String>, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> bool {
    let (_, _, message, signature) = parts(jwt);
    UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), &signature).is_ok()
}

#[test]
fn every_kind_of_key_signs_with_an_algorithm_that_the_issuer_takes() {
    let now = SystemTime::now();
    let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = rsa.public_key().as_ref().to_vec();
    let rsa = ClientKey::parse(&pem(AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap().as_ref())).unwrap();
    let usual = rsa.assertion("c", "a", None, now).unwrap();
    assert_eq!(parts(&usual).0["alg"], "RS256");
    assert!(is_signed(&usual, &RSA_PKCS1_2048_8192_SHA256, &public));
    let strict = rsa.assertion("c", "a", Some(&listed(&["ES256", "PS256"])), now).unwrap();
    assert_eq!(parts(&strict).0["alg"], "PS256");
    assert!(is_signed(&strict, &RSA_PSS_2048_8192_SHA256, &public));
    // Whoever takes none of them says so itself.
    assert_eq!(parts(&rsa.assertion("c", "a", Some(&listed(&["HS256"])), now).unwrap()).0["alg"], "RS256");

    let pair = Ed25519KeyPair::generate().unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let key = ClientKey::parse(&pem(pair.to_pkcs8().unwrap().as_ref())).unwrap();
    let jwt = key.assertion("c", "a", Some(&listed(&["Ed25519"])), now).unwrap();
    assert_eq!(parts(&jwt).0["alg"], "Ed25519");
    assert!(is_signed(&jwt, &ED25519, &public));

    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let key = ClientKey::parse(&pem(pair.to_pkcs8v1().unwrap().as_ref())).unwrap();
    assert_eq!(parts(&key.assertion("c", "a", None, now).unwrap()).0["alg"], "ES384");
}

#[test]
fn a_statement_names_us_its_audience_and_a_short_time_and_is_never_the_same_twice() {
    let (now, key) = (SystemTime::now(), p256());
    let one = key.assertion("ostia", "https://login.example.com", None, now).unwrap();
    let Pair::P256(pair) = &key.pair else { panic!("a key on P-256") };
    assert!(is_signed(&one, &ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()));
    let (header, claims, ..) = parts(&one);
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": key.id() }));
    let at = now.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"], &claims["iat"], &claims["exp"]),
        (&json!("ostia"), &json!("ostia"), &json!("https://login.example.com"), &json!(at), &json!(at + 60))
    );
    let two = key.assertion("ostia", "https://login.example.com", None, now).unwrap();
    assert_ne!(parts(&two).1["jti"], claims["jti"]);
}

#[test]
fn the_numbers_of_an_rsa_key_are_found_in_its_der() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let (modulus, exponent) = rsa_numbers(pair.public_key().as_ref()).unwrap();
    assert_eq!((modulus.len(), exponent), (256, &[1, 0, 1][..]));
    assert!(modulus[0] & 0x80 != 0, "2048 bits, and no zero in front");
    for cut in 0..pair.public_key().as_ref().len() {
        assert!(rsa_numbers(&pair.public_key().as_ref()[..cut]).is_none(), "{cut}");
    }
}
