//! S2, S3, S5, S8 over several nodes that share a Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use ostia_testkit::{Authority, Browser, Names, Ostia, RedisServer, eventually};
use serde_json::json;

use crate::world::{APP, World, signed_in};

/// Nodes on one store, each with a browser that reaches it alone; all browsers carry the same cookies.
pub(crate) struct Cluster {
    pub(crate) world: World,
    nodes: Vec<(Ostia, Arc<Browser>)>,
    yaml: String,
}

impl Cluster {
    /// `store` is what stands in `redis: { … }`.
    pub(crate) async fn start(count: usize, store: &str) -> Self {
        let world = World::new().await;
        let keys = world.provider_keys("app.localhost", 2);
        let yaml = world
            .config()
            .replace(&keys, &format!("{keys}  logout: {{ back_channel: true, front_channel: true }}\n"))
            .replace(
                &world.sessions_section(""),
                &world.sessions_section(&format!("store: {{ redis: {{ {store} }} }}")),
            );
        let mut nodes = Vec::new();
        for _ in 0..count {
            let node = Ostia::start(crate::world::BINARY, &yaml).await;
            let names = Names::default();
            names.set("app.localhost", node.port());
            nodes.push((node, Arc::new(Browser::new(&names))));
        }
        let cluster = Self { world, nodes, yaml };
        for (node, _) in &cluster.nodes {
            eventually("the store is reachable", Duration::from_secs(20), async || {
                (node.metrics().await.sum("ostia_session_store_up", &[]) == 1.0).then_some(())
            })
            .await;
        }
        cluster
    }

    pub(crate) fn browser(&self, node: usize) -> &Arc<Browser> {
        &self.nodes[node].1
    }

    /// Names that lead to one node.
    pub(crate) fn names(&self, node: usize) -> Names {
        names_of(&self.nodes[node].0)
    }

    /// Whether a node has a connection to the store.
    pub(crate) async fn store_is_up(&self, node: usize) -> f64 {
        self.nodes[node].0.metrics().await.sum("ostia_session_store_up", &[])
    }

    /// Has every node read its configuration anew.
    pub(crate) async fn reload_all(&self) {
        for (node, _) in &self.nodes {
            let reloads = async || node.metrics().await.sum("ostia_config_reloads_total", &[]);
            let before = reloads().await;
            node.reload(&self.yaml);
            eventually("the node reloads", Duration::from_secs(10), async || {
                (reloads().await > before).then_some(())
            })
            .await;
        }
    }

    /// Changes the configuration of every node.
    pub(crate) async fn replace(&mut self, from: &str, to: &str) {
        assert!(self.yaml.contains(from), "{}", self.yaml);
        self.yaml = self.yaml.replace(from, to);
        self.reload_all().await;
    }

    /// Signs in at the first node; the others are given the cookies.
    pub(crate) async fn sign_in(&self) {
        signed_in(self.browser(0), "/").await;
        let cookies = self.browser(0).cookies();
        self.nodes.iter().for_each(|(_, browser)| browser.set_cookies(cookies.clone()));
    }

    /// The same, and the access token has ended.
    pub(crate) async fn sign_in_with_ended_token(&self) {
        self.world.provider.behave(|behaviour| behaviour.access_token_seconds = 3);
        self.sign_in().await;
        self.world.provider.behave(|behaviour| behaviour.access_token_seconds = 600);
        let signed_in_at = Instant::now();
        eventually("the access token ends", Duration::from_secs(5), async || {
            (signed_in_at.elapsed() > Duration::from_millis(3200)).then_some(())
        })
        .await;
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.world.provider.token_calls("refresh_token")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_on_three_nodes_cause_one_token_call_and_all_succeed() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(3, &format!("url: \"{}\"", redis.url())).await;
    cluster.sign_in_with_ended_token().await;
    cluster.world.provider.behave(|behaviour| behaviour.token_delay = Duration::from_millis(300));
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let browser = Arc::clone(cluster.browser(number % 3));
            tokio::spawn(async move { browser.fetch(&format!("{APP}/{number}")).await.status })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(cluster.refreshes(), 1);
    // Everybody has the next generation now, and nobody presents anything again.
    for node in 0..3 {
        eventually("the node gives out the new session", Duration::from_secs(10), async || {
            assert_eq!(cluster.browser(node).fetch(&format!("{APP}/again")).await.status, 200);
            let metrics = cluster.nodes[node].0.metrics().await;
            let renewed = metrics.sum("ostia_session_refreshes_total", &[("outcome", "renewed")]);
            let shared = metrics.sum("ostia_session_refreshes_total", &[("outcome", "shared")]);
            (renewed + shared == 1.0).then_some(())
        })
        .await;
    }
    assert_eq!(cluster.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_cookie_on_another_node_is_served_and_given_the_new_one() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(2, &format!("url: \"{}\"", redis.url())).await;
    cluster.sign_in_with_ended_token().await;
    assert_eq!(cluster.browser(0).fetch(&format!("{APP}/x")).await.status, 200);
    let page = cluster.browser(1).fetch(&format!("{APP}/late")).await;
    assert_eq!(page.status, 200);
    assert!(page.headers.contains_key("set-cookie"), "it is given the session as it is now");
    assert_eq!(cluster.refreshes(), 1, "a spent token is never presented again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_channel_logout_at_one_node_ends_session_and_streams_at_the_others_within_a_second() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(2, &format!("url: \"{}\"", redis.url())).await;
    let person = json!({ "sub": "ana", "sid": "s-1", "groups": ["staff"] });
    cluster.world.provider.expect_person(person);
    cluster.sign_in().await;
    let mut stream = cluster.browser(1).begin(Method::GET, &format!("{APP}/events"), &[]).await;
    assert_eq!(stream.next().await.unwrap(), b"data: 1\n\n");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={}", cluster.world.provider.logout_token(json!({ "sid": "s-1" })));
    let url = format!("{APP}/.ostia/back-channel-logout");
    let at_first = Browser::new(&names_of(&cluster.nodes[0].0));
    assert_eq!(at_first.send(Method::POST, &url, &form, Some(&body)).await.status, 200);
    let began = Instant::now();
    let ended = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the stream at the other node ends");
    assert!(began.elapsed() < Duration::from_millis(1700), "{:?}", began.elapsed());
    assert_eq!(cluster.browser(1).fetch(&format!("{APP}/x")).await.status, 401);
    // The same token at the other node is a replay.
    let at_second = Browser::new(&names_of(&cluster.nodes[1].0));
    assert_eq!(at_second.send(Method::POST, &url, &form, Some(&body)).await.status, 400);
}

fn names_of(node: &Ostia) -> Names {
    let names = Names::default();
    names.set("app.localhost", node.port());
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_channel_logout_at_one_node_ends_the_session_at_the_others_within_a_second() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(2, &format!("url: \"{}\"", redis.url())).await;
    cluster.world.provider.expect_person(json!({ "sub": "ana", "sid": "s-1", "groups": ["staff"] }));
    cluster.sign_in().await;
    assert_eq!(cluster.browser(1).fetch(&format!("{APP}/x")).await.status, 200);
    let issuer = cluster.world.provider.issuer();
    let frame = format!("{APP}/.ostia/front-channel-logout?iss={issuer}&sid=s-1");
    assert_eq!(Browser::new(&cluster.names(0)).open(&frame).await.status, 200);
    let began = Instant::now();
    eventually("the other node hears of it", Duration::from_secs(10), async || {
        (cluster.browser(1).fetch(&format!("{APP}/x")).await.status == 401).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_millis(1700), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stands_still_delays_nobody_and_signs_nobody_out() {
    let redis = RedisServer::start().await;
    let cluster = Cluster::start(2, &format!("url: \"{}\", budget: 250ms", redis.url())).await;
    cluster.sign_in_with_ended_token().await;
    redis.freeze();
    let frozen = Instant::now();
    let mut slowest = Duration::ZERO;
    while frozen.elapsed() < Duration::from_secs(6) {
        for node in 0..2 {
            for path in ["/x", "/public/x"] {
                let began = Instant::now();
                assert_eq!(cluster.browser(node).fetch(&format!("{APP}{path}")).await.status, 200, "{path}");
                if path == "/public/x" {
                    assert!(
                        began.elapsed() < Duration::from_millis(250),
                        "an open route never touches the store"
                    );
                }
                slowest = slowest.max(began.elapsed());
            }
        }
    }
    assert!(slowest < Duration::from_millis(600), "somebody waited {slowest:?}");
    assert_eq!(cluster.refreshes(), 0, "a refresh waits for the store, it is not raced");
    redis.thaw();
    eventually("the session is refreshed", Duration::from_secs(20), async || {
        assert_eq!(cluster.browser(0).fetch(&format!("{APP}/x")).await.status, 200);
        (cluster.refreshes() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_a_store_behind_tls_a_password_sentinels_and_a_cluster() {
    let single = RedisServer::start().await;
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let issued = authority.issue(folder.path(), &["localhost"]);
    let ca = folder.path().join("store-ca.pem");
    std::fs::write(&ca, authority.root_pem()).unwrap();
    let tls = RedisServer::start_tls(&issued).await;
    let secret = crate::world::random_word();
    ostia_testkit::secrets::keep(&secret);
    let locked = RedisServer::start_with(&["--requirepass", &secret]).await;
    let sentinel = RedisServer::start_sentinel(&single).await;
    let whole = RedisServer::start_cluster().await;
    for (name, store) in [
        ("tls", format!("url: \"rediss://localhost:{}\", ca_file: {}", tls.port(), ca.display())),
        ("password", format!("url: \"{}/3\", password: {secret}", locked.url())),
        ("sentinel", format!("url: [\"{}\"], mode: sentinel, master: ostia", sentinel.url())),
        ("cluster", format!("url: [\"{}\"], mode: cluster", whole.url())),
    ] {
        let cluster = Cluster::start(2, &store).await;
        cluster.sign_in_with_ended_token().await;
        assert_eq!(cluster.browser(0).fetch(&format!("{APP}/x")).await.status, 200, "{name}");
        assert_eq!(cluster.browser(1).fetch(&format!("{APP}/x")).await.status, 200, "{name}");
        assert_eq!(cluster.refreshes(), 1, "{name}");
    }
}
