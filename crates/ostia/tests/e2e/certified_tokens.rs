//! B6, B7 against a certified provider (`oidc-provider`): opaque tokens, tokens bound to a key, to a certificate.

use ostia_testkit::{Authority, NodeProvider, Ostia, Registration, Signer, raw};
use serde_json::json;

use crate::tls::{listeners, s_client_shows};
use crate::world::World;

struct Certified {
    provider: NodeProvider,
    world: World,
    node: Ostia,
}

impl Certified {
    /// A node that checks JWTs itself and asks about every other token, each time.
    async fn start() -> Self {
        Self::start_in(World::new().await, "").await
    }

    /// The same with these listeners.
    async fn start_in(world: World, listeners: &str) -> Self {
        let provider = NodeProvider::start(&Registration {
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            access_token_seconds: 600,
        })
        .await;
        let section = format!(
            "provider:\n  issuer: {}\n  audience: https://api.example.com\n  \
             introspection: {{ client_id: ostia-rs, client_secret: {}, cache: 0s }}\n",
            provider.issuer(),
            provider.asking_secret(),
        );
        let routes = "routes:\n  - { name: api, host: api.localhost, allow: authenticated, scopes: [orders.read], upstream: app }\n";
        let node = world.start(&[listeners, &section, &world.upstream_section(), routes].concat()).await;
        Self { provider, world, node }
    }

    async fn ask(&self, fields: &str) -> raw::Answer {
        let port = self.node.port();
        let head = format!(
            "GET /orders HTTP/1.1\r\nHost: api.localhost:{port}\r\nConnection: close\r\n{fields}\r\n"
        );
        raw::send(port, head).await.unwrap()
    }

    async fn ask_as_bearer(&self, token: &str) -> raw::Answer {
        self.ask(&format!("Authorization: Bearer {token}\r\n")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opaque_token_of_a_certified_provider_passes_until_it_is_revoked() {
    let certified = Certified::start().await;
    let token = certified.provider.opaque_token().await;
    assert!(!token.contains('.'), "no JWT");
    let answer = certified.ask_as_bearer(&token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(certified.world.app.last().field("x-forwarded-user").as_deref(), Some("robot"));
    let jwt = certified.provider.robot_token().await;
    assert_eq!(certified.ask_as_bearer(&jwt).await.status, 200, "JWTs are checked here");
    assert_eq!(certified.provider.calls().await["POST /token/introspection"], 1);

    certified.provider.revoke(&token).await;
    let answer = certified.ask_as_bearer(&token).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("token_inactive")));
    certified.provider.go_dark().await;
    let answer = certified.ask_as_bearer("another-token-of-no-form").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(certified.ask_as_bearer(&jwt).await.status, 200, "JWTs need nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_certified_provider_bound_to_a_key_needs_its_proof() {
    let certified = Certified::start().await;
    let key = Signer::new("mine");
    let token = certified.provider.token_bound_to_key(&key).await;
    let answer = certified.ask_as_bearer(&token).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (401, Some("proof_missing")));
    let address = format!("http://api.localhost:{}/orders", certified.node.port());
    let by = |key: &Signer| {
        let proof = key.proof("GET", &address, Some(&token), json!({}));
        format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n")
    };
    let answer = certified.ask(&by(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(certified.ask(&by(&Signer::new("stolen"))).await.status, 401);
    assert_eq!(certified.world.app.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_certified_provider_bound_to_a_certificate_passes_with_it_alone() {
    let world = World::new().await;
    let (listeners, partners) = behind_partners(&world);
    let [robot, thief] =
        ["robot.example.com", "thief.example.com"].map(|name| partners.issue(world.shared.path(), &[name]));
    let certified = Certified::start_in(world, &listeners).await;
    let token = certified.provider.token_bound_to_certificate(&robot.der).await;
    // Twice each: a token that was accepted with its certificate is known, and asked for it again.
    for (who, shown, status) in
        [("nobody", None, 401), ("robot", Some(&robot), 200), ("thief", Some(&thief), 401)].repeat(2)
    {
        let answer = s_client_shows(certified.node.port(), shown, request(&token)).await;
        assert!(answer.contains(&format!("HTTP/1.1 {status} ")), "{who}: {answer}");
        assert_eq!(answer.contains("certificate_differs"), status == 401, "{who}: {answer}");
    }
    assert_eq!(certified.world.app.count(), 2);
    assert_eq!(certified.world.app.last().field("x-forwarded-user").as_deref(), Some("robot-by-certificate"));
}

/// A listener that asks for certificates of partners, and who issues them.
fn behind_partners(world: &World) -> (String, Authority) {
    let (server, partners) = (Authority::new(), Authority::new());
    let issued = server.issue(world.shared.path(), &["app.localhost", "api.localhost"]);
    let ca = world.shared.path().join("partners.pem");
    std::fs::write(&ca, partners.root_pem()).unwrap();
    let more = format!(", client_ca_file: {}, client_certificate: optional", ca.display());
    (listeners(&issued, &more), partners)
}

fn request(token: &str) -> String {
    format!(
        "GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
}
