//! B7: a token that is bound to a key or a certificate is worth nothing without it.

use ostia_testkit::{Ostia, Signer, raw};
use serde_json::{Value, json};

use crate::world::{POLICIES, World};

/// A node whose provider may ask for nonces.
async fn node(world: &World, access_token: &str) -> Ostia {
    let provider = world.provider_section().replace(
        "audience: https://api.example.com",
        &format!("audience: https://api.example.com{access_token}"),
    );
    let routes = "routes:\n  - { name: api, host: api.localhost, credentials: [bearer], allow: staff, upstream: app }\n";
    world.start(&[&provider, POLICIES, &world.upstream_section(), routes].concat()).await
}

/// A client with its key, its token, and the node that it talks to.
struct Client {
    key: Signer,
    token: String,
    port: u16,
}

impl Client {
    fn new(world: &World, node: &Ostia) -> Self {
        let key = Signer::new("mine");
        let token = world.provider.access_token("robot", json!({ "cnf": { "jkt": key.thumbprint() } }));
        Self { key, token, port: node.port() }
    }

    fn address(&self) -> String {
        format!("http://api.localhost:{}/orders", self.port)
    }

    fn proof(&self, edit: Value) -> String {
        self.key.proof("GET", &self.address(), Some(&self.token), edit)
    }

    async fn ask(&self, fields: &str) -> raw::Answer {
        let head = format!(
            "GET /orders?x=1 HTTP/1.1\r\nHost: api.localhost:{}\r\nConnection: close\r\n{fields}\r\n",
            self.port
        );
        raw::send(self.port, head).await.unwrap()
    }

    async fn ask_with(&self, proof: &str) -> raw::Answer {
        self.ask(&format!("Authorization: DPoP {}\r\nDPoP: {proof}\r\n", self.token)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_a_key_passes_only_with_a_fresh_proof_of_it() {
    let world = World::new().await;
    let node = node(&world, "").await;
    let client = Client::new(&world, &node);
    let bearer = client.ask(&format!("Authorization: Bearer {}\r\n", client.token)).await;
    assert_eq!((bearer.status, bearer.json()["code"].as_str()), (401, Some("proof_missing")));
    let challenge = bearer.field("www-authenticate").unwrap();
    assert!(
        challenge.starts_with("DPoP ") && challenge.contains("algs=\"") && challenge.contains("ES256"),
        "{challenge}"
    );

    let stranger = Signer::new("stranger");
    for (name, proof, code) in [
        (
            "another key",
            stranger.proof("GET", &client.address(), Some(&client.token), json!({})),
            "dpop_key_differs",
        ),
        ("another method", client.proof(json!({ "htm": "POST" })), "dpop_method_differs"),
        ("another path", client.proof(json!({ "htu": client.address() + "/7" })), "dpop_target_differs"),
        (
            "another host",
            client.proof(json!({ "htu": "http://app.localhost/orders" })),
            "dpop_target_differs",
        ),
        (
            "another token",
            client.key.proof("GET", &client.address(), Some("other"), json!({})),
            "dpop_token_differs",
        ),
        ("an hour old", client.proof(json!({ "iat": 1_700_000_000 })), "dpop_not_now"),
        ("no jti", client.proof(json!({ "jti": null })), "dpop_malformed"),
        ("no proof at all", "x".to_owned(), "dpop_malformed"),
    ] {
        let answer = client.ask_with(&proof).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some(code)), "{name}");
        let challenge = answer.field("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_dpop_proof\""), "{name}: {challenge}");
    }
    assert_eq!(world.app.count(), 0);

    let proof = client.proof(json!({}));
    let answer = client.ask_with(&proof).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("robot"));
    assert_eq!(world.app.last().field("authorization"), None);
    let replay = client.ask_with(&proof).await;
    assert_eq!((replay.status, replay.json()["code"].as_str()), (401, Some("dpop_replayed")));
    assert_eq!(client.ask_with(&client.proof(json!({}))).await.status, 200, "the next proof is good again");
    let stolen = client.ask(&format!("Authorization: Bearer {}\r\n", client.token)).await;
    assert_eq!(stolen.status, 401, "a token that was accepted before needs its proof as well");
    let two = format!(
        "Authorization: DPoP {}\r\nDPoP: {}\r\nDPoP: {}\r\n",
        client.token,
        client.proof(json!({})),
        client.proof(json!({}))
    );
    assert_eq!(client.ask(&two).await.json()["code"].as_str(), Some("dpop_not_one_proof"));
    assert_eq!(world.app.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_bound_to_nothing_is_no_token_for_a_proof() {
    let world = World::new().await;
    let node = node(&world, "").await;
    let client =
        Client { token: world.provider.access_token("robot", json!({})), ..Client::new(&world, &node) };
    let answer = client.ask_with(&client.proof(json!({}))).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("token_not_bound")));
    let unknown = world.provider.access_token("robot", json!({ "cnf": { "jwk": client.key.jwk() } }));
    let answer = client.ask(&format!("Authorization: Bearer {unknown}\r\n")).await;
    assert_eq!(answer.json()["code"].as_str(), Some("token_confirmation_unsupported"));
    assert_eq!(world.app.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_nonce_is_wanted_the_client_learns_it_and_comes_back() {
    let world = World::new().await;
    let node = node(&world, ", dpop_nonce: true").await;
    let client = Client::new(&world, &node);
    let asked = client.ask_with(&client.proof(json!({}))).await;
    assert_eq!((asked.status, asked.json()["code"].as_str()), (401, Some("dpop_nonce_wanted")));
    let challenge = asked.field("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"use_dpop_nonce\""), "{challenge}");
    let nonce = asked.field("dpop-nonce").unwrap();
    assert_eq!(client.ask_with(&client.proof(json!({ "nonce": "made-up" }))).await.status, 401);
    assert_eq!(client.ask_with(&client.proof(json!({ "nonce": nonce }))).await.status, 200);
    assert_eq!(world.app.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_bound_to_a_certificate_is_refused_without_it() {
    let world = World::new().await;
    let node = node(&world, "").await;
    let client = Client::new(&world, &node);
    let print = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    let token = world.provider.access_token("robot", json!({ "cnf": { "x5t#S256": print } }));
    for fields in ["".to_owned(), format!("X-Client-Cert: x\r\nClient-Cert: :{print}:\r\n")] {
        let answer = client.ask(&format!("Authorization: Bearer {token}\r\n{fields}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("certificate_differs")));
    }
    assert_eq!(world.app.count(), 0);
}
