//! L14: the modules of the OpenID Foundation's relying-party certification that need a browser or a logout, under their
//! own names. Those of the code flow, the refresh and the discovery are in `crates/ostia-oidc/tests/it/conformance.rs`.

mod form_post;

use std::time::Duration;

use http::Method;
use ostia_testkit::{Browser, Ostia, Page, eventually};
use serde_json::{Value, json};

use crate::world::{APP, POLICIES, ROUTES, World, has_session};

const BACK_CHANNEL: &str = "http://app.localhost/.ostia/back-channel-logout";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Party {
    world: World,
    _node: Ostia,
    browser: Browser,
}

impl Party {
    async fn start() -> Self {
        Self::start_with("  logout: { back_channel: true, front_channel: true }\n").await
    }

    async fn start_with(keys: &str) -> Self {
        Self::start_beside(World::new().await, keys).await
    }

    /// With a provider that behaves already.
    async fn start_beside(world: World, keys: &str) -> Self {
        let provider = world.provider_keys("app.localhost", 2) + keys;
        let yaml = [
            "provider:\n",
            &provider,
            &world.sessions_section(""),
            POLICIES,
            &world.upstream_section(),
            ROUTES,
        ]
        .concat();
        let node = world.start(&yaml).await;
        let browser = Browser::new(&world.names);
        world.provider.expect_person(json!({ "sub": "ana", "sid": "s-1", "groups": ["staff"] }));
        Self { world, _node: node, browser }
    }

    async fn sign_in(&self) {
        let page = self.browser.visit(&format!("{APP}/")).await;
        assert_eq!(page.status, 200, "{}", page.text());
    }

    async fn is_in(&self) -> bool {
        self.browser.fetch(&format!("{APP}/x")).await.status == 200
    }

    /// Signs out at our page; the last request is that to the provider's end-session endpoint or the way back from it.
    async fn sign_out(&self) -> Page {
        let ask = self.browser.open(&format!("{APP}/.ostia/logout")).await;
        self.browser.submit(&ask.form().unwrap()).await
    }

    async fn post(&self, token: &str) -> Page {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = format!("logout_token={token}");
        Browser::new(&self.world.names).send(Method::POST, BACK_CHANNEL, &form, Some(&body)).await
    }

    /// A logout token that is wrong in one way is refused, and the session goes on.
    async fn refuses(&self, token: &str) {
        self.sign_in().await;
        let answer = self.post(token).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
        assert!(self.is_in().await);
        assert_eq!(answer.field("cache-control"), Some("no-store"));
    }

    fn token(&self, edit: Value) -> String {
        let mut claims = json!({ "sub": "ana", "sid": "s-1" });
        for (name, value) in edit.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.world.provider.logout_token(claims)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_init_logout() {
    let party = Party::start().await;
    party.sign_in().await;
    let page = party.sign_out().await;
    assert_eq!((page.status, page.url.path()), (200, "/.ostia/signed-out"), "{}", page.text());
    let asked = &party.world.provider.calls("/end_session")[0];
    assert_eq!(asked["post_logout_redirect_uri"], format!("{APP}/.ostia/signed-out"));
    assert!(asked["id_token_hint"].starts_with("ey") && asked["state"].len() > 40, "{asked:?}");
    assert_eq!(page.url.query_pairs().find(|(name, _)| name == "state").unwrap().1, asked["state"]);
    assert!(!party.is_in().await && !has_session(&party.browser));
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_init_logout_other_state() {
    let party = Party::start().await;
    party.sign_in().await;
    party.world.provider.behave(|behaviour| behaviour.logout_state = Some("another".to_owned()));
    let page = party.sign_out().await;
    assert_eq!((page.status, page.url.path()), (400, "/.ostia/signed-out"), "{}", page.text());
    assert!(page.text().contains("logout_state_differs"), "{}", page.text());
    assert!(!party.is_in().await, "signed out here all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_init_logout_no_state() {
    let party = Party::start().await;
    party.sign_in().await;
    party.world.provider.behave(|behaviour| behaviour.logout_state = Some(String::new()));
    let page = party.sign_out().await;
    assert_eq!((page.status, page.path_and_query()), (200, "/.ostia/signed-out"), "{}", page.text());
    assert!(!party.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout() {
    let party = Party::start().await;
    party.sign_in().await;
    // The provider tells every other party, us among them; then the browser comes back.
    let page = party.sign_out().await;
    let answer = party.post(&party.token(json!({}))).await;
    assert_eq!((answer.status, answer.field("cache-control")), (200, Some("no-store")), "{}", answer.text());
    assert_eq!(page.url.path(), "/.ostia/signed-out");
    assert!(!party.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_alg_none() {
    let party = Party::start().await;
    let claims = party.world.provider.logout_claims(json!({ "sub": "ana", "sid": "s-1" }));
    party.refuses(&party.world.provider.unsigned(&claims)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_no_event() {
    let party = Party::start().await;
    party.refuses(&party.token(json!({ "events": null }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_with_nonce() {
    let party = Party::start().await;
    party.refuses(&party.token(json!({ "nonce": "n" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_alg() {
    let party = Party::start().await;
    let claims = party.world.provider.logout_claims(json!({ "sub": "ana", "sid": "s-1" }));
    // Signed by the right key, under the name of an algorithm that is not its own.
    let signer = party.world.provider.signer();
    let mut header = signer.header("logout+jwt");
    header["alg"] = json!("RS256");
    party.refuses(&signer.sign(&header, &claims)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_aud() {
    let party = Party::start().await;
    party.refuses(&party.token(json!({ "aud": "another-client" }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_event() {
    let party = Party::start().await;
    party.refuses(&party.token(json!({ "events": { format!("{EVENT}s"): {} } }))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_backchannel_rpinitlogout_wrong_iss() {
    let party = Party::start().await;
    party.refuses(&party.token(json!({ "iss": "https://other.example" }))).await;
}

/// The frame of the provider's logout page, which carries no cookie of ours.
async fn frame(party: &Party) -> Page {
    let mut url = url::Url::parse(&format!("{APP}/.ostia/front-channel-logout")).unwrap();
    url.query_pairs_mut().append_pair("iss", party.world.provider.issuer()).append_pair("sid", "s-1");
    let fields =
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("sec-fetch-site", "cross-site")];
    Browser::new(&party.world.names).send(Method::GET, url.as_str(), &fields, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_frontchannel_rpinitlogout() {
    let party = Party::start().await;
    party.sign_in().await;
    let page = party.sign_out().await;
    let shown = frame(&party).await;
    assert_eq!((shown.status, shown.field("cache-control")), (200, Some("no-store")));
    assert_eq!(page.url.path(), "/.ostia/signed-out");
    assert!(!party.is_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_rp_frontchannel_opinitlogout() {
    let party = Party::start().await;
    party.sign_in().await;
    let shown = frame(&party).await;
    assert_eq!(shown.status, 200);
    let policy = shown.field("content-security-policy").unwrap();
    assert!(policy.contains(&format!("frame-ancestors {}", party.world.provider.issuer())), "{policy}");
    eventually("the session is over", Duration::from_secs(1), async || (!party.is_in().await).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_client_test_3rd_party_init_login() {
    let party = Party::start_with("  third_party_login: true\n").await;
    let mut url = url::Url::parse(&format!("{APP}/.ostia/initiate-login")).unwrap();
    url.query_pairs_mut().append_pair("iss", party.world.provider.issuer());
    url.query_pairs_mut().append_pair("target_link_uri", &format!("{APP}/x?y=1"));
    let page = party.browser.visit(url.as_str()).await;
    assert_eq!((page.status, page.path_and_query()), (200, "/x?y=1"), "{}", page.text());
}
