//! The operator's two doors: the address reads, the socket changes, and every error comes back.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use ostia_testkit::{Ostia, raw};
use serde_json::Value;

use crate::world::{BINARY, World};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stderr(output: &Output) -> String {
    text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_on_the_socket_alone() {
    let (_world, node, _) = World::with_node().await;
    let mode = std::fs::metadata(node.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for path in ["/reload", "/server"] {
        let post =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
        let answer = raw::send(node.admin_port(), post).await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
    let status: Value = serde_json::from_str(&node.succeeds(&["status", "--format", "json"]).await).unwrap();
    assert_eq!(
        (status["version"].as_u64(), status["readiness"]["state"].as_str()),
        (Some(1), Some("serving"))
    );
    let by_tcp = raw::get(node.admin_port(), "/status").await.unwrap();
    assert_eq!(by_tcp.json()["config_hash"], status["config_hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_tells_every_error_to_who_asked_for_it() {
    let (world, node, _) = World::with_node().await;
    let before = node.succeeds(&["status", "--format", "json"]).await;
    node.write_config(&(world.config() + "unknown_section: 1\n").replace("allow: anyone, ", ""));
    let refused = node.verb(&["reload"]).await;
    assert_eq!(refused.status.code(), Some(78));
    let told = stderr(&refused);
    assert!(told.contains("unknown_section") && told.contains("E1310"), "{told}");
    assert!(told.contains("the running one stays in force"), "{told}");
    let public = raw::get_host(node.port(), "app.localhost", "/public/x").await.unwrap();
    assert_eq!(public.status, 200);
    let more = "  - { name: new, host: app.localhost, path: /new/, allow: anyone, upstream: app }\n";
    node.write_config(&(world.config() + more));
    assert!(node.succeeds(&["reload"]).await.starts_with("configuration reloaded (hash "));
    let new = raw::get_host(node.port(), "app.localhost", "/new/x").await.unwrap();
    assert_eq!(new.status, 200, "in force before the command returns");
    assert_ne!(node.succeeds(&["status", "--format", "json"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_finds_the_socket_although_the_file_is_broken_and_says_when_nobody_answers() {
    let (_world, mut node, _) = World::with_node().await;
    let file = std::fs::read_to_string(node.config_file()).unwrap();
    std::fs::write(node.config_file(), format!("{file}\nunknown_section: 1\n")).unwrap();
    assert!(node.succeeds(&["status"]).await.contains("serving"));
    let unknown = node.verb(&["server", "drain", "nobody/127.0.0.1:1"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("there is no upstream `nobody`; there are: app"),
        "{}",
        stderr(&unknown)
    );
    let unknown = node.verb(&["server", "drain", "app/127.0.0.1:1"]).await;
    assert!(stderr(&unknown).contains("no server has the address `127.0.0.1:1`"), "{}", stderr(&unknown));
    node.kill();
    let gone = node.verb(&["status"]).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("is Ostia running"), "{}", stderr(&gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_does_not_take_the_socket_of_a_living_one_but_that_of_a_dead_one() {
    let (world, mut node, _) = World::with_node().await;
    let socket = node.socket();
    let config =
        format!("admin: {{ bind: \"<admin>\", socket: \"{}\" }}\n{}", socket.display(), world.config());
    let mut second = Ostia::spawn(BINARY, &config);
    assert_eq!(second.wait(Duration::from_secs(20)).await.code(), Some(1));
    let told = second.output().join("\n");
    assert!(told.contains("another process answers there already"), "{told}");
    assert!(node.succeeds(&["status"]).await.contains("serving"));
    // A kill leaves the file; its name is not lost by that.
    node.kill();
    assert!(socket.exists());
    let third = Ostia::start(BINARY, &config).await;
    assert!(third.succeeds(&["status"]).await.contains("serving"));
}
