//! S-faults: one of two servers is killed, stopped, slow, flapping, resetting or talking nonsense while requests come in.
//! Idempotent ones all succeed.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ostia_testkit::{FaultUpstream, Ostia, Process, eventually, free_port, raw};

use crate::world::BINARY;

const CLIENTS: usize = 6;
/// Set for the process that is a server.
const SERVER: &str = "OSTIA_TEST_SERVER_PORT";

/// No test: the process that [`Server`] starts, so that a server can be killed and stopped.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is a server for the other tests"]
async fn is_a_server() {
    let Some(port) = std::env::var(SERVER).ok().and_then(|port| port.parse().ok()) else { return };
    let _server = FaultUpstream::at("process", port, None).await;
    std::future::pending().await
}

/// A server in a process of its own.
struct Server {
    port: u16,
    process: Process,
}

impl Server {
    async fn start(port: u16) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "server_faults::is_a_server", "--ignored", "--nocapture"]);
        let process = Process::spawn(command.env(SERVER, port.to_string()), "It is this test's own binary.");
        eventually("the server listens", Duration::from_secs(20), async || raw::get(port, "/x").await).await;
        Self { port, process }
    }
}

/// Requests that come in without a pause.
struct Load {
    goes_on: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    failed: Arc<std::sync::Mutex<Vec<String>>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(node: &Ostia) -> Self {
        let load = Self {
            goes_on: Arc::new(AtomicBool::new(true)),
            done: Arc::default(),
            failed: Arc::default(),
            clients: Vec::new(),
        };
        let client = |number: usize| {
            let (port, goes_on) = (node.port(), Arc::clone(&load.goes_on));
            let (done, failed) = (Arc::clone(&load.done), Arc::clone(&load.failed));
            tokio::spawn(async move {
                let methods = ["GET", "HEAD", "PUT", "DELETE"];
                for round in number.. {
                    if !goes_on.load(SeqCst) {
                        return;
                    }
                    let method = methods[round % methods.len()];
                    let body = if method == "PUT" { "Content-Length: 4\r\n\r\nbody" } else { "\r\n" };
                    let head =
                        format!("{method} /x HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n{body}");
                    let answer = raw::send(port, head).await;
                    done.fetch_add(1, SeqCst);
                    let status = answer.as_ref().map_or(0, |answer| answer.status);
                    if status != 200 {
                        let text = answer.map(|answer| answer.text()).unwrap_or_default();
                        failed.lock().unwrap().push(format!("{method} {status} {text}"));
                    }
                }
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self { clients, ..load }
    }

    /// Lets so many more requests come in.
    async fn pass(&self, count: usize) {
        let until = self.done.load(SeqCst) + count;
        eventually("requests are answered", Duration::from_secs(60), async || {
            (self.done.load(SeqCst) >= until).then_some(())
        })
        .await;
    }

    /// Ends it; every request must have succeeded.
    async fn end(self, fault: &str) {
        self.goes_on.store(false, SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
        let failed = self.failed.lock().unwrap();
        assert!(
            failed.is_empty(),
            "{fault}: {} of {} failed: {failed:?}",
            failed.len(),
            self.done.load(SeqCst)
        );
    }
}

async fn node(ports: [u16; 2]) -> Ostia {
    let yaml = format!(
        "upstreams:\n  app:\n    servers: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]\n    \
         health_check: {{ path: /healthz, interval: 300ms, timeout: 2s, rise: 2, fall: 3 }}\n    \
         outlier: {{ consecutive_failures: 3, eject: 1s, max_ejected: 50% }}\n    \
         retry: {{ attempts: 2, on_error: [connect, reset, timeout, \"503\"], per_try_timeout: 700ms }}\n    \
         timeouts: {{ connect: 2s, first_byte: 20s, between_bytes: 20s }}\n\
         routes:\n  - {{ name: app, host: app.localhost, allow: anyone, upstream: app }}\n",
        ports[0], ports[1]
    );
    let node = Ostia::start(BINARY, &yaml).await;
    // A budget is a share of what came before.
    let load = Load::start(&node);
    load.pass(300).await;
    load.end("no fault").await;
    node
}

/// Requests that a node sent to a server so far.
async fn requests_at(node: &Ostia, port: u16) -> u64 {
    let servers = node.servers("app").await;
    let server = servers.iter().find(|server| server["address"] == format!("127.0.0.1:{port}"));
    server.and_then(|server| server["requests"].as_u64()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_fails_no_idempotent_request() {
    let (mut one, two) = (Server::start(free_port()).await, Server::start(free_port()).await);
    let node = node([one.port, two.port]).await;
    let load = Load::start(&node);
    load.pass(100).await;
    // Three times: it flaps.
    for _ in 0..3 {
        one.process.kill();
        load.pass(200).await;
        one = Server::start(one.port).await;
        let before = requests_at(&node, one.port).await;
        eventually("it has its share again", Duration::from_secs(10), async || {
            (requests_at(&node, one.port).await > before + 5).then_some(())
        })
        .await;
        load.pass(100).await;
    }
    load.end("kill").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stopped_under_load_fails_no_idempotent_request() {
    let (one, two) = (Server::start(free_port()).await, Server::start(free_port()).await);
    let node = node([one.port, two.port]).await;
    let load = Load::start(&node);
    load.pass(100).await;
    let began = Instant::now();
    one.process.signal("STOP");
    load.pass(300).await;
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    one.process.signal("CONT");
    load.pass(200).await;
    load.end("stop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_resets_or_talks_nonsense_fails_no_idempotent_request() {
    let (one, two) = (FaultUpstream::start("one").await, FaultUpstream::start("two").await);
    let port = |server: &FaultUpstream| server.address().rsplit(':').next().unwrap().parse().unwrap();
    let node = node([port(&one), port(&two)]).await;
    for fault in ["reset", "garbage", "hangup", "status/503", "slow/1500", "silent"] {
        let load = Load::start(&node);
        load.pass(50).await;
        one.answer_as_if_asked_for(fault);
        load.pass(150).await;
        one.answer_as_if_asked_for("");
        load.pass(50).await;
        load.end(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_idempotent_is_never_done_twice_under_faults() {
    let (one, two) = (FaultUpstream::start("one").await, FaultUpstream::start("two").await);
    let port = |server: &FaultUpstream| server.address().rsplit(':').next().unwrap().parse().unwrap();
    let node = node([port(&one), port(&two)]).await;
    let (mut sent, mut failed) = (0, 0);
    for fault in ["reset", "garbage", "hangup", "status/503"] {
        one.answer_as_if_asked_for(fault);
        for _ in 0..20 {
            let body = format!("order {sent}");
            let head = "POST /x HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\n";
            let answer = raw::send(
                node.port(),
                format!("{head}Content-Length: {}\r\nX-Order: {sent}.\r\n\r\n{body}", body.len()),
            )
            .await;
            failed += usize::from(answer.is_none_or(|answer| answer.status != 200));
            sent += 1;
        }
    }
    let heads: Vec<String> = [&one, &two]
        .iter()
        .flat_map(|server| server.heads())
        .map(|head| String::from_utf8_lossy(&head).into_owned())
        .collect();
    for order in 0..sent {
        let times = heads.iter().filter(|head| head.contains(&format!("X-Order: {order}.\r\n"))).count();
        assert!(times <= 1, "order {order} arrived {times} times");
    }
    assert!(failed > 0, "the faults were felt");
}
