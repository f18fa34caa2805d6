//! The forms of a signed statement: our own, and those that applications know from elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use base64_simd::{URL_SAFE, URL_SAFE_NO_PAD};
use ostia_config::identity::AssertionForm;
use ostia_config::policy::ClaimPath;
use ostia_identity::Identity;
use serde_json::{Map, Value, json};

use super::AssertionKeys;
use crate::projection::behind_issuer;

/// Claims that people know from these products, where the issuer says them.
const PERSON: [&str; 7] =
    ["email", "email_verified", "name", "given_name", "family_name", "preferred_username", "groups"];

/// Whom a statement is about, for whom, and when.
pub(super) struct About<'a> {
    pub(super) identity: &'a Identity,
    /// `identity.assertion.issuer`.
    pub(super) issuer: &'a str,
    pub(super) route: &'a str,
    pub(super) host: &'a str,
    /// Claims that go along in our own form.
    pub(super) claims: &'a [ClaimPath],
    pub(super) now: SystemTime,
    pub(super) expires_at: SystemTime,
}

/// The statement as a compact JWS.
pub(super) fn token(form: AssertionForm, about: &About<'_>, keys: &AssertionKeys) -> Option<String> {
    let (mut header, payload) = match form {
        AssertionForm::Own => (typed("assertion+jwt"), own(about)),
        AssertionForm::Pomerium => (typed("JWT"), pomerium(about)),
        AssertionForm::Iap => (typed("JWT"), iap(about)),
        AssertionForm::Alb => (alb_header(about), alb(about)),
    };
    say(&mut header, "alg", "ES256");
    say(&mut header, "kid", keys.signing_id());
    // A load balancer of AWS pads (against RFC 7515 section 2), and its readers know.
    let encode = |bytes: &[u8]| match form {
        AssertionForm::Alb => URL_SAFE.encode_to_string(bytes),
        _ => URL_SAFE_NO_PAD.encode_to_string(bytes),
    };
    let mut token = format!(
        "{}.{}",
        encode(Value::Object(header).to_string().as_bytes()),
        encode(Value::Object(payload).to_string().as_bytes())
    );
    let signature = keys.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&encode(&signature));
    Some(token)
}

fn typed(typ: &str) -> Map<String, Value> {
    let mut header = Map::new();
    say(&mut header, "typ", typ);
    header
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn times(about: &About<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("iat".to_owned(), json!(seconds(about.now)));
    members.insert("exp".to_owned(), json!(seconds(about.expires_at)));
    members
}

fn say(members: &mut Map<String, Value>, name: &str, value: &str) {
    members.insert(name.to_owned(), json!(value));
}

fn person(members: &mut Map<String, Value>, identity: &Identity) {
    for name in PERSON {
        if let Some(claim) = identity.claims.get(name) {
            members.insert(name.to_owned(), claim.to_value());
        }
    }
}

fn own(about: &About<'_>) -> Map<String, Value> {
    let identity = about.identity;
    let mut members = Map::new();
    for path in about.claims {
        if let Some(claim) = identity.claims.at(path.as_str(), path.segments()) {
            members.insert(path.as_str().to_owned(), claim.to_value());
        }
    }
    // Last, so that no claim of the issuer stands in their place.
    members.extend(times(about));
    say(&mut members, "iss", about.issuer);
    say(&mut members, "aud", about.route);
    say(&mut members, "sub", &identity.subject);
    say(&mut members, "idp", &identity.issuer);
    members
}

fn pomerium(about: &About<'_>) -> Map<String, Value> {
    let mut members = times(about);
    person(&mut members, about.identity);
    say(&mut members, "iss", about.host);
    say(&mut members, "aud", about.host);
    say(&mut members, "sub", &about.identity.subject);
    say(&mut members, "user", &about.identity.subject);
    members
}

fn iap(about: &About<'_>) -> Map<String, Value> {
    let mut members = times(about);
    say(&mut members, "iss", about.issuer);
    say(&mut members, "aud", about.route);
    say(&mut members, "sub", &behind_issuer(about.identity, &about.identity.subject));
    if let Some(email) = about.identity.claims.string("email") {
        say(&mut members, "email", email);
    }
    members
}

fn alb_header(about: &About<'_>) -> Map<String, Value> {
    let mut header = typed("JWT");
    say(&mut header, "signer", about.issuer);
    say(&mut header, "iss", &about.identity.issuer);
    say(&mut header, "client", about.route);
    header.insert("exp".to_owned(), json!(seconds(about.expires_at)));
    header
}

fn alb(about: &About<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    person(&mut members, about.identity);
    say(&mut members, "sub", &about.identity.subject);
    say(&mut members, "iss", &about.identity.issuer);
    members.insert("exp".to_owned(), json!(seconds(about.expires_at)));
    members
}
