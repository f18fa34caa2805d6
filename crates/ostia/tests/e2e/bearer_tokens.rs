//! B1, B2, B4: bearer tokens are checked by every rule, and new keys are found.

use ostia_testkit::{Signer, raw};
use serde_json::{Value, json};

use crate::world::{World, signed_in};

/// Sends a token to the route for machines.
async fn ask(port: u16, token: &str) -> raw::Answer {
    let head =
        format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    raw::send(port, head).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_token_passes_and_the_upstream_learns_the_subject() {
    let (world, node, _) = World::with_node().await;
    let answer = ask(node.port(), &world.provider.access_token("robot-7", json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = world.app.last();
    assert_eq!(seen.field("x-forwarded-user").as_deref(), Some("robot-7"));
    assert_eq!(seen.field("x-forwarded-groups").as_deref(), Some("staff"));
    assert_eq!(seen.field("authorization"), None, "the token stays here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_wrong_claim_is_refused() {
    let (world, node, _) = World::with_node().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (name, edit) in [
        ("other audience", json!({ "aud": "https://other.example.com" })),
        ("audience of a longer name", json!({ "aud": "https://api.example.com/" })),
        ("no audience", json!({ "aud": null })),
        ("empty audience list", json!({ "aud": [] })),
        ("audience of the wrong type", json!({ "aud": 1 })),
        ("our client as audience", json!({ "aud": "ostia" })),
        ("other issuer", json!({ "iss": "https://other.example.com" })),
        ("issuer with a slash more", json!({ "iss": format!("{}/", world.provider.issuer()) })),
        ("no issuer", json!({ "iss": null })),
        ("expired", json!({ "exp": now - 3600 })),
        ("no expiry", json!({ "exp": null })),
        ("expiry as text", json!({ "exp": (now + 600).to_string() })),
        ("huge expiry", json!({ "exp": 1e300 })),
        ("not yet", json!({ "nbf": now + 3600 })),
        ("no subject", json!({ "sub": null })),
        ("subject of the wrong type", json!({ "sub": ["robot"] })),
        ("empty subject", json!({ "sub": "" })),
    ] {
        let answer = ask(node.port(), &world.provider.access_token("robot", edit)).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        let challenge = answer.field("www-authenticate").unwrap_or_default();
        assert!(
            challenge.starts_with("Bearer") && challenge.contains("invalid_token"),
            "{name}: {challenge}"
        );
    }
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_kind_or_with_a_forged_head_is_refused() {
    let (world, node, browser) = World::with_node().await;
    let provider = &world.provider;
    let claims = provider.access_claims("robot", json!({}));
    let signer = provider.signer();
    let with_header = |edit: Value| {
        let mut header = signer.header("at+jwt");
        for (name, value) in edit.as_object().unwrap() {
            header[name] = value.clone();
        }
        signer.sign(&header, &claims)
    };
    let stranger = Signer::new("key-1");
    let good = provider.access_token("robot", json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let tokens = [
        ("typ JWT", provider.signed("JWT", &claims)),
        ("logout token", provider.signed("logout+jwt", &claims)),
        ("DPoP proof", provider.signed("dpop+jwt", &claims)),
        ("alg none", provider.unsigned(&claims)),
        ("alg None", with_header(json!({ "alg": "None" }))),
        ("HS256", with_header(json!({ "alg": "HS256" }))),
        ("RS256 with an EC key", with_header(json!({ "alg": "RS256" }))),
        ("crit", with_header(json!({ "crit": ["exp"] }))),
        ("b64 false", with_header(json!({ "b64": false, "crit": ["b64"] }))),
        (
            "embedded key",
            stranger.sign(&json!({ "alg": "ES256", "typ": "at+jwt", "jwk": stranger.jwk() }), &claims),
        ),
        ("key by address", with_header(json!({ "jku": format!("{}/jwks", provider.issuer()), "kid": "x" }))),
        ("stranger's key", stranger.sign(&stranger.header("at+jwt"), &claims)),
        ("stranger without kid", stranger.sign(&json!({ "alg": "ES256", "typ": "at+jwt" }), &claims)),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("other claims", format!("{}.{}.{}", parts[0], parts[1].to_uppercase(), parts[2])),
        ("padded", format!("{good}=")),
        ("JWE", format!("{good}.a.b")),
        ("opaque", "just-some-opaque-reference-token".to_owned()),
        ("not base64", "%%%.%%%.%%%".to_owned()),
        ("long", format!("{}.{}.{}", parts[0], "A".repeat(12_000), parts[2])),
    ];
    for (name, token) in &tokens {
        let answer = ask(node.port(), token).await;
        assert!([400, 401, 431].contains(&answer.status), "{name}: {}", answer.status);
        assert_ne!(answer.field("www-authenticate").is_none(), answer.status == 401, "{name}");
    }
    assert_eq!(world.app.count(), 0);

    // What the provider gave to the relying party at a real login: none of it opens the route for machines but the
    // access token.
    signed_in(&browser, "/").await;
    let seen = world.app.count();
    let id_claims = json!({
        "iss": provider.issuer(), "aud": ["ostia", "https://api.example.com"], "sub": "ana", "nonce": "n", "groups": ["staff"],
        "iat": claims["iat"], "exp": claims["exp"], "azp": "ostia", "auth_time": claims["iat"],
    });
    assert_eq!(
        ask(node.port(), &provider.signed("JWT", &id_claims)).await.status,
        401,
        "an ID token is no access token"
    );
    assert_eq!(world.app.count(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_credentials_of_a_kind_is_refused() {
    let (world, node, _) = World::with_node().await;
    let good = world.provider.access_token("robot", json!({}));
    for (name, fields) in [
        ("two fields", format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n")),
        ("two tokens", format!("Authorization: Bearer {good}, Bearer {good}\r\n")),
        ("basic", "Authorization: Basic cm9ib3Q6cm9ib3Q=\r\n".to_owned()),
        ("no token", "Authorization: Bearer\r\n".to_owned()),
        ("empty", "Authorization: \r\n".to_owned()),
    ] {
        let head = format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\n{fields}\r\n");
        let answer = raw::send(node.port(), head).await.unwrap();
        assert!([400, 401].contains(&answer.status), "{name}: {}", answer.status);
    }
    // A token in the query is not read (RFC 9700 section 4.3.2).
    let head = format!("GET /orders?access_token={good} HTTP/1.1\r\nHost: api.localhost\r\n\r\n");
    assert_eq!(raw::send(node.port(), head).await.unwrap().status, 401);
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_challenge_names_no_error() {
    let (_world, node, _) = World::with_node().await;
    let answer = raw::send(node.port(), "GET /orders HTTP/1.1\r\nHost: api.localhost\r\n\r\n").await.unwrap();
    assert_eq!(answer.status, 401);
    let challenge = answer.field("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_open_a_route_for_machines() {
    let world = World::new().await;
    let yaml = world.config()
        + "  - { name: bearer, host: app.localhost, path: /api/, credentials: [bearer], allow: staff, upstream: app }\n";
    let _node = world.start(&yaml).await;
    let browser = ostia_testkit::Browser::new(&world.names);
    signed_in(&browser, "/").await;
    let seen = world.app.count();
    assert_eq!(browser.fetch("http://app.localhost/api/x").await.status, 401);
    assert_eq!(world.app.count(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_by_a_new_key_passes_at_the_first_try() {
    let (world, node, _) = World::with_node().await;
    let old = world.provider.access_token("robot", json!({}));
    assert_eq!(ask(node.port(), &old).await.status, 200);
    world.provider.rotate_keys();
    let new = world.provider.access_token("robot", json!({}));
    let answer = ask(node.port(), &new).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        ask(node.port(), &old).await.status,
        401,
        "the old key is gone from the set, and its verdicts with it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_costs_one_fetch_and_nobody_waits() {
    let (world, node, _) = World::with_node().await;
    let good = world.provider.access_token("robot", json!({}));
    assert_eq!(ask(node.port(), &good).await.status, 200);
    let before = world.provider.calls("/jwks").len();
    let claims = world.provider.access_claims("robot", json!({}));
    for number in 0..200 {
        let signer = Signer::new(&format!("unknown-{number}"));
        assert_eq!(ask(node.port(), &signer.sign(&signer.header("at+jwt"), &claims)).await.status, 401);
    }
    assert_eq!(ask(node.port(), &good).await.status, 200);
    let fetches = world.provider.calls("/jwks").len() - before;
    assert!(fetches <= 2, "{fetches} fetches of the key set");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_dark_leaves_known_keys_in_use() {
    let (world, node, _) = World::with_node().await;
    let token = world.provider.access_token("robot", json!({}));
    assert_eq!(ask(node.port(), &token).await.status, 200);
    world.provider.behave(|behaviour| behaviour.outage = Some(ostia_testkit::Outage::Status(503)));
    let other = world.provider.access_token("robot-2", json!({}));
    assert_eq!(ask(node.port(), &token).await.status, 200);
    assert_eq!(ask(node.port(), &other).await.status, 200);
    let answer = ask(
        node.port(),
        &Signer::new("new").sign(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": "new" }), &json!({})),
    )
    .await;
    assert!([401, 503].contains(&answer.status), "{}", answer.status);
}
