//! The questions of each proxy, asked by hand.

use serde_json::json;

use super::{LISTENERS, ask, node_of};
use crate::world::World;

/// Who asks, at which path, with which fields.
type Question<'a> = (&'static str, String, Vec<(&'a str, &'a str)>);

/// A question as each proxy asks it.
fn questions<'a>(method: &'a str, uri: &'a str) -> [Question<'a>; 3] {
    let get = "GET /.ostia/verify HTTP/1.1".to_owned();
    [
        ("nginx", get.clone(), vec![("X-Original-Method", method), ("X-Original-URI", uri)]),
        (
            "traefik",
            get,
            vec![
                ("X-Forwarded-Method", method),
                ("X-Forwarded-Uri", uri),
                ("X-Forwarded-Host", "app.localhost"),
            ],
        ),
        ("envoy", format!("{method} /.ostia/verify{uri} HTTP/1.1"), vec![]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_to_the_question_is_the_decision_about_the_request() {
    let world = World::new().await;
    let node = node_of(&world, LISTENERS).await;
    let token = |groups: &[&str]| {
        format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": groups })))
    };
    let (staff, guest) = (token(&["staff"]), token(&["guest"]));
    for (bearer, method, uri, status) in [
        (Some(&staff), "GET", "/x?y=z", 200),
        (Some(&staff), "DELETE", "/x", 200),
        (Some(&staff), "GET", "/finance/x", 403),
        (Some(&guest), "GET", "/x", 403),
        (None, "GET", "/x", 401),
        (None, "GET", "/public/x", 200),
        (Some(&staff), "GET", "/public/../finance/x", 400),
        (Some(&staff), "GET", "/.ostia/login", 403),
    ] {
        for (proxy, line, mut fields) in questions(method, uri) {
            fields.extend(bearer.map(|bearer| ("Authorization", bearer.as_str())));
            let answer = ask(node.port(), &line, &fields).await;
            // NGINX understands 401 and 403 only.
            let expected = if proxy == "nginx" && status == 400 { 403 } else { status };
            assert_eq!(answer.status, expected, "{proxy} {method} {uri}: {}", answer.text());
            // Nothing to say is said: proxies that copy what is there leave no word of the client's in its place.
            let is_known = bearer.is_some() && !uri.starts_with("/public");
            let user = (status == 200).then_some(if is_known { "robot" } else { "" });
            assert_eq!(answer.field("x-forwarded-user"), user, "{proxy} {method} {uri}");
            // The request itself, for comparison.
            let direct: Vec<(&str, &str)> =
                bearer.map(|bearer| ("Authorization", bearer.as_str())).into_iter().collect();
            if !uri.starts_with("/.ostia") {
                assert_eq!(
                    ask(node.port(), &format!("{method} {uri} HTTP/1.1"), &direct).await.status,
                    status
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_trusted_peer_tells_what_is_asked_about() {
    let world = World::new().await;
    let node = node_of(&world, "").await;
    let staff = format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": ["staff"] })));
    for (proxy, line, mut fields) in questions("GET", "/x") {
        fields.push(("Authorization", &staff));
        let answer = ask(node.port(), &line, &fields).await;
        assert_eq!((answer.status, answer.field("x-forwarded-user")), (403, None), "{proxy}");
        assert_eq!(answer.json()["code"], "verify_not_trusted");
    }
    // A trusted peer that hands on what a client wrote beside its own words is refused, not guessed about.
    let node = node_of(&world, LISTENERS).await;
    let honest = [("X-Original-Method", "GET"), ("X-Original-URI", "/finance/x"), ("Authorization", &*staff)];
    for more in [
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Original-URI", "/public/x"),
        ("X-Original-Method", "HEAD"),
        ("X-Forwarded-Method", "GET"),
    ] {
        let answer = ask(node.port(), "GET /.ostia/verify HTTP/1.1", &[&honest[..], &[more]].concat()).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("verify_unclear")),
            "{more:?}"
        );
    }
    for missing in [0, 1] {
        let mut fields = honest.to_vec();
        fields.remove(missing);
        assert_eq!(ask(node.port(), "GET /.ostia/verify HTTP/1.1", &fields).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_to_sign_in_as_each_proxy_can() {
    let world = World::new().await;
    let node = node_of(&world, LISTENERS).await;
    let navigation =
        [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Accept", "text/html")];
    for (proxy, line, fields) in questions("GET", "/x?y=1") {
        let answer = ask(node.port(), &line, &[&fields[..], &navigation].concat()).await;
        let location = answer.field("location").unwrap_or_default();
        if proxy == "nginx" {
            assert_eq!((answer.status, location), (401, "/.ostia/login?return=/x%3Fy%3D1"));
        } else {
            assert_eq!(answer.status, 303, "{proxy}");
            assert!(location.starts_with(world.provider.issuer()), "{proxy}: {location}");
            assert!(answer.field("set-cookie").is_some(), "{proxy}: the flow's cookie");
        }
        let script = ask(node.port(), &line, &fields).await;
        assert_eq!((script.status, script.field("location")), (401, None), "{proxy}");
    }
}
