//! Pebble, the test authority of Let's Encrypt, with a name server that leads every name to this machine.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Issued};
use crate::ports::free_port;
use crate::process::Process;
use crate::wait::eventually;

const HINT: &str = "`make test-deps` installs it.";
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The key of an external account, as base64url.
pub const HMAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// A running authority.
#[derive(Debug)]
pub struct Pebble {
    process: Process,
    _names: Process,
    folder: TempDir,
    port: u16,
    server: Issued,
}

impl Pebble {
    /// Starts it. It asks back on these ports; with `external` it wants the account `kid-1` with [`HMAC_KEY`].
    ///
    /// # Panics
    /// When it is not installed or does not serve.
    pub async fn start(http_port: u16, tls_port: u16, external: bool) -> Self {
        let folder = TempDir::with_prefix("ostia-pebble-").unwrap();
        let [port, management, dns, names] = [(); 4].map(|()| free_port());
        let authority = Authority::new();
        let server = authority.issue(folder.path(), &["localhost", "127.0.0.1"]);
        std::fs::write(folder.path().join("root.pem"), authority.root_pem()).unwrap();
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": server.cert_file, "privateKey": server.key_file,
            "httpPort": http_port, "tlsPort": tls_port, "ocspResponderURL": "",
            "externalAccountBindingRequired": external,
            "externalAccountMACKeys": { "kid-1": HMAC_KEY },
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let loopback = |port: u16| format!("127.0.0.1:{port}");
        let names = Process::spawn(
            Command::new("pebble-challtestsrv")
                .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""])
                .args(["-dns01", &loopback(dns), "-management", &loopback(names)]),
            HINT,
        );
        let process = Process::spawn(
            Command::new("pebble")
                .args(["-dnsserver", &loopback(dns), "-config"])
                .arg(&file)
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_AUTHZREUSE", "0")
                .env("PEBBLE_WFE_NONCEREJECT", "5"),
            HINT,
        );
        let pebble = Self { process, _names: names, folder, port, server };
        eventually("pebble serves", READY_WITHIN, async || {
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        pebble
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Who vouches for its own server.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// What it wrote.
    #[must_use]
    pub fn output(&self) -> String {
        let mut lines = self.process.stdout();
        lines.extend(self.process.stderr());
        lines.join("\n")
    }

    /// The same authority behind a door that also names a renewal window (RFC 9773) for every certificate: `window` is
    /// the JSON of `suggestedWindow`. The door is there for as long as the test; its directory is what comes back.
    pub async fn with_renewal_window(&self, window: serde_json::Value) -> String {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = CertificateDer::pem_file_iter(&self.server.cert_file).unwrap();
        let key = PrivateKeyDer::from_pem_file(&self.server.key_file).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let door = Arc::new(Door { port, behind: self.port, window, root: self.ca_file() });
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, door) = (acceptor.clone(), Arc::clone(&door));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        door.serve(stream).await;
                    }
                });
            }
        });
        format!("https://127.0.0.1:{port}/dir")
    }
}

/// Passes requests on, one a connection, and adds what the authority does not have.
struct Door {
    port: u16,
    behind: u16,
    window: serde_json::Value,
    root: PathBuf,
}

impl Door {
    async fn serve<S: AsyncReadExt + AsyncWriteExt + Unpin>(&self, mut stream: S) {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if matches!(stream.read_buf(&mut bytes).await, Ok(0) | Err(_)) {
                return;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut body = bytes.split_off(end + 4);
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        while body.len() < length.unwrap_or(0) {
            if matches!(stream.read_buf(&mut body).await, Ok(0) | Err(_)) {
                return;
            }
        }
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let answer = match path.starts_with("/renewal-info/") {
            true => {
                let body = json!({ "suggestedWindow": self.window }).to_string();
                let length = body.len();
                format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 3600\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
            }
            false => self.pass(method, path, body).await,
        };
        stream.write_all(&answer).await.ok();
        stream.shutdown().await.ok();
    }

    async fn pass(&self, method: &str, path: &str, body: Vec<u8>) -> Vec<u8> {
        let root = reqwest::Certificate::from_pem(&std::fs::read(&self.root).unwrap()).unwrap();
        rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        let client = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
        let request = client
            .request(method.parse().unwrap(), format!("https://127.0.0.1:{}{path}", self.behind))
            .header("host", format!("127.0.0.1:{}", self.port))
            .header("content-type", "application/jose+json")
            .body(body);
        let answer = request.send().await.unwrap();
        let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status().as_u16());
        for (name, value) in answer.headers() {
            if !matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding") {
                head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
            }
        }
        let mut body = answer.bytes().await.unwrap().to_vec();
        if path == "/dir" {
            let mut directory: serde_json::Value = serde_json::from_slice(&body).unwrap();
            directory["renewalInfo"] = format!("https://127.0.0.1:{}/renewal-info", self.port).into();
            body = directory.to_string().into_bytes();
        }
        if method != "HEAD" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        [format!("{head}\r\n").into_bytes(), body].concat()
    }
}
