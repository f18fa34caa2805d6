//! E4: a node that has no descriptor left goes on, tells so, blames nobody else, and serves when there are some again.

use std::process::Command;
use std::time::{Duration, Instant};

use ostia_testkit::{FaultUpstream, Ostia, eventually, raw};

use crate::upstream_connections::yaml;
use crate::world::BINARY;

const DEADLINE: Duration = Duration::from_secs(20);
/// What the process may open, its own files included.
const DESCRIPTORS: u32 = 96;
/// How long nothing can be opened: several times the interval of the checks below.
const SHORTAGE: Duration = Duration::from_secs(1);
const TEMPER: &str = "health_check: { path: /healthz, interval: 200ms, fast_interval: 100ms, fall: 1, rise: 1 }, \
                      outlier: { consecutive_failures: 1 }";

/// A node that may open so few descriptors.
async fn node(yaml: &str) -> Ostia {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\""), BINARY]);
    let mut node = Ostia::spawn_by(shell, yaml, None);
    node.until_ready().await;
    node
}

/// One more request on a connection that stands.
async fn ask(connection: &mut raw::Connection) -> raw::Answer {
    connection.send(b"GET /x HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
    connection.answer().await.expect("an answer")
}

fn lines_with(node: &Ostia, text: &str) -> usize {
    node.output().iter().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_a_node_goes_on_blames_nobody_and_serves_when_there_are_some_again() {
    let servers = [FaultUpstream::start("one").await, FaultUpstream::start("two").await];
    let mut node = node(&yaml(&[&servers[0], &servers[1]], TEMPER)).await;
    eventually("both servers are checked", DEADLINE, async || {
        (lines_with(&node, "server health changed") == 2).then_some(())
    })
    .await;
    let mut early = raw::Connection::open(node.port()).await.unwrap();
    let mut late = raw::Connection::open(node.port()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&mut early).await.status, 200, "from now on a connection to each server stands");
    }
    assert_eq!(ask(&mut late).await.status, 200);

    let mut crowd = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        crowd.push(raw::Connection::open(node.port()).await.unwrap());
    }
    eventually("the shortage is told", DEADLINE, async || {
        (lines_with(&node, "no connection can be accepted; raise LimitNOFILE") > 0).then_some(())
    })
    .await;
    let began = Instant::now();
    while began.elapsed() < SHORTAGE {
        assert_eq!(ask(&mut early).await.status, 200, "who is connected is served");
    }
    for held in &mut crowd[..2] {
        held.send(b"GET /silent HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await;
    }
    eventually("no connection to a server is idle", DEADLINE, async || {
        let heads = servers.iter().flat_map(FaultUpstream::heads);
        (heads.filter(|head| head.starts_with(b"GET /silent ")).count() == 2).then_some(())
    })
    .await;
    let refused = ask(&mut late).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &"out_of_sockets".into()));
    assert!(node.ended().is_none());

    drop(crowd);
    eventually("clients are served again", DEADLINE, async || {
        let answer = raw::get_host(node.port(), "app.localhost", "/x").await;
        answer.is_some_and(|answer| answer.status == 200).then_some(())
    })
    .await;
    let metrics = node.metrics().await;
    assert!(metrics.sum("ostia_connections_accept_errors_total", &[("listener", "http")]) >= 1.0);
    assert_eq!(metrics.sum("ostia_http_requests_failed_total", &[("reason", "out_of_sockets")]), 1.0);
    let status = raw::get(node.admin_port(), "/status").await.unwrap().json();
    for server in status["upstreams"]["app"]["servers"].as_array().unwrap() {
        assert_eq!(server["state"], "serving", "{server}");
        assert_eq!((&server["failures"], &server["ejections"]), (&0.into(), &0.into()), "{server}");
    }
    assert_eq!(lines_with(&node, "server health changed"), 2, "a check that could not be sent says nothing");
}
