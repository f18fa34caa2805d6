//! The statement of `client_secret_jwt`: a MAC with the secret, which itself is never sent (OpenID Connect Core section 9).

use std::time::SystemTime;

use aws_lc_rs::hmac;
use ostia_config::Secret;
use serde_json::json;

use super::signed;

/// The algorithms with what their keys have at least (RFC 7518 section 3.2), in the order of preference.
const ALGORITHMS: [(&str, hmac::Algorithm, usize); 3] =
    [("HS256", hmac::HMAC_SHA256, 32), ("HS384", hmac::HMAC_SHA384, 48), ("HS512", hmac::HMAC_SHA512, 64)];

/// The statement that this client makes to `audience` at this moment. `listed`: the algorithms that the issuer says it
/// takes, if it says so; when it takes none that the secret is long enough for, it will say so. `None` when the system
/// gives no random bytes.
pub(crate) fn statement(
    secret: &Secret<String>,
    client_id: &str,
    audience: &str,
    listed: Option<&[String]>,
    now: SystemTime,
) -> Option<Secret<String>> {
    let takes = |name: &str| listed.is_none_or(|listed| listed.iter().any(|one| one == name));
    let fits = |(name, _, least): &&(&str, _, usize)| takes(name) && secret.reveal().len() >= *least;
    let (name, algorithm, _) = ALGORITHMS.iter().find(fits).or(ALGORITHMS.first())?;
    let key = hmac::Key::new(*algorithm, secret.reveal().as_bytes());
    let claims = signed::statement(client_id, audience, now)?;
    let mac = |message: &[u8]| Some(hmac::sign(&key, message).as_ref().to_vec());
    signed::compact(&json!({ "alg": name, "typ": "JWT" }), &claims, mac).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64_simd::URL_SAFE_NO_PAD;
    use serde_json::Value;

    fn made(secret: usize, listed: Option<&[&str]>) -> (Value, String) {
        let secret = Secret::new("s".repeat(secret));
        let listed = listed.map(|listed| listed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let made =
            statement(&secret, "app", "https://a.example", listed.as_deref(), SystemTime::now()).unwrap();
        let header = made.reveal().split('.').next().unwrap().to_owned();
        let header = URL_SAFE_NO_PAD.decode_to_vec(&header).unwrap();
        (serde_json::from_slice(&header).unwrap(), made.reveal().clone())
    }

    #[test]
    fn the_algorithm_is_one_that_the_issuer_takes_and_the_secret_is_long_enough_for() {
        for (secret, listed, expected) in [
            (32, None, "HS256"),
            (64, None, "HS256"),
            (64, Some(&["RS256", "HS512"][..]), "HS512"),
            (48, Some(&["HS512", "HS384"]), "HS384"),
            (32, Some(&["HS512"]), "HS256"),
            (32, Some(&["RS256"]), "HS256"),
        ] {
            assert_eq!(made(secret, listed).0["alg"], expected, "{secret} {listed:?}");
        }
    }

    #[test]
    fn the_mac_is_over_header_and_claims_by_the_secret() {
        let (_, made) = made(40, None);
        let (message, mac) = made.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, "s".repeat(40).as_bytes());
        hmac::verify(&key, message.as_bytes(), &URL_SAFE_NO_PAD.decode_to_vec(mac).unwrap()).unwrap();
    }
}
