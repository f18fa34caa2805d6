//! The real proxies in front, with the configurations of `docs/how-to/keep-your-proxy-in-front.md` as they stand there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ostia_testkit::{Browser, Process, eventually, free_port, raw};
use serde_json::json;

use super::{LISTENERS, ask, node_of};
use crate::world::{APP, World, signed_in};

const PAGE: &str = include_str!("../../../../../docs/how-to/keep-your-proxy-in-front.md");
const DEADLINE: Duration = Duration::from_secs(30);

/// Who is where.
struct Places {
    folder: PathBuf,
    /// Where the proxy listens.
    port: u16,
    ostia: u16,
    app: String,
}

impl Places {
    /// A block of the page, by its section and its number there, with our addresses in the place of the page's.
    fn documented(&self, section: &str, number: usize, more: &[(&str, &str)]) -> String {
        let sections = PAGE.split("\n## ").find(|text| text.lines().next() == Some(section));
        let block = sections.unwrap().split("```").nth(2 * number + 1).unwrap();
        let text = block.split_once('\n').unwrap().1.to_owned();
        more.iter().fold(text, |text, (theirs, ours)| {
            assert!(text.contains(theirs), "{section}: {theirs} is not on the page");
            text.replace(theirs, ours)
        })
    }

    fn ostia(&self) -> String {
        format!("127.0.0.1:{}", self.ostia)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    }
}

/// A program that `make test-deps` installs as a Python package.
fn installed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools").join(name).join("bin").join(name)
}

fn start(command: &mut Command) -> Process {
    Process::spawn(command, "`make test-deps` installs it.")
}

fn nginx(places: &Places) -> Process {
    let folder = places.folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    let around = places.documented("NGINX", 0, &[]);
    let server =
        places.documented("NGINX", 1, &[("ostia:8080", &places.ostia()), ("application:8080", &places.app)]);
    let file = places.write(
        "nginx.conf",
        &format!(
            "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n  access_log off;\n{temporary}{around}\
             server {{\n    listen 127.0.0.1:{};\n{server}}}\n}}\n",
            places.port
        ),
    );
    start(Command::new("/usr/sbin/nginx").arg("-e").arg("stderr").arg("-c").arg(file))
}

fn caddy(places: &Places) -> Process {
    let routes =
        places.documented("Caddy", 0, &[("ostia:8080", &places.ostia()), ("application:8080", &places.app)]);
    let file = places.write(
        "Caddyfile",
        &format!(
            "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://app.localhost:{} {{\n\tbind 127.0.0.1\n{routes}}}\n",
            places.port
        ),
    );
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(home, &places.folder);
    }
    start(&mut command)
}

fn traefik(places: &Places) -> Process {
    let dynamic = places.documented(
        "Traefik",
        1,
        &[("ostia:8080", &places.ostia()), ("application:8080", &places.app)],
    );
    let dynamic = places.write("ostia.yml", &dynamic);
    let listen = format!("127.0.0.1:{}", places.port);
    let fixed = places.documented(
        "Traefik",
        0,
        &[(":80\"", &format!("{listen}\"")), ("/etc/traefik/ostia.yml", &dynamic.display().to_string())],
    );
    // It asks nobody on the network.
    let fixed = fixed + "global: { checkNewVersion: false, sendAnonymousUsage: false }\n";
    let file = places.write("traefik.yml", &fixed);
    start(Command::new(installed("traefik")).arg(format!("--configFile={}", file.display())))
}

fn envoy(places: &Places) -> Process {
    let (app, app_port) = places.app.rsplit_once(':').unwrap();
    let socket = |address: &str, port: &str| format!("address: {address}, port_value: {port} }}");
    let text = places.documented(
        "Envoy",
        0,
        &[
            (&socket("0.0.0.0", "80"), &socket("127.0.0.1", &places.port.to_string())),
            (&socket("ostia", "8080"), &socket("127.0.0.1", &places.ostia.to_string())),
            (&socket("application", "8080"), &socket(app, app_port)),
        ],
    );
    let file = places.write("envoy.yaml", &text);
    start(
        Command::new(installed("envoy"))
            .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn", "--config-path"])
            .arg(file),
    )
}

/// Whether a proxy hands `Set-Cookie` of a 2xx to the browser.
#[derive(PartialEq, Eq)]
enum CookiesOfGrants {
    HandedOn,
    Kept,
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_and_people_sign_in_through_it() {
    decides_for(nginx, CookiesOfGrants::HandedOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_asks_and_people_sign_in_through_it() {
    decides_for(caddy, CookiesOfGrants::Kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_asks_and_people_sign_in_through_it() {
    decides_for(traefik, CookiesOfGrants::HandedOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_asks_and_people_sign_in_through_it() {
    decides_for(envoy, CookiesOfGrants::HandedOn).await;
}

/// What whoever asks Ostia does with its answers, for machines and for a person from the first click to the page.
async fn decides_for(proxy: fn(&Places) -> Process, cookies: CookiesOfGrants) {
    let world = World::new().await;
    let node = node_of(&world, LISTENERS).await;
    let port = free_port();
    let folder = world.shared.path().to_owned();
    let mut process = proxy(&Places { folder, port, ostia: node.port(), app: world.app.address() });
    eventually("the proxy listens", DEADLINE, async || {
        assert!(
            process.ended().is_none(),
            "it ended:\n{}\n{}",
            process.stdout().join("\n"),
            process.stderr().join("\n")
        );
        raw::Connection::open(port).await
    })
    .await;
    // A port may be open before what stands behind it is.
    eventually("the proxy serves", DEADLINE, async || {
        ask(port, "GET /public/first HTTP/1.1", &[]).await.status.eq(&200).then_some(())
    })
    .await;
    strangers_reach_nothing(port, &world).await;
    machines_are_decided_about(port, &world).await;
    no_path_is_read_in_two_ways(port, &world).await;
    nobody_asks_from_outside(port, &world).await;
    people_sign_in(port, &world).await;
    if cookies == CookiesOfGrants::HandedOn {
        refreshed_sessions_reach_the_browser(&world).await;
    }
    drop(node);
    let before = world.app.count();
    let unasked = ask(port, "GET /public/x HTTP/1.1", &[]).await;
    assert!(unasked.status >= 400, "{}", unasked.status);
    assert_eq!(world.app.count(), before, "nobody comes in without an answer of Ostia");
}

/// Without a proof: nothing reaches the application, whatever a client claims about what it asks for.
async fn strangers_reach_nothing(port: u16, world: &World) {
    let before = world.app.count();
    for spoof in [
        ("X-Original-URI", "/public/x"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/public/x"),
        ("X-Forwarded-Method", "OPTIONS"),
        ("X-Forwarded-User", "mallory"),
    ] {
        let answer = ask(port, "GET /x HTTP/1.1", &[spoof]).await;
        assert!([400, 401].contains(&answer.status), "{spoof:?}: {}", answer.status);
        assert_eq!(world.app.count(), before, "{spoof:?}");
    }
    for name in ["X-Forwarded-User", "x_forwarded_user", "X-Forwarded_User", "X_Forwarded-User"] {
        let open = ask(port, "GET /public/x HTTP/1.1", &[(name, "mallory")]).await;
        assert_eq!(open.status, 200);
        let told = world.app.last().fields_like("x-forwarded-user");
        assert!(told.iter().all(|(_, value)| value.is_empty()), "{}", world.app.last().head);
    }
}

fn robot(world: &World) -> String {
    format!("Bearer {}", world.provider.access_token("robot", json!({ "groups": ["staff"] })))
}

async fn machines_are_decided_about(port: u16, world: &World) {
    let robot = robot(world);
    let answer = ask(port, "GET /x?y=%2F HTTP/1.1", &[("Authorization", &robot)]).await;
    assert_eq!((answer.status, world.app.last().target()), (200, "/x?y=%2F"));
    // The client's own word is replaced, not joined.
    let fields =
        [("Authorization", &*robot), ("X-Forwarded-User", "mallory"), ("x_forwarded_user", "mallory")];
    assert_eq!(ask(port, "GET /x HTTP/1.1", &fields).await.status, 200);
    let told: Vec<String> =
        world.app.last().fields_like("x-forwarded-user").into_iter().map(|(_, value)| value).collect();
    assert_eq!(told, ["robot"]);
    let body = "b".repeat(100_000);
    let post = format!(
        "POST /x HTTP/1.1\r\nHost: app.localhost\r\nAuthorization: {robot}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(raw::send(port, post).await.unwrap().status, 200);
    let seen = world.app.last();
    let arrived = seen.body.iter().filter(|&&byte| byte == b'b').count();
    assert_eq!((seen.head.split(' ').next(), arrived), (Some("POST"), body.len()));
    let before = world.app.count();
    assert_eq!(ask(port, "GET /finance/x HTTP/1.1", &[("Authorization", &robot)]).await.status, 403);
    assert_eq!(world.app.count(), before);
}

/// Whatever the proxy, Ostia and the application make of a path: who may not enter /finance/ does not.
async fn no_path_is_read_in_two_ways(port: u16, world: &World) {
    let before = world.app.count();
    let robot = robot(world);
    for path in [
        "/public/../finance/x",
        "/public/%2e%2e/finance/x",
        "/public/%2E./finance/x",
        "/public/..%2ffinance/x",
        "/public/%2e%2e%2ffinance%2fx",
        "/public/%252e%252e/finance/x",
        "/public/..;/finance/x",
        "/public\\..\\finance\\x",
        "/public/..%5cfinance%5cx",
        "/public//../finance/x",
        "//finance/x",
        "/x/..//finance/x",
        "/./finance/x",
        "/%66inance/x",
        "/finance%2fx",
        "/finance/./x",
        "/finance//x",
        "/finance/x?/public/x",
        "/public/x#/../../finance/x",
        "/.ostia/../finance/x",
        "/.ostia/%2e%2e/finance/x",
        "/.ostia//../../finance/x",
        "/.ostia/login/../../finance/x",
        "http://app.localhost/finance/x",
        "http://app.localhost/public/../finance/x",
    ] {
        for fields in [&[][..], &[("Authorization", &*robot)]] {
            ask(port, &format!("GET {path} HTTP/1.1"), fields).await;
        }
    }
    for seen in world.app.seen().iter().skip(before) {
        assert!(!leads_to_finance(seen.target()), "{}", seen.head);
    }
}

/// How the most generous application would read a target: decoded, with every separator, resolved.
fn leads_to_finance(target: &str) -> bool {
    let path =
        target.split_once("://").map_or(target, |(_, rest)| &rest[rest.find('/').unwrap_or(rest.len())..]);
    let path = path.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace("%66", "f");
    let mut parts = Vec::new();
    for part in path.split(['/', '\\']) {
        match part.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts.first().is_some_and(|first| first == "finance") && parts.len() > 1
}

#[test]
fn the_generous_reading_finds_what_is_hidden() {
    for target in [
        "/finance/x",
        "/public/..%2Ffinance/x",
        "//a/../finance;y/x",
        "http://h/.\\FINANCE\\x?y",
        "/%66inance/x",
    ] {
        assert!(leads_to_finance(target), "{target}");
    }
    for target in
        ["/public/x?/finance/x", "/public/finance/x", "/finance", "/public/%252e%252e/finance/x", "http://h"]
    {
        assert!(!leads_to_finance(target), "{target}");
    }
}

/// Clients get nothing at `/.ostia/verify`, although the one who hands their request on is believed.
async fn nobody_asks_from_outside(port: u16, world: &World) {
    let robot = robot(world);
    let told = [
        [("Authorization", &*robot), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/x")],
        [("Authorization", &*robot), ("X-Original-Method", "GET"), ("X-Original-URI", "/x")],
    ];
    for path in ["/.ostia/verify", "/.ostia/verify/x", "/.ostia/./verify/x", "/.ostia//verify/x"] {
        for fields in &told {
            let answer = ask(port, &format!("GET {path} HTTP/1.1"), fields).await;
            assert!([400, 403, 404].contains(&answer.status), "{path}: {}", answer.status);
            assert_eq!(answer.field("x-forwarded-user"), None, "{path}");
        }
    }
}

async fn people_sign_in(port: u16, world: &World) {
    world.names.set("app.localhost", port);
    let browser = Browser::new(&world.names);
    signed_in(&browser, "/x?after=login").await;
    assert_eq!(world.app.last().field("x-forwarded-user").as_deref(), Some("ana"));
    assert_eq!(browser.fetch(&format!("{APP}/finance/x")).await.status, 200);
    let page = browser.fetch(&format!("{APP}/.ostia/whoami")).await;
    assert_eq!(page.status, 200, "{}", page.text());
}

/// A session that is refreshed while the proxy asks arrives where it belongs.
async fn refreshed_sessions_reach_the_browser(world: &World) {
    let browser = Browser::new(&world.names);
    // Tokens are refreshed in the last half of their life.
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 4);
    let at = Instant::now();
    signed_in(&browser, "/x").await;
    world.provider.behave(|behaviour| behaviour.access_token_seconds = 600);
    let session =
        || browser.cookies().into_iter().find(|cookie| cookie.name == "__Host-ostia").unwrap().value;
    let old = session();
    eventually("the token is about to end", DEADLINE, async || {
        (at.elapsed() > Duration::from_millis(2200)).then_some(())
    })
    .await;
    eventually("the refresh reaches the browser", DEADLINE, async || {
        assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
        (session() != old).then_some(())
    })
    .await;
    assert_eq!(browser.refused_cookies(), Vec::<String>::new());
    assert_eq!(browser.fetch(&format!("{APP}/x")).await.status, 200);
    assert_eq!(world.provider.token_calls("refresh_token"), 1);
}
