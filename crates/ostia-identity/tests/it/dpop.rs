//! DPoP proofs (RFC 9449 section 4.3), each rule by the proof that breaks it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use ostia_identity::{AlgorithmSet, DpopExpected, DpopProof, DpopRefused, accept_dpop_proof};
use serde_json::{Value, json};

use crate::setting::{NOW, at, edited};
use crate::signer::{ED25519, P256, RSA, Signer, text};

const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const TARGET: &str = "https://resource.example.org/protectedresource";

/// The public key as a proof shows it: without `kid` and `use`.
fn public(signer: &Signer) -> Value {
    let mut jwk = signer.jwk();
    for name in ["kid", "use"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    jwk
}

fn header(signer: &Signer, alg: &str) -> Value {
    json!({"typ": "dpop+jwt", "alg": alg, "jwk": public(signer)})
}

fn claims() -> Value {
    json!({"jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": TARGET, "iat": NOW, "ath": ath(TOKEN)})
}

fn ath(token: &str) -> String {
    text(digest(&SHA256, token.as_bytes()).as_ref())
}

/// RFC 7638, written apart from the product's own.
fn thumbprint(signer: &Signer) -> String {
    let jwk = signer.jwk();
    let names: &[&str] = match jwk["kty"].as_str().unwrap() {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        _ => &["crv", "kty", "x"],
    };
    let members: Vec<String> = names.iter().map(|name| format!("\"{name}\":{}", jwk[name])).collect();
    text(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()).as_ref())
}

fn proof(signer: &Signer, header: &Value, claims: &Value) -> String {
    signer.token(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn accept(proof: &str, signer: &Signer) -> Result<DpopProof, DpopRefused> {
    let thumbprint = thumbprint(signer);
    let expected = DpopExpected {
        method: "GET",
        target: TARGET,
        access_token: TOKEN,
        key_thumbprint: &thumbprint,
        algorithms: AlgorithmSet::from_names(["ES256", "RS256", "PS256", "EdDSA"]).unwrap(),
        window: Duration::from_secs(60),
    };
    accept_dpop_proof(proof, &expected, at(NOW))
}

fn slug(result: &Result<DpopProof, DpopRefused>) -> &'static str {
    result.as_ref().map_or_else(DpopRefused::slug, |_| "accepted")
}

#[test]
fn every_proof_rule_refuses_what_breaks_it() {
    let with = |changes: Value| proof(&P256, &header(&P256, "ES256"), &edited(claims(), &changes));
    let headed = |changes: Value| proof(&P256, &edited(header(&P256, "ES256"), &changes), &claims());
    let mut private = public(&P256);
    private["d"] = json!("AAAA");
    let cases = [
        ("the proof of the standard's form", with(json!({})), "accepted"),
        ("query in htu", with(json!({"htu": format!("{TARGET}?x=1")})), "accepted"),
        ("other method", with(json!({"htm": "POST"})), "dpop_method_differs"),
        ("method in lower case", with(json!({"htm": "get"})), "dpop_method_differs"),
        ("no method", with(json!({"htm": null})), "dpop_malformed"),
        ("other path", with(json!({"htu": "https://resource.example.org/other"})), "dpop_target_differs"),
        (
            "other scheme",
            with(json!({"htu": "http://resource.example.org/protectedresource"})),
            "dpop_target_differs",
        ),
        (
            "other port",
            with(json!({"htu": "https://resource.example.org:8443/protectedresource"})),
            "dpop_target_differs",
        ),
        ("no address", with(json!({"htu": null})), "dpop_malformed"),
        ("address of the wrong type", with(json!({"htu": [TARGET]})), "dpop_malformed"),
        ("ath of another token", with(json!({"ath": ath("other")})), "dpop_token_differs"),
        ("no ath", with(json!({"ath": null})), "dpop_malformed"),
        ("no iat", with(json!({"iat": null})), "dpop_malformed"),
        ("61 s old", with(json!({"iat": NOW - 61})), "dpop_not_now"),
        ("61 s ahead", with(json!({"iat": NOW + 61})), "dpop_not_now"),
        ("iat as text", with(json!({"iat": NOW.to_string()})), "dpop_malformed"),
        ("huge iat", with(json!({"iat": 1e300})), "dpop_malformed"),
        ("no jti", with(json!({"jti": null})), "dpop_malformed"),
        ("empty jti", with(json!({"jti": ""})), "dpop_malformed"),
        ("long jti", with(json!({"jti": "j".repeat(257)})), "dpop_malformed"),
        ("long nonce", with(json!({"nonce": "n".repeat(257)})), "dpop_malformed"),
        ("typ JWT", headed(json!({"typ": "JWT"})), "dpop_type_differs"),
        ("typ at+jwt", headed(json!({"typ": "at+jwt"})), "dpop_type_differs"),
        ("no typ", headed(json!({"typ": null})), "dpop_type_differs"),
        ("alg none", headed(json!({"alg": "none"})), "dpop_algorithm_refused"),
        ("alg HS256", headed(json!({"alg": "HS256"})), "dpop_algorithm_refused"),
        ("alg that is not allowed", headed(json!({"alg": "ES384"})), "dpop_algorithm_refused"),
        ("alg of another key", headed(json!({"alg": "RS256"})), "dpop_malformed"),
        ("no key", headed(json!({"jwk": null})), "dpop_malformed"),
        ("private key", headed(json!({"jwk": private})), "dpop_key_refused"),
        ("symmetric key", headed(json!({"jwk": {"kty": "oct", "k": "AAAA"}})), "dpop_key_refused"),
        ("key that is no object", headed(json!({"jwk": "x"})), "dpop_key_refused"),
        (
            "key for encryption",
            headed(json!({"jwk": edited(public(&P256), &json!({"use": "enc"}))})),
            "dpop_key_refused",
        ),
        ("key of somebody else in the header", headed(json!({"jwk": public(&RSA)})), "dpop_key_differs"),
        ("crit", headed(json!({"crit": ["exp"]})), "dpop_malformed"),
        ("x5c beside the key", headed(json!({"x5c": []})), "dpop_malformed"),
        ("two proofs in one", format!("{0},{0}", with(json!({}))), "dpop_malformed"),
        ("long", with(json!({"x": "x".repeat(9000)})), "dpop_malformed"),
    ];
    for (name, proof, expected) in cases {
        assert_eq!(slug(&accept(&proof, &P256)), expected, "{name}");
    }
    let other_signature = proof(&ED25519, &header(&P256, "ES256"), &claims());
    assert_eq!(slug(&accept(&other_signature, &P256)), "dpop_signature_invalid");
}

#[test]
fn a_proof_by_another_key_than_the_tokens_is_refused() {
    for (alg, signer) in [("ES256", &*P256), ("EdDSA", &ED25519), ("RS256", &RSA)] {
        let proof = proof(signer, &header(signer, alg), &claims());
        assert_eq!(slug(&accept(&proof, signer)), "accepted", "{alg}");
        let other: &Signer = if alg == "ES256" { &ED25519 } else { &P256 };
        assert_eq!(slug(&accept(&proof, other)), "dpop_key_differs", "{alg}");
    }
}

#[test]
fn an_accepted_proof_says_what_must_be_remembered() {
    let claims = edited(claims(), &json!({"nonce": "eyJ7S_zG", "iat": NOW - 10}));
    let accepted = accept(&proof(&P256, &header(&P256, "ES256"), &claims), &P256).unwrap();
    assert_eq!((accepted.id.as_str(), accepted.nonce.as_deref()), ("e1j3V_bKic8-LAEB", Some("eyJ7S_zG")));
    assert_eq!(accepted.not_after, at(NOW + 50));
}
