//! The provider does what the standards ask of it, and refuses what they forbid.

use std::time::Duration;

use ostia_demo::browser::{Outgoing, Trust, exchange};
use ostia_demo::provider::{Client, Fault, Lifetimes};
use ostia_demo::upstream::Upstream;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::json;

use crate::relying_party::{
    REDIRECT_URI, RelyingParty, SIGNED_OUT, VERIFIER, base64url, basic, callback, decode, text,
};

#[tokio::test]
async fn a_sign_in_gives_tokens_for_the_person_and_the_client() {
    let mut party = RelyingParty::start().await;
    let answer = party.sign_in("ana", &[]).await;
    assert_eq!(answer["state"], "the-state");
    assert_eq!(answer["iss"], party.provider.issuer());
    let tokens = party.redeem(&answer["code"]).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, Some("no-store")));
    let tokens = tokens.json();

    let (header, id) = decode(&text(&tokens, "id_token"));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    assert_eq!(id["iss"], party.provider.issuer());
    assert_eq!((&id["aud"], &id["sub"], &id["nonce"]), (&json!("app"), &json!("ana"), &json!("the-nonce")));
    assert_eq!(id["groups"], json!(["staff", "finance"]));
    assert_eq!(id["email"], "ana@demo.example");
    assert!(id["exp"].as_u64() > id["iat"].as_u64() && id["auth_time"].as_u64() <= id["iat"].as_u64());

    let (header, access) = decode(&text(&tokens, "access_token"));
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!((&access["client_id"], &access["sub"]), (&json!("app"), &json!("ana")));
    assert_eq!(access["aud"], party.provider.audience());

    let bearer = format!("Bearer {}", text(&tokens, "access_token"));
    let info = party.get("/userinfo", &[("Authorization", &bearer)]).await.json();
    assert_eq!((&info["sub"], &info["name"]), (&json!("ana"), &json!("Ana Almeida")));
}

#[tokio::test]
async fn tokens_verify_with_the_published_key_also_after_a_rotation() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let before = text(&party.redeem(&code).await.json(), "id_token");
    let new_kid = party.provider.rotate_key();
    let after = party.provider.mint_id_token("app", "ana");
    assert_eq!(decode(&after).0["kid"], new_kid.as_str());
    let keys = party.get("/jwks", &[]).await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    for token in [before.as_str(), after.as_str()] {
        let kid = decode(token).0["kid"].clone();
        let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&base64url(signature)).unwrap();
        let point = [vec![4], base64url(&text(key, "x")), base64url(&text(key, "y"))].concat();
        VerifyingKey::from_sec1_bytes(&point).unwrap().verify(signed.as_bytes(), &signature).unwrap();
    }
    party.provider.forget_old_keys();
    assert_eq!(party.get("/jwks", &[]).await.json()["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn discovery_names_the_issuer_and_what_is_required() {
    let party = RelyingParty::start().await;
    let document = party.get("/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(document["issuer"], party.provider.issuer());
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert_eq!(party.provider.calls("discovery"), 1);
}

#[tokio::test]
async fn a_request_without_a_certain_address_is_refused_on_the_spot() {
    let mut party = RelyingParty::start().await;
    let slash = format!("{REDIRECT_URI}/");
    let query = format!("{REDIRECT_URI}?a=1");
    let cases = [
        ("unknown client", ("client_id", Some("other"))),
        ("no client", ("client_id", None)),
        ("no address", ("redirect_uri", None)),
        ("another host", ("redirect_uri", Some("http://evil.example/.ostia/callback"))),
        ("a slash more", ("redirect_uri", Some(slash.as_str()))),
        ("a query more", ("redirect_uri", Some(query.as_str()))),
        ("another case", ("redirect_uri", Some("http://LOCALHOST:1/.ostia/callback"))),
        ("another port", ("redirect_uri", Some("http://localhost:2/.ostia/callback"))),
    ];
    for (name, change) in cases {
        let answer = party.knock(&[change]).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{name}");
    }
    let mut twice = party.authorization_url(&[]);
    twice.query_pairs_mut().append_pair("state", "other");
    let answer = party.browser.knock(twice).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (400, None), "a parameter given twice");
}

#[tokio::test]
async fn a_wrong_wish_is_told_to_the_client_with_state_and_issuer() {
    let mut party = RelyingParty::start().await;
    let cases = [
        (("response_type", Some("token")), "unsupported_response_type"),
        (("response_type", None), "invalid_request"),
        (("response_mode", Some("fragment")), "invalid_request"),
        (("scope", Some("profile")), "invalid_scope"),
        (("scope", None), "invalid_scope"),
        (("code_challenge", None), "invalid_request"),
        (("code_challenge", Some("short")), "invalid_request"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("code_challenge_method", None), "invalid_request"),
        (("prompt", Some("none")), "login_required"),
        (("prompt", Some("none login")), "invalid_request"),
        (("prompt", Some("dance")), "invalid_request"),
        (("max_age", Some("soon")), "invalid_request"),
        (("request", Some("e30.e30.")), "request_not_supported"),
        (("request_uri", Some("https://evil.example/")), "request_uri_not_supported"),
    ];
    for (change, error) in cases {
        let answer = callback(&party.knock(&[change]).await);
        assert_eq!(answer.get("error").map(String::as_str), Some(error), "{change:?}");
        assert_eq!(
            (answer["state"].as_str(), answer["iss"].as_str()),
            ("the-state", party.provider.issuer())
        );
        assert!(!answer.contains_key("code"), "{change:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_asked_again_and_a_foreign_form_is_refused() {
    let mut party = RelyingParty::start().await;
    let page = party.form_page(&[]).await;
    let form = page.forms().remove(0).fill("username", "<b>ana</b>");
    let again = party.browser.submit(&page, &form.clone().fill("password", "wrong")).await.unwrap();
    assert_eq!(again.answer.status, 400);
    assert!(again.answer.text().contains("Name or password is wrong."));
    assert!(
        again.answer.text().contains("&lt;b&gt;ana&lt;/b&gt;") && !again.answer.text().contains("<b>ana")
    );
    let foreign = form.fill("username", "ana").fill("password", "demo").fill("form_token", "other");
    let refused = party.browser.submit(&page, &foreign).await.unwrap();
    assert_eq!((refused.answer.status, refused.trail.len()), (400, 1));
}

#[tokio::test]
async fn pages_forbid_scripts_frames_and_foreign_forms() {
    let mut party = RelyingParty::start().await;
    let page = party.form_page(&[]).await;
    let policy = page.answer.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self' http://localhost:1;"] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!page.answer.text().contains("<script"));
    assert_eq!(page.answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_second_sign_in_is_silent_unless_the_client_asks_for_more() {
    let mut party = RelyingParty::start().await;
    party.sign_in("ana", &[]).await;
    let silent = party.knock(&[("state", Some("second"))]).await;
    assert_eq!(callback(&silent)["state"], "second");
    assert!(callback(&party.knock(&[("prompt", Some("none"))]).await).contains_key("code"));
    assert_eq!(party.knock(&[("prompt", Some("login"))]).await.status, 200);
    party.provider.set_lifetimes(Lifetimes { sign_on: Duration::ZERO, ..Lifetimes::default() });
    party.browser.cookies = ostia_demo::browser::CookieJar::default();
    // A sign-on without a lifetime answers nothing.
    let page = party.form_page(&[]).await;
    let form = page.forms().remove(0).fill("username", "ana").fill("password", "demo");
    let request = Outgoing::new("POST", form.action.clone()).form(form.encode());
    assert_eq!(party.browser.send(request).await.unwrap().status, 400);
    assert_eq!(party.knock(&[]).await.status, 200);
}

#[tokio::test]
async fn forms_in_several_tabs_stay_good() {
    let mut party = RelyingParty::start().await;
    let first = party.form_page(&[("state", Some("first"))]).await;
    party.sign_in("ana", &[("state", Some("second"))]).await;
    let form = first.forms().remove(0).fill("username", "ana").fill("password", "demo");
    let request = Outgoing::new("POST", form.action.clone()).form(form.encode());
    assert_eq!(callback(&party.browser.send(request).await.unwrap())["state"], "first");
}

#[tokio::test]
async fn a_code_is_spent_once_and_its_replay_revokes_the_grant() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let tokens = party.redeem(&code).await.json();
    let replay = party.redeem(&code).await;
    assert_eq!((replay.status, replay.json()["error"].as_str()), (400, Some("invalid_grant")));
    let refreshed = party.refresh(&text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant");
    let bearer = format!("Bearer {}", text(&tokens, "access_token"));
    let info = party.get("/userinfo", &[("Authorization", &bearer)]).await;
    assert_eq!(info.status, 401);
    assert!(info.header("www-authenticate").unwrap().contains("invalid_token"));
    assert_eq!(party.provider.replays(), 1);
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_address_and_its_client() {
    let mut party = RelyingParty::start().await;
    let usual =
        [("grant_type", "authorization_code"), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)];
    let cases = [
        ("no verifier", "code_verifier", "", "invalid_request"),
        ("another verifier", "code_verifier", "x", "invalid_grant"),
        ("no address", "redirect_uri", "", "invalid_request"),
        ("another address", "redirect_uri", SIGNED_OUT, "invalid_grant"),
        ("no grant type", "grant_type", "", "invalid_request"),
        ("another grant type", "grant_type", "password", "unsupported_grant_type"),
    ];
    for (name, parameter, value, error) in cases {
        let code = party.code(&[("prompt", Some("login"))]).await;
        let mut parameters: Vec<(&str, &str)> = usual.to_vec();
        parameters.retain(|(known, _)| *known != parameter);
        parameters.extend([(parameter, value), ("code", &code)]);
        let answer = party.token(&parameters).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some(error)), "{name}");
    }
    let code = party.code(&[("prompt", Some("login")), ("client_id", Some("public"))]).await;
    assert_eq!(party.redeem(&code).await.json()["error"], "invalid_grant", "another client");
}

#[tokio::test]
async fn a_client_proves_itself_in_exactly_one_way() {
    let mut party = RelyingParty::start().await;
    let secret = basic("app:s+e%2Bcret");
    let post = [("client_id", "app"), ("client_secret", "s e+cret")];
    let nothing: &[(&str, &str)] = &[];
    let cases = [
        ("basic", secret.clone(), nothing, 400),
        ("post", String::new(), &post[..], 400),
        ("both", secret.clone(), &post[..], 400),
        ("wrong secret", basic("app:wrong"), nothing, 401),
        ("unencoded secret", basic("app:s e+cret"), nothing, 401),
        ("no secret", String::new(), &[("client_id", "app")][..], 401),
        ("nothing", String::new(), nothing, 401),
        ("unknown client", basic("other:x"), nothing, 401),
    ];
    for (name, authorization, parameters, status) in cases {
        let parameters = [&[("grant_type", "refresh_token"), ("refresh_token", "x")], parameters].concat();
        let answer = party.token_as(&authorization, &parameters).await;
        let error = match (name, status) {
            ("both", _) => "invalid_request",
            (_, 401) => "invalid_client",
            _ => "invalid_grant",
        };
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{name}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{name}");
    }
    let code = party.code(&[("client_id", Some("public"))]).await;
    let parameters = [
        ("client_id", "public"),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(party.token_as("", &parameters).await.status, 200, "a public client");
}

#[tokio::test]
async fn a_refresh_rotates_and_reuse_ends_the_grant() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let first = party.redeem(&code).await.json();
    let second = party.refresh(&text(&first, "refresh_token")).await.json();
    let (old, new) = (decode(&text(&first, "id_token")).1, decode(&text(&second, "id_token")).1);
    for claim in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(old[claim], new[claim], "{claim}");
    }
    assert!(new.get("nonce").is_none());
    let wider = [("grant_type", "refresh_token"), ("refresh_token", &text(&second, "refresh_token"))];
    let wider = [&wider[..], &[("scope", "openid admin")]].concat();
    assert_eq!(party.token(&wider).await.json()["error"], "invalid_scope");
    let third = party.refresh(&text(&first, "refresh_token")).await;
    assert_eq!(third.json()["error"], "invalid_grant", "reuse");
    let fourth = party.refresh(&text(&second, "refresh_token")).await;
    assert_eq!(fourth.json()["error"], "invalid_grant", "the successor of a reused token");
    assert_eq!(party.provider.token_calls("refresh_token"), 4);
}

#[tokio::test]
async fn no_refresh_token_without_offline_access() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[("scope", Some("openid"))]).await;
    let tokens = party.redeem(&code).await.json();
    assert!(tokens.get("refresh_token").is_none());
    let (_, id) = decode(&text(&tokens, "id_token"));
    assert!(id.get("groups").is_none() && id.get("email").is_none());
}

#[tokio::test]
async fn a_machine_gets_a_token_for_its_own_scopes_only() {
    let party = RelyingParty::start().await;
    let machine = basic("machine:m");
    let ask = |extra: &'static [(&'static str, &'static str)]| {
        [&[("grant_type", "client_credentials")], extra].concat()
    };
    let answer = party.token_as(&machine, &ask(&[("scope", "orders.read")])).await.json();
    let (header, claims) = decode(&text(&answer, "access_token"));
    assert_eq!((&header["typ"], &claims["scope"]), (&json!("at+jwt"), &json!("orders.read")));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("machine"), &json!("machine")));
    assert!(answer.get("id_token").is_none() && answer.get("refresh_token").is_none());
    let all = party.token_as(&machine, &ask(&[])).await.json();
    assert_eq!(all["scope"], "orders.read orders.write");
    let wider = party.token_as(&machine, &ask(&[("scope", "orders.delete")])).await;
    assert_eq!(wider.json()["error"], "invalid_scope");
    let elsewhere = party.token_as(&machine, &ask(&[("resource", "https://other.example")])).await;
    assert_eq!(elsewhere.json()["error"], "invalid_target");
    assert_eq!(party.token(&ask(&[])).await.json()["error"], "unauthorized_client");
}

#[tokio::test]
async fn revocation_ends_the_grant_of_the_own_client_only() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let tokens = party.redeem(&code).await.json();
    let token = text(&tokens, "refresh_token");
    let revoke = async |credentials: &str, token: &str| {
        let request = Outgoing::new("POST", party.url("/revoke"))
            .header("Authorization", &basic(credentials))
            .form(format!("token={token}"));
        exchange(&request, &Trust::none()).await.unwrap().status
    };
    assert_eq!(revoke("machine:m", &token).await, 200);
    let refreshed = party.refresh(&token).await.json();
    assert_eq!(revoke("app:wrong", "x").await, 401);
    assert_eq!(revoke("app:s+e%2Bcret", &text(&refreshed, "access_token")).await, 200);
    assert_eq!(party.refresh(&text(&refreshed, "refresh_token")).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn sign_out_with_the_clients_own_token_ends_the_sign_on_and_returns() {
    let mut party = RelyingParty::start().await;
    let code = party.code(&[]).await;
    let tokens = party.redeem(&code).await.json();
    let target =
        [("id_token_hint", text(&tokens, "id_token")), ("post_logout_redirect_uri", SIGNED_OUT.into())];
    let mut url = party.url("/end-session");
    url.query_pairs_mut().extend_pairs(target).append_pair("state", "bye");
    let answer = party.browser.knock(url).await.unwrap();
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some(format!("{SIGNED_OUT}?state=bye").as_str()));
    assert_eq!(party.knock(&[]).await.status, 200, "the form again");
    assert_eq!(party.refresh(&text(&tokens, "refresh_token")).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn sign_out_without_proof_asks_first() {
    let mut party = RelyingParty::start().await;
    party.sign_in("ana", &[]).await;
    let mut url = party.url("/end-session");
    url.query_pairs_mut().append_pair("client_id", "app").append_pair("post_logout_redirect_uri", SIGNED_OUT);
    let page = party.browser.go(url).await.unwrap();
    assert_eq!(callback(&party.knock(&[]).await)["state"], "the-state", "still signed on");
    let form = page.forms().remove(0);
    let request = Outgoing::new("POST", form.action.clone()).form(form.encode());
    let answer = party.browser.send(request).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (303, Some(SIGNED_OUT)));
    assert_eq!(party.knock(&[]).await.status, 200, "the form again");
}

#[tokio::test]
async fn sign_out_to_an_address_that_is_not_registered_is_refused() {
    let mut party = RelyingParty::start().await;
    let cases: [&[(&str, &str)]; 4] = [
        &[("client_id", "app"), ("post_logout_redirect_uri", "http://evil.example/")],
        &[("post_logout_redirect_uri", SIGNED_OUT)],
        &[("client_id", "public"), ("post_logout_redirect_uri", SIGNED_OUT)],
        &[("id_token_hint", "a.b.c"), ("post_logout_redirect_uri", SIGNED_OUT)],
    ];
    for parameters in cases {
        let mut url = party.url("/end-session");
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = party.browser.knock(url).await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (400, None), "{parameters:?}");
    }
}

#[tokio::test]
async fn a_sign_out_posts_a_logout_token_to_the_clients_concerned() {
    let mut party = RelyingParty::start().await;
    let client = Upstream::start("client").await.unwrap();
    let uri = format!("http://{}/status/200", client.address());
    party
        .provider
        .register(Client::confidential("app", "s e+cret", REDIRECT_URI).with_backchannel_logout_uri(&uri));
    let code = party.code(&[]).await;
    let id = decode(&text(&party.redeem(&code).await.json(), "id_token")).1;
    let deliveries = party.provider.sign_out("ana").await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!((deliveries[0].client_id.as_str(), deliveries[0].status), ("app", Some(200)));
    let received = client.requests().remove(0);
    assert_eq!(received.method, "POST");
    let body = String::from_utf8(received.body).unwrap();
    let (header, claims) = decode(body.strip_prefix("logout_token=").unwrap());
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!((&claims["sid"], &claims["sub"], &claims["aud"]), (&id["sid"], &json!("ana"), &json!("app")));
    assert!(claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
    assert!(claims.get("nonce").is_none() && claims["jti"].is_string() && claims["exp"].is_u64());
    assert_eq!(party.provider.calls("back-channel"), 1);
}

#[tokio::test]
async fn a_provider_that_is_down_says_so_until_it_is_healed() {
    let party = RelyingParty::start().await;
    party.provider.set_fault(Fault::Down);
    assert_eq!(party.get("/jwks", &[]).await.status, 503);
    party.provider.set_fault(Fault::None);
    assert_eq!(party.get("/jwks", &[]).await.status, 200);
    assert_eq!(party.provider.journal().iter().map(|call| call.status).collect::<Vec<_>>(), [503, 200]);
}

#[tokio::test]
async fn an_issuer_with_a_path_has_everything_under_it() {
    use ostia_demo::provider::{Provider, Settings};
    let issuer = Some("http://localhost:1/realms/demo".to_owned());
    let provider = Provider::start(Settings { issuer, ..Settings::default() }).await.unwrap();
    let url = format!("http://{}/realms/demo/.well-known/openid-configuration", provider.address());
    let document =
        exchange(&Outgoing::new("GET", url.parse().unwrap()), &Trust::none()).await.unwrap().json();
    assert_eq!(document["issuer"], "http://localhost:1/realms/demo");
    assert_eq!(document["token_endpoint"], "http://localhost:1/realms/demo/token");
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused() {
    use ostia_demo::provider::{Provider, Settings};
    let settings = Settings { bind: "0.0.0.0:0".parse().unwrap(), ..Settings::default() };
    assert!(Provider::start(settings).await.is_err());
    assert!(Upstream::start_at("app", "0.0.0.0:0".parse().unwrap()).await.is_err());
}
