//! P6, P7: the verbs ask the request path itself, so they agree with the running proxy.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use ostia_testkit::{Ostia, raw};
use serde_json::{Value, json};

use crate::world::{BINARY, World};

const POLICIES: &str = "policies:\n  \
    staff: { claims: { groups: [staff, contractors] } }\n  \
    banned: { claims: { groups: [banned] } }\n  \
    reader: { scope: [orders.read] }\n  \
    senior: { claims: { level: { at_least: 3 } } }\n  \
    looking: { method: [GET, HEAD] }\n  \
    reports: { path: [/reports/, \"/*/export\"] }\n  \
    finance: { all: [staff, senior], not: banned }\n  \
    either: { any: [reader, senior], not: banned }\n  \
    said: { when: 'claims.level > 1 && request.method in [\"GET\", \"POST\"] && \"staff\" in claims.groups' }\n";

const ROUTES: &str = "routes:\n  \
    - { name: home, host: app.localhost, allow: [staff, reader], credentials: [bearer], upstream: app }\n  \
    - { name: finance, host: app.localhost, path: /finance/, allow: finance, credentials: [bearer], upstream: app }\n  \
    - { name: look, host: app.localhost, path: /look/, allow: [looking], credentials: [bearer], upstream: app }\n  \
    - { name: reports, host: app.localhost, path: /x/, allow: [reports, either], credentials: [bearer], upstream: app }\n  \
    - { name: said, host: app.localhost, path: /said/, methods: [GET, POST], allow: said, credentials: [bearer], upstream: app }\n  \
    - { name: public, host: app.localhost, path: /public/, allow: anyone, upstream: app }\n";

async fn node(world: &World) -> Ostia {
    world.start(&[&world.provider_section(), POLICIES, &world.upstream_section(), ROUTES].concat()).await
}

fn ostia(node: &Ostia, arguments: &[&str]) -> Output {
    let config = node.config_file();
    Command::new(BINARY).args(arguments).arg("-c").arg(config).current_dir(node.folder()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[usize::try_from(self.0 >> 33).unwrap() % choices.len()].clone()
    }
}

struct Made {
    method: &'static str,
    path: String,
    claims: Option<Value>,
}

fn made(count: usize) -> Vec<Made> {
    let mut dice = Dice(2026);
    let groups = [
        json!(["staff"]),
        json!(["banned", "staff"]),
        json!([]),
        json!("contractors"),
        json!(0),
        Value::Null,
    ];
    let levels = [json!(1), json!(2), json!(3), json!(4.5), json!("4"), Value::Null];
    let scopes = [json!("orders.read"), json!("orders.read orders.write"), json!("profile"), Value::Null];
    let folders = [
        "",
        "finance",
        "Finance",
        "look",
        "x",
        "x/reports",
        "x/a/export",
        "said",
        "public",
        "public/..%2ffinance",
        "x/%72eports",
        "/finance",
    ];
    (0..count)
        .map(|number| {
            let claims =
                json!({ "groups": dice.of(&groups), "level": dice.of(&levels), "scope": dice.of(&scopes) });
            Made {
                method: dice.of(&["GET", "POST", "HEAD", "DELETE"]),
                path: format!("/{}/r{number}", dice.of(&folders)).replacen("//r", "/r", 1),
                claims: dice.of(&[true, true, true, true, false]).then_some(claims),
            }
        })
        .collect()
}

/// The file of cases for `ostia policy test` that tells the same requests.
fn cases(made: &[Made]) -> String {
    let mut identities = String::from("identities:\n");
    let mut cases = String::from("cases:\n");
    for (number, one) in made.iter().enumerate() {
        let who = match &one.claims {
            None => String::new(),
            Some(claims) => {
                let claims: serde_json::Map<String, Value> = claims
                    .as_object()
                    .unwrap()
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                let scopes: Vec<&str> = claims
                    .get("scope")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .split_whitespace()
                    .collect();
                let identity =
                    json!({ "subject": format!("robot-{number}"), "scopes": scopes, "claims": claims });
                writeln!(identities, "  i{number}: {identity}").unwrap();
                format!(", \"as\": i{number}")
            }
        };
        let request = format!("{} http://app.localhost{}", one.method, one.path);
        writeln!(
            cases,
            "  - {{ \"name\": \"{number}\", \"request\": {}{who}, \"expect\": {{}} }}",
            json!(request)
        )
        .unwrap();
    }
    identities + &cases
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verbs_agree_with_the_running_proxy_on_a_thousand_requests() {
    let world = World::new().await;
    let node = node(&world).await;
    let made = made(1_000);
    for (number, one) in made.iter().enumerate() {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 0\r\n", one.method, one.path);
        if let Some(claims) = &one.claims {
            let token = world.provider.access_token(&format!("robot-{number}"), claims.clone());
            write!(head, "Authorization: Bearer {token}\r\n").unwrap();
        }
        head.push_str("\r\n");
        assert!(raw::send(node.port(), head).await.is_some(), "{} {}", one.method, one.path);
    }
    let lines = node.access_lines_at_least(made.len()).await;
    std::fs::write(node.folder().join("cases.yaml"), cases(&made)).unwrap();
    let output = ostia(&node, &["policy", "test", "cases.yaml", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = told["cases"].as_array().unwrap();
    assert_eq!(told.len(), made.len());
    let mut decisions = [0, 0];
    for (one, told) in made.iter().zip(told) {
        let line = lines.iter().find(|line| line["url.path"] == one.path).unwrap();
        let outcome = &told["outcome"];
        let forwarded = line.get("ostia.upstream.address").is_some();
        decisions[usize::from(forwarded)] += 1;
        let context = format!("{} {} {:?}\n{line}\n{outcome:#}", one.method, one.path, one.claims);
        assert_eq!(outcome["decision"], if forwarded { "allow" } else { "deny" }, "{context}");
        assert_eq!(outcome["route"], line["http.route"], "{context}");
        assert_eq!(outcome["policy"], line["ostia.policy"], "{context}");
        assert_eq!(outcome["reason"], line["ostia.reason"], "{context}");
        if !forwarded {
            assert_eq!(outcome["status"], line["http.response.status_code"], "{context}");
        }
    }
    assert!(decisions.iter().all(|count| *count > 200), "both kinds occur: {decisions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_by_route_deciding_rule_fields_and_server() {
    let world = World::new().await;
    let node = node(&world).await;
    let who = json!({ "subject": "ana", "claims": { "groups": ["staff"], "level": 2, "email": "ana@example.com" } });
    std::fs::write(node.folder().join("ana.json"), who.to_string()).unwrap();
    let refused = ostia(&node, &["route", "GET", "http://app.localhost/finance/x?q=1", "--as", "ana.json"]);
    let said = text(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for part in [
        "/finance/x -> finance",
        "deny finance: level has 2, needs at least 3",
        "no      level has 2, needs at least 3   <- decides",
        "yes     groups has [\"staff\"], needs \"contractors\" or \"staff\"",
        "403 claim_differs",
    ] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    let forwarded = ostia(&node, &["route", "GET", "http://app.localhost/home", "--as", "ana.json"]);
    let said = text(&forwarded.stdout);
    assert_eq!(forwarded.status.code(), Some(0), "{said}\n{}", text(&forwarded.stderr));
    for part in ["allow staff", "upstream\n  app", &world.app.address(), "by turn", "x-forwarded-user: ana"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    let nobody = ostia(&node, &["route", "POST", "http://app.localhost/x/", "--format", "json"]);
    let told: Value = serde_json::from_slice(&nobody.stdout).unwrap();
    assert_eq!(
        (&told["decision"], &told["status"], &told["reason"]),
        (&json!("deny"), &json!(401), &json!("no_credential"))
    );
    let odd = ostia(&node, &["route", "GET", "http://app.localhost/public/..%2ffinance/"]);
    assert!(text(&odd.stdout).contains("400 path_readings_disagree"), "{}", text(&odd.stdout));
    let token = world.provider.access_token("robot", json!({ "groups": ["staff"], "level": 3 }));
    std::fs::write(node.folder().join("token"), &token).unwrap();
    let by_token = ostia(&node, &["route", "GET", "http://app.localhost/finance/x", "--token-file", "token"]);
    let said = text(&by_token.stdout);
    assert_eq!(by_token.status.code(), Some(0), "{said}\n{}", text(&by_token.stderr));
    assert!(said.contains("x-forwarded-user: robot") && !said.contains(&token), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_told_which_check_it_fails() {
    let world = World::new().await;
    let node = node(&world).await;
    let token = |edit: Value| world.provider.access_token("robot", edit);
    let mut broken = token(json!({}));
    broken.replace_range(broken.len() - 8.., "AAAAAAAA");
    for (what, token, code, part) in [
        ("good", token(json!({})), 0, "accepted"),
        ("another audience", token(json!({ "aud": "https://other.example.com" })), 1, "audience"),
        ("expired", token(json!({ "exp": 1_700_000_000, "iat": 1_600_000_000 })), 1, "expired"),
        ("another issuer", token(json!({ "iss": "https://evil.example.com" })), 1, "issuer"),
        (
            "an ID token",
            world.provider.signed("JWT", &world.provider.access_claims("robot", json!({}))),
            1,
            "typ",
        ),
        ("a broken signature", broken, 1, "signature"),
        ("no token at all", "hello".to_owned(), 1, "form"),
        ("unsigned", world.provider.unsigned(&world.provider.access_claims("robot", json!({}))), 1, "alg"),
    ] {
        let file = node.folder().join("token");
        std::fs::write(&file, &token).unwrap();
        let output = ostia(&node, &["token", "--file", "token"]);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{what}: {said}\n{}", text(&output.stderr));
        assert!(said.contains(part), "{what}: {part} in\n{said}");
        assert!(
            token.len() < 20 || !said.contains(&token[20..]),
            "{what}: the token itself is never printed"
        );
    }
    let empty = ostia(&node, &["token", "--file", "/dev/null"]);
    assert_eq!(empty.status.code(), Some(2), "{}", text(&empty.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_tested_by_cases_in_files() {
    let world = World::new().await;
    let node = node(&world).await;
    let write = |name: &str, text: &str| std::fs::write(node.folder().join(name), text).unwrap();
    let identities = "identities:\n  \
        ana: { subject: ana, claims: { groups: [staff], level: 3 } }\n  \
        bo: { subject: bo, scopes: [orders.read] }\n";
    write(
        "good.yaml",
        &format!(
            "{identities}cases:\n  \
             - name: staff of some standing sees the money\n    \
               request: GET http://app.localhost/finance/x\n    as: ana\n    \
               expect: {{ decision: allow, route: finance, policy: finance, upstream: app }}\n  \
             - request: GET http://app.localhost/finance/x\n    as: bo\n    \
               expect: {{ decision: deny, policy: finance, reason: claim_missing, status: 403 }}\n  \
             - request: GET http://app.localhost/finance/x\n    expect: {{ decision: deny, status: 401 }}\n"
        ),
    );
    let good = ostia(&node, &["policy", "test", "good.yaml"]);
    let said = text(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "{said}\n{}", text(&good.stderr));
    assert!(
        said.contains("ok    staff of some standing sees the money") && said.contains("3 cases, 0 failed"),
        "{said}"
    );
    write(
        "bad.yaml",
        &format!(
            "{identities}cases:\n  - {{ request: GET http://app.localhost/finance/x, as: bo, expect: {{ decision: allow }} }}\n"
        ),
    );
    let bad = ostia(&node, &["policy", "test", "good.yaml", "bad.yaml"]);
    let said = text(&bad.stdout);
    assert_eq!(bad.status.code(), Some(1), "{said}");
    for part in ["decision: expected allow, is deny", "groups is missing, needs", "4 cases, 1 failed"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    for (what, cases) in [
        ("an unknown key", "cases:\n  - { request: GET http://a/, expect: {}, expects: x }\n"),
        ("an unknown identity", "cases:\n  - { request: GET http://a/, as: nobody, expect: {} }\n"),
        ("no URL", "cases:\n  - { request: GET /x, expect: {} }\n"),
        ("no case", "cases: []\n"),
        ("the same key twice", "cases: []\ncases: []\n"),
        ("a word for a decision", "cases:\n  - { request: GET http://a/, expect: { decision: maybe } }\n"),
    ] {
        write("wrong.yaml", cases);
        let wrong = ostia(&node, &["policy", "test", "wrong.yaml"]);
        assert_eq!(wrong.status.code(), Some(2), "{what}: {}{}", text(&wrong.stdout), text(&wrong.stderr));
        assert!(!wrong.stderr.is_empty(), "{what}");
    }
    let absent = Path::new("absent.yaml");
    let wrong = Command::new(BINARY)
        .args(["policy", "test", "good.yaml", "-c"])
        .arg(absent)
        .current_dir(node.folder())
        .output();
    assert_eq!(wrong.unwrap().status.code(), Some(78));
}
