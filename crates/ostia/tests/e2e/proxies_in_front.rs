//! `/.ostia/verify`: the same decision for proxies that ask before they forward by themselves.

use std::process::Command;
use std::time::Duration;

use ostia_testkit::{Browser, Ostia, Process, eventually, free_port, raw};
use serde_json::json;

use crate::world::{APP, POLICIES, ROUTES, World, signed_in};

const LISTENERS: &str = "listeners:\n  http: { bind: \"<listen>\", trusted_proxies: [127.0.0.1/32] }\n";

async fn node_of(world: &World, listeners: &str) -> Ostia {
    let parts = [listeners, &world.provider_section(), POLICIES, &world.upstream_section(), ROUTES];
    world.start(&parts.concat()).await
}

async fn ask(port: u16, line: &str, fields: &[(&str, &str)]) -> raw::Answer {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    raw::send(port, format!("{line}\r\nHost: app.localhost\r\n{fields}\r\n")).await.unwrap()
}

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

/// The configuration of the how-to page, with addresses.
fn nginx_config(folder: &str, listen: u16, ostia: u16, app: &str) -> String {
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n  \
         uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n  \
         server {{\n    listen 127.0.0.1:{listen};\n    absolute_redirect off;\n    \
         location / {{\n      auth_request /ask-ostia;\n      \
         auth_request_set $user $upstream_http_x_forwarded_user;\n      \
         auth_request_set $sign_in $upstream_http_location;\n      \
         error_page 401 = @sign_in;\n      \
         proxy_set_header Host $host;\n      proxy_set_header X-Forwarded-User $user;\n      \
         proxy_pass http://{app};\n    }}\n    \
         location = /ask-ostia {{\n      internal;\n      proxy_pass http://127.0.0.1:{ostia}/.ostia/verify;\n      \
         proxy_pass_request_body off;\n      proxy_set_header Content-Length \"\";\n      \
         proxy_set_header Host $host;\n      proxy_set_header X-Forwarded-For $remote_addr;\n      \
         proxy_set_header X-Forwarded-Proto $scheme;\n      \
         proxy_set_header X-Original-Method $request_method;\n      proxy_set_header X-Original-URI $request_uri;\n      \
         proxy_set_header X-Forwarded-Method \"\";\n      proxy_set_header X-Forwarded-Uri \"\";\n    }}\n    \
         location /.ostia/ {{\n      proxy_pass http://127.0.0.1:{ostia};\n      proxy_set_header Host $host;\n      \
         proxy_set_header X-Forwarded-For $remote_addr;\n      proxy_set_header X-Forwarded-Proto $scheme;\n    }}\n    \
         location @sign_in {{\n      if ($sign_in = \"\") {{ return 401; }}\n      return 302 $sign_in;\n    }}\n  }}\n}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_and_people_sign_in_through_it() {
    let world = World::new().await;
    let node = node_of(&world, LISTENERS).await;
    let folder = world.shared.path().display().to_string();
    let port = free_port();
    let file = world.shared.path().join("nginx.conf");
    std::fs::write(&file, nginx_config(&folder, port, node.port(), &world.app.address())).unwrap();
    let nginx = Process::spawn(
        Command::new("/usr/sbin/nginx").arg("-e").arg("stderr").arg("-c").arg(&file),
        "`make test-deps` installs nginx.",
    );
    decides_for(port, &world).await;
    drop(nginx);
}

/// What whoever asks Ostia does with its answers, for machines and for a person from the first click to the page.
async fn decides_for(port: u16, world: &World) {
    eventually("the proxy listens", Duration::from_secs(20), async || raw::Connection::open(port).await)
        .await;
    // Without a proof: nothing reaches the application, whatever a client claims about what it asks for.
    for spoof in
        [("X-Original-URI", "/public/x"), ("X-Forwarded-Uri", "/public/x"), ("X-Forwarded-User", "mallory")]
    {
        let answer = ask(port, "GET /x HTTP/1.1", &[spoof]).await;
        assert!([400, 401].contains(&answer.status), "{spoof:?}: {}", answer.status);
        assert_eq!(world.app.count(), 0, "{spoof:?}");
    }
    for name in ["X-Forwarded-User", "x_forwarded_user"] {
        let open = ask(port, "GET /public/x HTTP/1.1", &[(name, "mallory")]).await;
        assert_eq!(open.status, 200);
        let told = world.app.last().fields_like("x-forwarded-user");
        assert!(told.iter().all(|(_, value)| value.is_empty()), "{}", world.app.last().head);
    }
    let robot = format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": ["staff"] })));
    let answer = ask(port, "GET /x?y=%2F HTTP/1.1", &[("Authorization", &robot)]).await;
    assert_eq!((answer.status, world.app.last().target()), (200, "/x?y=%2F"));
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("robot"));
    assert_eq!(ask(port, "GET /finance/x HTTP/1.1", &[("Authorization", &robot)]).await.status, 403);
    world.names.set("app.localhost", port);
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/x?after=login").await;
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("ana"));
    assert_eq!(browser.fetch(&format!("{APP}/finance/x")).await.status, 200);
}

/// The configuration of the how-to page, with addresses.
fn caddyfile(listen: u16, ostia: u16, app: &str) -> String {
    format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://app.localhost:{listen} {{\n\tbind 127.0.0.1\n\t\
         handle /.ostia/* {{\n\t\treverse_proxy 127.0.0.1:{ostia}\n\t}}\n\t\
         handle {{\n\t\troute {{\n\t\t\t\
         request_header -X-Forwarded-User\n\t\t\t\
         request_header -X_*\n\t\t\t\
         forward_auth 127.0.0.1:{ostia} {{\n\t\t\t\turi /.ostia/verify\n\t\t\t\t\
         copy_headers X-Forwarded-User\n\t\t\t}}\n\t\t\t\
         reverse_proxy {app}\n\t\t}}\n\t}}\n}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_asks_and_people_sign_in_through_it() {
    let world = World::new().await;
    let node = node_of(&world, LISTENERS).await;
    let port = free_port();
    let file = world.shared.path().join("Caddyfile");
    std::fs::write(&file, caddyfile(port, node.port(), &world.app.address())).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(home, world.shared.path());
    }
    let caddy = Process::spawn(&mut command, "`make test-deps` installs caddy.");
    decides_for(port, &world).await;
    drop(caddy);
}
