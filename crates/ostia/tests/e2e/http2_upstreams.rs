//! E2, the servers' half: HTTP/2 to servers with streams that share connections, and gRPC of all four kinds with trailers.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use ostia_testkit::{Authority, Ostia, raw};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::world::BINARY;

/// A server of HTTP/2 that speaks gRPC: the path's last part says what it does.
struct GrpcServer {
    port: u16,
    connections: Arc<AtomicUsize>,
    most_streams: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl GrpcServer {
    async fn start(tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, most_streams) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, most) = (Arc::clone(&connections), Arc::clone(&most_streams));
        let accepting = tokio::spawn(async move {
            let mut all = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, SeqCst);
                let (most, tls) = (Arc::clone(&most), tls.clone());
                all.spawn(async move {
                    match tls {
                        None => serve(stream, most).await,
                        Some(tls) => serve(tls.accept(stream).await.unwrap(), most).await,
                    }
                });
            }
        });
        Self { port, connections, most_streams, accepting }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, most: Arc<AtomicUsize>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    let open = Arc::<AtomicUsize>::default();
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
        let open = Arc::clone(&open);
        streams.spawn(async move {
            answer(request, respond).await;
            open.fetch_sub(1, SeqCst);
        });
    }
}

/// `echo` sends every message back as it comes; `sum` answers once with the number of bytes; `count` sends five
/// messages for one; `slow` waits; `fail` answers with trailers alone.
async fn answer(request: Request<h2::RecvStream>, mut respond: h2::server::SendResponse<Bytes>) {
    let what = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let te = request.headers().get("te").map_or("none", |value| value.to_str().unwrap()).to_owned();
    let mut body = request.into_body();
    let head = Response::builder().header("content-type", "application/grpc").header("x-te", te);
    if what == "fail" {
        let only = head.header("grpc-status", "7").header("grpc-message", "no").body(()).unwrap();
        respond.send_response(only, true).unwrap();
        return;
    }
    let mut send = respond.send_response(head.body(()).unwrap(), false).unwrap();
    let mut total = 0;
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        total += data.len();
        if what == "echo" {
            send.send_data(data, false).unwrap();
        }
    }
    match &*what {
        "sum" => send.send_data(total.to_string().into(), false).unwrap(),
        "count" => {
            for number in 0..5 {
                send.send_data(format!("message {number};").into(), false).unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        "slow" => tokio::time::sleep(Duration::from_millis(700)).await,
        _ => {}
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-checksum", total.to_string().parse().unwrap());
    send.send_trailers(trailers).unwrap();
}

fn pair(
    folder: &std::path::Path,
    authority: &Authority,
    name: &str,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let issued = authority.issue(folder, &[name]);
    let chain = CertificateDer::pem_file_iter(&issued.cert_file).unwrap().map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_file(&issued.key_file).unwrap())
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A node whose listener takes HTTP/2 by TLS, and a client connection to it.
struct Edge {
    node: Ostia,
    client: h2::client::SendRequest<Bytes>,
}

async fn edge(folder: &std::path::Path, upstream: &str) -> Edge {
    let authority = Authority::new();
    let issued = authority.issue(folder, &["app.localhost"]);
    let yaml = format!(
        "listeners:\n  https:\n    bind: \"<listen>\"\n    tls: {{ certificates: [{{ cert_file: {}, key_file: {} }}] }}\n\
         upstreams:\n  grpc: {{ {upstream} }}\n\
         routes:\n  - {{ name: grpc, host: app.localhost, allow: anyone, upstream: grpc }}\n",
        issued.cert_file.display(),
        issued.key_file.display()
    );
    let node = Ostia::start(BINARY, &yaml).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.root_pem().as_bytes()).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, node.port())).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from("app.localhost").unwrap(), tcp).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    Edge { node, client }
}

struct Answer {
    status: u16,
    head: HeaderMap,
    body: Vec<u8>,
    trailers: HeaderMap,
}

/// A call: every message is sent as a frame of its own, with a pause so that it travels alone.
async fn call(client: &h2::client::SendRequest<Bytes>, method: &str, messages: &[&str]) -> Answer {
    let mut client = client.clone().ready().await.unwrap();
    let request = Request::post(format!("https://app.localhost/demo.Echo/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut send) = client.send_request(request, false).unwrap();
    for message in messages {
        // A server may have answered and closed the stream already.
        send.send_data(Bytes::copy_from_slice(message.as_bytes()), false).ok();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    send.send_data(Bytes::new(), true).ok();
    let (head, mut body) =
        tokio::time::timeout(Duration::from_secs(20), response).await.unwrap().unwrap().into_parts();
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    let trailers = body.trailers().await.unwrap().unwrap_or_default();
    Answer { status: head.status.as_u16(), head: head.headers, body: bytes, trailers }
}

fn text<'a>(map: &'a HeaderMap, name: &str) -> &'a str {
    map.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn four_kinds(client: &h2::client::SendRequest<Bytes>) {
    for (method, messages, body) in [
        ("echo", &["one"][..], "one"),
        ("sum", &["a", "bc", "def"], "6"),
        ("count", &["go"], "message 0;message 1;message 2;message 3;message 4;"),
        ("echo", &["ping ", "pong ", "end"], "ping pong end"),
    ] {
        let answer = call(client, method, messages).await;
        assert_eq!((answer.status, String::from_utf8_lossy(&answer.body).as_ref()), (200, body), "{method}");
        assert_eq!(text(&answer.trailers, "grpc-status"), "0", "{method}");
        assert_eq!(text(&answer.trailers, "x-checksum"), messages.concat().len().to_string(), "{method}");
        assert_eq!(text(&answer.head, "x-te"), "trailers", "{method}");
    }
    let failed = call(client, "fail", &["x"]).await;
    assert_eq!(
        (failed.status, text(&failed.head, "grpc-status"), text(&failed.head, "grpc-message")),
        (200, "7", "no")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_of_all_four_kinds_passes_with_its_trailers_in_clear_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = GrpcServer::start(None).await;
    let edge = edge(folder.path(), &format!("servers: [\"127.0.0.1:{}\"], protocol: h2c", server.port)).await;
    four_kinds(&edge.client).await;
    assert_eq!(server.connections.load(SeqCst), 1, "calls share a connection");
    drop(edge.node);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_of_all_four_kinds_passes_with_its_trailers_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.root_pem()).unwrap();
    let (chain, key) = pair(folder.path(), &authority, "grpc.internal");
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = GrpcServer::start(Some(Arc::new(config).into())).await;
    let upstream = |name: &str| {
        format!(
            "servers: [\"127.0.0.1:{}\"], protocol: h2, tls: {{ server_name: {name}, ca_file: {} }}",
            server.port,
            ca.display()
        )
    };
    let good = edge(folder.path(), &upstream("grpc.internal")).await;
    four_kinds(&good.client).await;
    let misnamed = edge(folder.path(), &upstream("other.internal")).await;
    assert_eq!(call(&misnamed.client, "echo", &["x"]).await.status, 502, "the name is checked");
    drop((good.node, misnamed.node));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_share_the_connections_to_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = GrpcServer::start(None).await;
    let edge = edge(folder.path(), &format!("servers: [\"127.0.0.1:{}\"], protocol: h2c", server.port)).await;
    four_kinds(&edge.client).await;
    let calls: Vec<_> = (0..60)
        .map(|_| {
            let client = edge.client.clone();
            tokio::spawn(async move { call(&client, "slow", &["x"]).await.status })
        })
        .collect();
    for answer in calls {
        assert_eq!(answer.await.unwrap(), 200);
    }
    let (connections, most) = (server.connections.load(SeqCst), server.most_streams.load(SeqCst));
    // While one call takes a connection out of the pool, another may have to make one; sixty would be one each.
    assert!(connections <= 12 && most >= 5, "{connections} connections, {most} streams on one");
    drop(edge.node);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_clients_reach_servers_of_http_2() {
    let server = GrpcServer::start(None).await;
    let yaml = format!(
        "upstreams:\n  app: {{ servers: [\"127.0.0.1:{}\"], protocol: h2c, timeouts: {{ between_bytes: 300ms }} }}\n\
         routes:\n  - {{ name: app, host: app.localhost, allow: anyone, upstream: app }}\n",
        server.port
    );
    let node = Ostia::start(BINARY, &yaml).await;
    let post =
        "POST /x/echo HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
    let answer = raw::send(node.port(), post).await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    drop(server);
    assert_eq!(raw::get_host(node.port(), "app.localhost", "/x/echo").await.unwrap().status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_http_2_that_dies_under_load_fails_no_idempotent_request() {
    let (one, two) = (GrpcServer::start(None).await, GrpcServer::start(None).await);
    let yaml = format!(
        "upstreams:\n  app:\n    servers: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]\n    protocol: h2c\n    \
         retry: {{ attempts: 2, budget: 100% }}\n    health_check: {{ interval: 200ms, rise: 1, fall: 1 }}\n\
         routes:\n  - {{ name: app, host: app.localhost, allow: anyone, upstream: app }}\n",
        one.port, two.port
    );
    let node = Ostia::start(BINARY, &yaml).await;
    let (done, port) = (Arc::<AtomicUsize>::default(), node.port());
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while done.fetch_add(1, SeqCst) < 600 {
                    let answer = raw::get_host(port, "app.localhost", "/x/sum").await;
                    let status = answer.map_or(0, |answer| answer.status);
                    failed.extend(Some(status).filter(|status| *status != 200));
                }
                failed
            })
        })
        .collect();
    ostia_testkit::eventually("half of them are done", Duration::from_secs(30), async || {
        (done.load(SeqCst) >= 300).then_some(())
    })
    .await;
    assert!(one.connections.load(SeqCst) > 0 && two.connections.load(SeqCst) > 0, "both have served");
    drop(one);
    for client in clients {
        assert_eq!(client.await.unwrap(), [0_u16; 0]);
    }
}
