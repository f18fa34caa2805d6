//! O3: a new binary takes over without a connection refused or a request failed; sockets of systemd survive restarts.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ostia_testkit::{Ostia, eventually, raw};
use tokio::task::JoinHandle;

use crate::world::{BINARY, World, request, signed_in};

const DEADLINE: Duration = Duration::from_secs(40);
/// How often a process is replaced by the next one: the number of the promise.
const TIMES: usize = 20;

/// Clients that connect anew for each request; nothing may fail.
struct Load {
    done: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    fn on(port: u16) -> Self {
        let (done, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..4).map(|client| {
            let (done, served) = (Arc::clone(&done), Arc::clone(&served));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let line = format!("GET /public/{client} HTTP/1.1");
                    let mut connection = raw::Connection::open(port).await.expect("nobody is refused");
                    connection.send(request(&line, &[("Connection", "close")]).as_bytes()).await;
                    let answer = connection.answer().await.expect("every request is answered");
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    served.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        Self { clients: clients.collect(), done, served }
    }

    /// Waits for so many more requests.
    async fn goes_on(&self, more: u64) {
        let goal = self.served.load(Ordering::SeqCst) + more;
        eventually("requests are served", DEADLINE, async || {
            let failed = self.clients.iter().any(JoinHandle::is_finished);
            assert!(!failed, "a client failed");
            (self.served.load(Ordering::SeqCst) >= goal).then_some(())
        })
        .await;
    }

    async fn end(self) -> u64 {
        self.done.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.await.unwrap();
        }
        self.served.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_under_load_refuse_nobody_and_fail_no_request() {
    let (world, mut node, browser) = World::with_node().await;
    signed_in(&browser, "/").await;
    let load = Load::on(node.port());
    for _ in 0..TIMES {
        load.goes_on(20).await;
        node.upgrade(DEADLINE).await;
        load.goes_on(20).await;
        assert_eq!(browser.open("http://app.localhost/x").await.status, 200, "the session goes on");
    }
    assert!(load.end().await >= 800);
    eventually("the first process has left", DEADLINE, async || node.ended().map(|_| ())).await;
    assert_eq!(node.ended().and_then(|status| status.code()), Some(0));
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_during_an_upgrade_is_finished_by_the_process_that_began_it() {
    let (world, mut node, mut slow) = World::with_request_in_flight().await;
    node.upgrade(DEADLINE).await;
    assert_eq!(raw::send(node.port(), request("GET /public/x HTTP/1.1", &[])).await.unwrap().status, 200);
    assert_eq!(node.admin_status("/readyz").await, Some(200), "the successor answers");
    assert!(node.ended().is_none(), "the old process still has a request");
    drains(&node).await;
    world.app.release(1);
    let answer = slow.answer().await.unwrap();
    // Else the client would ask again on a connection that is closed at that moment.
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    eventually("the old process leaves", DEADLINE, async || node.ended().map(|_| ())).await;
}

/// Waits until the old process has begun to leave.
async fn drains(node: &Ostia) {
    eventually("the old process drains", DEADLINE, async || {
        node.output().iter().any(|line| line.contains("\"draining\"")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_is_answered_once_more_after_an_upgrade_and_told_to_go() {
    let (_world, mut node, _) = World::with_node().await;
    let mut kept = raw::Connection::open(node.port()).await.unwrap();
    let asked = request("GET /public/x HTTP/1.1", &[]);
    kept.send(asked.as_bytes()).await;
    assert_eq!(kept.answer().await.unwrap().field("connection"), Some("keep-alive"));
    node.upgrade(DEADLINE).await;
    drains(&node).await;
    kept.send(asked.as_bytes()).await;
    let last = kept.answer().await.unwrap();
    assert_eq!((last.status, last.field("connection")), (200, Some("close")));
    eventually("the old process leaves", DEADLINE, async || node.ended().map(|_| ())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_leaves_the_old_process_serving() {
    let (world, mut node, _) = World::with_node().await;
    let load = Load::on(node.port());
    load.goes_on(20).await;
    let good = std::fs::read_to_string(node.config_file()).unwrap();
    std::fs::write(node.config_file(), "routes: [").unwrap();
    node.signal("USR2");
    eventually("the failure is told", DEADLINE, async || {
        node.output()
            .iter()
            .any(|line| line.contains("the upgrade failed") && line.contains("successor_ended"))
            .then_some(())
    })
    .await;
    load.goes_on(50).await;
    assert!(node.ended().is_none());
    std::fs::write(node.config_file(), good).unwrap();
    node.upgrade(DEADLINE).await;
    load.goes_on(50).await;
    load.end().await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upgrade_verb_answers_when_the_new_process_serves() {
    let world = World::new().await;
    let yaml = "admin: { bind: \"<admin>\", socket: <dir>/run/admin.sock }\n".to_owned() + &world.config();
    let mut node = world.start(&yaml).await;
    for _ in 0..2 {
        let file = node.config_file();
        let ran = tokio::task::spawn_blocking(move || {
            Command::new(BINARY).arg("upgrade").arg("-c").arg(file).output().unwrap()
        });
        let ran = ran.await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(0), "{said}");
        assert!(said.contains("serves now"), "{said}");
        assert_eq!(raw::send(node.port(), request("GET /public/x HTTP/1.1", &[])).await.unwrap().status, 200);
    }
    eventually("the first process has left", DEADLINE, async || node.ended().map(|_| ())).await;
}

/// Starts the binary as systemd does: the socket is descriptor 3.
fn activated(node_yaml: &str, socket: &TcpListener, notify: &std::path::Path) -> Ostia {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"", BINARY]);
    shell.env("NOTIFY_SOCKET", notify);
    Ostia::spawn_by(shell, node_yaml, Some(socket.try_clone().unwrap().into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_socket_of_systemd_a_restart_refuses_nobody() {
    let world = World::new().await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let listeners = format!("listeners:\n  http: {{ bind: \"127.0.0.1:{port}\" }}\n");
    let yaml = listeners + &world.config();
    let path = world.shared.path().join("notify");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(DEADLINE)).unwrap();
    // Read as systemd does, up to the silence after the test.
    std::thread::spawn(move || while notify.recv(&mut [0; 1024]).is_ok() {});
    let mut node = activated(&yaml, &socket, &path);
    node.until_ready().await;
    let load = Load::on(port);
    for _ in 0..TIMES {
        load.goes_on(20).await;
        node.signal("TERM");
        assert_eq!(node.wait(DEADLINE).await.code(), Some(0));
        node = activated(&yaml, &socket, &path);
    }
    load.goes_on(20).await;
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_that_does_not_read_keeps_nobody_from_serving_reloading_and_leaving() {
    let world = World::new().await;
    let path = world.shared.path().join("notify");
    let _unread = UnixDatagram::bind(&path).unwrap();
    let full = UnixDatagram::unbound().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.send_to(b"X=1", &path).is_ok() {}
    let mut command = Command::new(BINARY);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let mut node = Ostia::spawn_by(command, &world.config(), None);
    node.until_ready().await;
    node.signal("HUP");
    eventually("it reloads", DEADLINE, async || {
        (node.metrics().await.sum("ostia_config_reloads_total", &[("outcome", "applied")]) > 0.0)
            .then_some(())
    })
    .await;
    assert!(node.output().iter().any(|line| line.contains("whoever set NOTIFY_SOCKET does not read it")));
    node.signal("TERM");
    assert_eq!(node.wait(DEADLINE).await.code(), Some(0));
}

/// What systemd was told, up to a message that has this line.
fn told_until(notify: &UnixDatagram, line: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let read = notify.recv(&mut buffer).unwrap();
        lines.extend(String::from_utf8_lossy(&buffer[..read]).lines().map(str::to_owned));
        if lines.iter().any(|told| told == line) {
            return lines;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_of_start_reload_watchdog_upgrade_and_stop() {
    let world = World::new().await;
    let path = world.shared.path().join("notify");
    let notify = UnixDatagram::bind(&path).unwrap();
    notify.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = Command::new(BINARY);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    let mut node = Ostia::spawn_by(command, &world.config(), None);
    let hear = |line: &'static str| {
        let notify = notify.try_clone().unwrap();
        tokio::task::spawn_blocking(move || told_until(&notify, line))
    };
    hear("READY=1").await.unwrap();
    node.until_ready().await;
    hear("WATCHDOG=1").await.unwrap();
    node.signal("HUP");
    let told = hear("RELOADING=1").await.unwrap();
    assert!(told.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{told:?}");
    hear("READY=1").await.unwrap();
    let successor = node.upgrade(DEADLINE).await;
    let told = hear("READY=1").await.unwrap();
    assert!(told.contains(&format!("MAINPID={successor}")), "{told:?}");
    eventually("the old process leaves", DEADLINE, async || node.ended().map(|_| ())).await;
    hear("WATCHDOG=1").await.unwrap();
    node.signal_successor("TERM");
    let told = hear("STOPPING=1").await.unwrap();
    assert_eq!(told.iter().filter(|line| *line == "STOPPING=1").count(), 1, "{told:?}");
}
