//! P5: a signed statement about the caller that the upstream checks by itself; presets of other products.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ostia_testkit::{Browser, Ostia, Seen, eventually, jws, raw};
use serde_json::{Value, json};

use crate::world::{APP, World, request, signed_in};

async fn node_with(world: &World, identity: &str) -> Ostia {
    world.start(&format!("{}{identity}", world.config())).await
}

async fn published(node: &Ostia, path: &str) -> Value {
    let answer = raw::send(node.port(), request(&format!("GET {path} HTTP/1.1"), &[])).await.unwrap();
    assert_eq!((answer.status, answer.field("cache-control")), (200, Some("public, max-age=300")), "{path}");
    answer.json()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The application's own part: field, key set, check.
fn checked(seen: &Seen, field: &str, keys: &Value) -> (Value, Value) {
    let token = seen.field(field).unwrap_or_else(|| unreachable!("no {field}:\n{}", seen.head));
    jws::verified(&token, keys).unwrap_or_else(|| unreachable!("{field} does not verify: {token}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_verifies_the_assertion_with_the_published_keys() {
    let world = World::new().await;
    let identity = "identity: { headers: { X-User: sub, X-Groups: groups }, assertion: { header: X-Ostia-Assertion, lifetime: 60s } }\n";
    let node = node_with(&world, identity).await;
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/x").await;
    let keys = published(&node, "/.well-known/ostia/jwks.json").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert!(!keys.to_string().contains("\"d\""), "{keys}");
    let first = world.app.last();
    let (header, claims) = checked(&first, "x-ostia-assertion", &keys);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("assertion+jwt")));
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["sub"]),
        (&json!("ostia"), &json!("app"), &json!("ana"))
    );
    assert_eq!(
        (&claims["idp"], &claims["groups"]),
        (&json!(world.provider.issuer()), &json!(["staff", "finance"]))
    );
    let (issued, ends) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    assert!(ends - issued <= 60 && ends > now() && issued <= now(), "{claims}");
    // The same caller on the same route: the same statement; on another route one for that route.
    signed_in(&browser, "/y").await;
    assert_eq!(world.app.last().field("x-ostia-assertion"), first.field("x-ostia-assertion"));
    signed_in(&browser, "/finance/x").await;
    assert_eq!(checked(&world.app.last(), "x-ostia-assertion", &keys).1["aud"], "finance");
    // Nobody else can send one, and who is nobody has none.
    for (name, value) in [("X-Ostia-Assertion", "forged"), ("x_ostia_assertion", "forged")] {
        raw::send(node.port(), request("GET /public/x HTTP/1.1", &[(name, value)])).await.unwrap();
        assert!(world.app.last().fields_like("x-ostia-assertion").is_empty(), "{}", world.app.last().head);
    }
    let method = raw::send(
        node.port(),
        request("POST /.well-known/ostia/jwks.json HTTP/1.1", &[("Content-Length", "0")]),
    );
    assert_eq!(method.await.unwrap().status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_with_an_overlap_and_nodes_share_them_through_the_file() {
    let world = World::new().await;
    let file = world.shared.path().join("assertion.keys");
    let (old, new) = (jws::private_pem(), jws::private_pem());
    let write = |text: &str| {
        std::fs::write(&file, text).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(&old);
    let identity = format!(
        "identity: {{ assertion: {{ header: X-Ostia-Assertion, keys_file: {} }} }}\n",
        file.display()
    );
    let node = node_with(&world, &identity).await;
    let other = Ostia::start(crate::world::BINARY, &format!("{}{identity}", world.config())).await;
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/").await;
    let before = world.app.last();
    let kept = published(&node, "/.well-known/ostia/jwks.json").await;
    assert_eq!(
        published(&other, "/.well-known/ostia/jwks.json").await,
        kept,
        "both nodes publish the same keys"
    );
    checked(&before, "x-ostia-assertion", &kept);
    // Announced: both are published, the old one signs. Then the new one signs, and what was kept before still verifies.
    let yaml = format!("{}{identity}", world.config());
    let mut signers = Vec::new();
    for text in [format!("{old}{new}"), format!("{new}{old}")] {
        write(&text);
        let reloads = node.metrics().await.sum("ostia_config_reloads_total", &[("outcome", "applied")]);
        node.reload(&yaml);
        eventually("the keys are read again", Duration::from_secs(10), async || {
            let now = node.metrics().await.sum("ostia_config_reloads_total", &[("outcome", "applied")]);
            (now > reloads).then_some(())
        })
        .await;
        let keys = published(&node, "/.well-known/ostia/jwks.json").await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
        signed_in(&browser, "/x").await;
        let (header, _) = checked(&world.app.last(), "x-ostia-assertion", &keys);
        checked(&before, "x-ostia-assertion", &keys);
        signers.push(header["kid"].clone());
    }
    assert_ne!(signers[0], signers[1]);
    assert_eq!(signers[0], kept["keys"][0]["kid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_send_what_applications_know_from_elsewhere() {
    let world = World::new().await;
    let issuer = world.provider.issuer().to_owned();
    let host_of_issuer = issuer.strip_prefix("https://").unwrap_or(&issuer).to_owned();
    let behind = |text: &str| format!("{host_of_issuer}:{text}");
    let email = "ana@example.com".to_owned();
    for (preset, fields, signed, expected) in [
        (
            "alb",
            vec![("x-amzn-oidc-identity", "ana".to_owned())],
            Some("x-amzn-oidc-data"),
            json!({ "sub": "ana", "iss": issuer, "email": email }),
        ),
        (
            "iap",
            vec![
                ("x-goog-authenticated-user-email", behind(&email)),
                ("x-goog-authenticated-user-id", behind("ana")),
            ],
            Some("x-goog-iap-jwt-assertion"),
            json!({ "sub": behind("ana"), "email": email, "aud": "app", "iss": "ostia" }),
        ),
        (
            "pomerium",
            vec![("x-pomerium-claim-email", email.clone()), ("x-pomerium-claim-sub", "ana".to_owned())],
            Some("x-pomerium-jwt-assertion"),
            json!({ "sub": "ana", "email": email, "aud": "app.localhost", "iss": "app.localhost" }),
        ),
        (
            "remote-user",
            vec![("remote-user", "ana".to_owned()), ("remote-groups", "staff,finance".to_owned())],
            None,
            json!({}),
        ),
    ] {
        let node = node_with(&world, &format!("identity: {{ preset: {preset} }}\n")).await;
        let browser = Browser::new(&world.names);
        signed_in(&browser, "/x").await;
        let seen = world.app.last();
        for (name, value) in &fields {
            assert_eq!(seen.field(name).as_ref(), Some(value), "{preset}:\n{}", seen.head);
        }
        if let Some(signed) = signed {
            let path = if preset == "pomerium" {
                "/.well-known/pomerium/jwks.json"
            } else {
                "/.well-known/ostia/jwks.json"
            };
            let (header, claims) = checked(&seen, signed, &published(&node, path).await);
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&claims[name], value, "{preset} {name}: {claims}");
            }
            if preset == "alb" {
                let line =
                    format!("GET /.well-known/ostia/keys/{} HTTP/1.1", header["kid"].as_str().unwrap());
                let pem = raw::send(node.port(), request(&line, &[])).await.unwrap().text();
                assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"), "{pem}");
            }
        }
        // No client can send any of them.
        let withheld = [("x-amzn-oidc-accesstoken", String::new())];
        let names = fields.iter().map(|(name, _)| *name).chain(signed);
        for name in names.chain(withheld.iter().filter(|_| preset == "alb").map(|(name, _)| *name)) {
            for spelling in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                raw::send(node.port(), request("GET /public/x HTTP/1.1", &[(&spelling, "mallory")]))
                    .await
                    .unwrap();
                assert!(
                    !world.app.last().head.contains("mallory"),
                    "{preset} {spelling}:\n{}",
                    world.app.last().head
                );
            }
        }
        assert_eq!(seen.field("x-forwarded-user"), None, "only what the preset says: {preset}");
        drop(node);
    }
    let _ = APP;
}
