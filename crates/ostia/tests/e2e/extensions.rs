//! P8: extensions of others, compiled into programs of their own; the built-in ones.

use std::path::{Path, PathBuf};

use ostia_testkit::{Ostia, raw};
use serde_json::json;

use crate::world::{BINARY, World, request};

/// A program of `examples` with its own `main` on the library. The runner builds them beside the tests.
fn built(name: &str) -> PathBuf {
    // target/PROFILE/ostia
    let program = Path::new(BINARY).parent().unwrap().join("examples").join(name);
    assert!(program.exists(), "build it first: cargo build -p ostia --example {name}");
    program
}

/// A program that takes the file as its only argument, run as the harness runs the product.
fn wrapper(folder: &Path, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = folder.join(name);
    // The harness says `run -c FILE`.
    std::fs::write(&script, format!("#!/bin/sh\nexec {} \"$3\"\n", built(name).display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

async fn ask(node: &Ostia, line: &str, fields: &[(&str, &str)]) -> raw::Answer {
    raw::send(node.port(), request(line, fields)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_lines_change_requests_and_answers_in_a_program_of_their_own() {
    let world = World::new().await;
    let program = wrapper(world.shared.path(), "tenant_header");
    let yaml = format!(
        "{}extensions:\n  - {{ name: tenant-header, with: {{ header: x-tenant }} }}\n",
        world.config()
    );
    let node = Ostia::start(program.to_str().unwrap(), &yaml).await;
    let bearer = |claims| format!("Bearer {}", world.provider.access_token("robot", claims));
    let known = bearer(json!({ "groups": ["staff"], "tenant": "blue" }));
    let answer = ask(&node, "GET /x HTTP/1.1", &[("Authorization", &known), ("X-Tenant", "red")]).await;
    assert_eq!((answer.status, answer.field("x-served-for")), (200, Some("a tenant")));
    let tenants: Vec<String> =
        world.app.last().fields_like("x-tenant").into_iter().map(|(_, value)| value).collect();
    assert_eq!(tenants, ["blue"]);
    let unknown = bearer(json!({ "groups": ["staff"] }));
    let refused = ask(&node, "GET /x HTTP/1.1", &[("Authorization", &unknown)]).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("extension_refused")));
    // Its field is its own on every route, in every spelling, and the policy still decides first.
    for name in ["X-Tenant", "x_tenant", "X.Tenant"] {
        ask(&node, "GET /public/x HTTP/1.1", &[(name, "red")]).await;
        assert!(world.app.last().fields_like("x-tenant").is_empty(), "{}", world.app.last().head);
    }
    let outsider = bearer(json!({ "groups": [], "tenant": "blue" }));
    assert_eq!(ask(&node, "GET /x HTTP/1.1", &[("Authorization", &outsider)]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_of_an_extension_is_told_by_line_and_an_unknown_one_is_refused() {
    let world = World::new().await;
    let program = wrapper(world.shared.path(), "tenant_header");
    let with = |text: &str| {
        format!("{}extensions:\n  - name: tenant-header\n    with:\n      {text}\n", world.config())
    };
    for (program, yaml, words) in [
        (program.to_str().unwrap(), with("haeder: x"), "unknown field `haeder`"),
        (program.to_str().unwrap(), with("header: [x]"), "invalid type: sequence, expected a string"),
        (program.to_str().unwrap(), with("header: \"x y\""), "`x y` is no field name"),
        (BINARY, with("header: x"), "this program was not built with `tenant-header`"),
    ] {
        let mut node = Ostia::spawn(program, &yaml);
        let status = node.wait(std::time::Duration::from_secs(20)).await;
        let said = node.output().join("\n");
        assert!(!status.success() && said.contains(words) && said.contains("E1605"), "{words}: {said}");
        let line = yaml.lines().position(|line| line.contains("tenant-header") || line.contains("header:"));
        assert!(line.is_some() && said.contains("ostia.yaml:"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extension_that_fails_costs_one_request_and_never_the_process() {
    let world = World::new().await;
    let program = wrapper(world.shared.path(), "misbehaving");
    let node = Ostia::start(program.to_str().unwrap(), &world.config()).await;
    for (path, status, code) in [
        ("/public/panic-request", 500, "extension_panicked"),
        ("/public/panic-authorized", 500, "extension_panicked"),
        ("/public/panic-consult", 500, "extension_panicked"),
        ("/public/wait", 503, "extension_timed_out"),
        ("/public/panic-response", 500, "internal"),
    ] {
        let answer = ask(&node, &format!("GET {path} HTTP/1.1"), &[]).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path}");
        let fine = ask(&node, "GET /public/fine HTTP/1.1", &[]).await;
        assert_eq!(fine.status, 200, "after {path}");
    }
    let metrics = node.metrics().await;
    let failed = |reason| {
        metrics.sum("ostia_extension_failures_total", &[("extension", "misbehaving"), ("reason", reason)])
    };
    // The answer to the one that failed while it was told of an answer is told to it, too.
    assert!(
        failed("extension_panicked") >= 4.0 && (failed("extension_timed_out") - 1.0).abs() < 0.1,
        "{}",
        metrics.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn extension_reaches_neither_identity_nor_framing_nor_secrets() {
    let world = World::new().await;
    let program = wrapper(world.shared.path(), "misbehaving");
    let node = Ostia::start(program.to_str().unwrap(), &world.config()).await;
    let token = format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": ["staff"] })));
    let answer = ask(&node, "GET /x HTTP/1.1", &[("Authorization", &token), ("Cookie", "a=b")]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "served by app-1"));
    assert_eq!((answer.field("set-cookie"), answer.field("x-added")), (None, Some("yes")));
    let seen = world.app.last();
    assert_eq!(seen.field("x-forwarded-user").as_deref(), Some("robot"));
    assert_eq!(seen.field("host").as_deref(), Some("app.localhost"));
    assert_ne!(seen.field("x-request-id").as_deref(), Some("7"));
    assert_eq!(
        (seen.field("x-saw-secrets").as_deref(), seen.field("x-consulted").as_deref()),
        (Some("no"), Some("yes"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_cors_answers_preflights_of_listed_origins_and_opens_nothing_else() {
    let world = World::new().await;
    let with =
        "{ origins: [\"https://page.example\"], methods: [GET, PUT], headers: [x-token], credentials: true }";
    let yaml = format!("{}extensions:\n  - {{ name: cors, with: {with} }}\n", world.config());
    let node = world.start(&yaml).await;
    let preflight = |origin| [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
    let listed = ask(&node, "OPTIONS /x HTTP/1.1", &preflight("https://page.example")).await;
    assert_eq!(
        (listed.status, listed.field("access-control-allow-origin")),
        (204, Some("https://page.example"))
    );
    assert_eq!(listed.field("access-control-allow-methods"), Some("GET, PUT"));
    assert_eq!(listed.field("access-control-allow-headers"), Some("x-token"));
    let other = ask(&node, "OPTIONS /x HTTP/1.1", &preflight("https://evil.example")).await;
    assert_eq!((other.status, other.field("access-control-allow-origin")), (401, None));
    // What is refused can be read by the listed page, and only by it; what is no preflight is decided as ever.
    for (origin, allowed) in
        [("https://page.example", Some("https://page.example")), ("https://evil.example", None)]
    {
        let refused = ask(&node, "PUT /x HTTP/1.1", &[("Origin", origin), ("Content-Length", "0")]).await;
        assert_eq!(
            (refused.status, refused.field("access-control-allow-origin")),
            (401, allowed),
            "{origin}"
        );
        let served = ask(&node, "GET /public/x HTTP/1.1", &[("Origin", origin)]).await;
        assert_eq!((served.status, served.field("access-control-allow-origin")), (200, allowed), "{origin}");
        assert_eq!(served.field("vary"), Some("Origin"));
    }
    assert_eq!(world.app.count(), 2);
}
