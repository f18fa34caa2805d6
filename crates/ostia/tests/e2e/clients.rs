//! E2: other people's clients against the real binary: curl, h2load, wrk, and the WebSocket and gRPC libraries
//! of Python.
//! `make test-deps` installs them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ostia_testkit::{Authority, Ostia, ScriptedUpstream, free_port};
use tokio::process::Command;

/// Runs a client and returns what it wrote.
async fn run(program: &str, arguments: &[&str]) -> String {
    let client = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output =
        tokio::time::timeout(Duration::from_secs(90), client).await.expect("the client ends in time");
    let output = output.expect("the client starts; `make test-deps` installs it");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}", output.status);
    text
}

/// A plain and a TLS listener, both for both protocols; the port of the latter, and the file of its authority.
fn listeners(folder: &Path) -> (String, u16, String) {
    let authority = Authority::new();
    let issued = authority.issue(folder, &["localhost"]);
    let root = folder.join("root.pem");
    std::fs::write(&root, authority.root_pem()).unwrap();
    let secure = free_port();
    let yaml = format!(
        "listeners:\n  http: {{ bind: \"<listen>\", protocols: [h2, http/1.1] }}\n{}",
        issued.listener(&format!("127.0.0.1:{secure}"), "")
    );
    (yaml, secure, root.display().to_string())
}

/// A node with both listeners before one upstream.
async fn node() -> (Ostia, ScriptedUpstream, tempfile::TempDir, String) {
    let upstream = ScriptedUpstream::start().await;
    let folder = tempfile::TempDir::with_prefix("ostia-clients-").unwrap();
    let (listeners, secure, _) = listeners(folder.path());
    let routes =
        format!("routes: [{{ host: localhost, allow: anyone, upstream: \"{}\" }}]\n", upstream.address());
    let node = Ostia::start(crate::world::BINARY, &(listeners + &routes)).await;
    (node, upstream, folder, format!("https://localhost:{secure}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_every_protocol() {
    let (node, _upstream, folder, secure) = node().await;
    let plain = format!("http://localhost:{}", node.port());
    let root = folder.path().join("root.pem").display().to_string();
    let upload = folder.path().join("upload");
    std::fs::write(&upload, vec![b'x'; 3_000_000]).unwrap();
    let upload = format!("@{}", upload.display());
    for (origin, protocol, version) in [
        (&plain, "--http1.1", "1.1"),
        (&plain, "--http1.0", "1.1"),
        (&plain, "--http2-prior-knowledge", "2"),
        (&secure, "--http1.1", "1.1"),
        (&secure, "--http2", "2"),
    ] {
        let curl = async |path: &str, more: &[&str]| {
            let url = format!("{origin}{path}");
            let always = ["-sS", "--fail", "--cacert", &root, protocol, "--ipv4"];
            run("curl", &[&always[..], more, &[&url]].concat()).await
        };
        let format = ["-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}"];
        assert_eq!(curl("/x", &format).await, format!("{version} 200 2"), "{protocol}");
        assert_eq!(curl("/chunks/1000000", &format).await, format!("{version} 200 1000000"), "{protocol}");
        assert_eq!(curl("/range", &["-r", "40-"]).await, "0123456789", "{protocol}");
        assert!(curl("/x", &["-I"]).await.to_lowercase().contains("content-length: 12345"), "{protocol}");
        assert_eq!(curl("/count", &["--data-binary", &upload]).await, "3000000", "{protocol}");
        if protocol != "--http1.0" {
            let chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", &upload];
            let more = if version == "2" { &chunked[2..] } else { &chunked[..] };
            assert_eq!(curl("/count", more).await, "3000000", "{protocol}, chunked");
        }
        assert_eq!(
            curl("/informed", &["-H", "Expect: 100-continue", "--data-binary", &upload]).await,
            "3000000",
            "{protocol}, 100-continue"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn load_generators_get_every_answer() {
    let (node, upstream, _folder, secure) = node().await;
    let plain = format!("http://localhost:{}", node.port());
    for origin in [&plain, &secure] {
        let url = format!("{origin}/x");
        let text = run("h2load", &["-n", "3000", "-c", "10", "-m", "20", &url]).await;
        assert!(text.contains("3000 succeeded, 0 failed, 0 errored, 0 timeout"), "{text}");
        assert!(text.contains("status codes: 3000 2xx"), "{text}");
    }
    let text = run("h2load", &["--h1", "-n", "3000", "-c", "10", &format!("{plain}/x")]).await;
    assert!(text.contains("3000 succeeded, 0 failed, 0 errored, 0 timeout"), "{text}");
    // Without the option, wrk counts an answer that took two seconds among its socket errors; a busy machine takes that.
    let patient = ["--timeout", "30s"];
    let url = format!("{plain}/x");
    let text = run("wrk", &[&["-t1", "-c20", "-d1s"], &patient[..], &[&url]].concat()).await;
    assert!(
        text.contains("Requests/sec") && !text.contains("Socket errors") && !text.contains("Non-2xx"),
        "{text}"
    );
    assert!(upstream.requests() >= 9000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_websockets_of_python_pass_messages_of_every_size() {
    let server = free_port();
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [\"127.0.0.1:{server}\"] }}\n\
         routes: [{{ host: localhost, allow: anyone, upgrade: [websocket], upstream: app }}]\n"
    );
    let node = Ostia::start(crate::world::BINARY, &yaml).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/clients/websocket.py");
    let text = run("/usr/bin/python3", &[script, &server.to_string(), &node.port().to_string()]).await;
    assert!(text.contains("all messages came back"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grpc_of_python_makes_calls_of_all_four_kinds() {
    let server = free_port();
    let folder = tempfile::TempDir::with_prefix("ostia-grpc-").unwrap();
    let (listeners, secure, root) = listeners(folder.path());
    let yaml = format!(
        "{listeners}upstreams:\n  app: {{ servers: [\"127.0.0.1:{server}\"], protocol: h2c }}\n\
         routes: [{{ host: localhost, allow: anyone, upstream: app }}]\n"
    );
    let node = Ostia::start(crate::world::BINARY, &yaml).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/clients/grpc_calls.py");
    let ports = [server, node.port(), secure].map(|port| port.to_string());
    let [server, plain, secure] = &ports;
    let text = run("/usr/bin/python3", &[script, server, plain, secure, &root]).await;
    assert!(text.contains("all calls came back"), "{text}");
}
