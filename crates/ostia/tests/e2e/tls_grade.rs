//! E1: our TLS as a scanner of others grades it: `sslyze` against the profiles of Mozilla, which `make test-deps`
//! installs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ostia_testkit::{Authority, Issued, Ostia, Process, eventually, free_port};
use serde_json::Value;

use crate::tls::listeners;
use crate::world::BINARY;

const DEADLINE: Duration = Duration::from_secs(20);
const ROUTES: &str = "routes: [{ host: app.localhost, allow: anyone, respond: { body: hi } }]\n";

/// A folder with the certificate of `app.localhost` and the authority that issued it.
struct Scene {
    folder: tempfile::TempDir,
    issued: Issued,
}

/// What the scanner says.
struct Grade {
    complies: bool,
    /// What breaks the profile, a line each.
    verdict: String,
    /// What each of its scans found.
    found: Value,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::TempDir::with_prefix("ostia-grade-").unwrap();
        let authority = Authority::new();
        let issued = authority.issue(folder.path(), &["app.localhost"]);
        std::fs::write(folder.path().join("root.pem"), authority.root_pem()).unwrap();
        Self { folder, issued }
    }

    /// Our node; `more` are further keys of `tls`.
    async fn node(&self, more: &str) -> Ostia {
        Ostia::start(BINARY, &(listeners(&self.issued, more) + ROUTES)).await
    }

    /// Somebody else's server, with these options.
    async fn openssl(&self, options: &[&str]) -> (Process, u16) {
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]).args(options);
        command.arg("-cert").arg(&self.issued.cert_file).arg("-key").arg(&self.issued.key_file);
        let server = Process::spawn(&mut command, "`make test-deps` installs it.");
        eventually("it listens", DEADLINE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        (server, port)
    }

    /// Scans a port against a profile: `intermediate` or `modern`.
    async fn grade(&self, port: u16, profile: &str) -> Grade {
        let folder = self.folder.path();
        let told = folder.join(format!("{profile}-{port}.json"));
        let scanner = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/sslyze/bin/sslyze");
        let mut command = tokio::process::Command::new(scanner);
        command
            .arg(format!("--mozilla_config={profile}"))
            .arg("--early_data")
            .arg(format!("--certinfo_ca_file={}", folder.join("root.pem").display()))
            .arg(format!("--json_out={}", told.display()))
            .arg(format!("app.localhost:{port}{{127.0.0.1}}"));
        let ran = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = tokio::time::timeout(Duration::from_secs(100), ran).await.expect("it ends in time");
        let output = output.expect("sslyze starts; `make test-deps` installs it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let verdict = text.split("COMPLIANCE AGAINST TLS CONFIGURATION").nth(1).unwrap_or(&text).to_owned();
        let complies = verdict.contains(": OK - Compliant.");
        assert!(complies || verdict.contains(": FAILED - Not compliant."), "it was scanned:\n{text}");
        assert_eq!(output.status.code(), Some(i32::from(!complies)), "{text}");
        let json: Value = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
        Grade { complies, verdict, found: json["server_scan_results"][0]["scan_result"].clone() }
    }
}

impl Grade {
    /// What one of its scans found.
    fn result(&self, scan: &str) -> &Value {
        let attempt = &self.found[scan];
        assert_eq!(attempt["status"], "COMPLETED", "{scan}: {attempt}");
        &attempt["result"]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_tls_is_what_mozilla_recommends_and_has_none_of_the_known_holes() {
    let scene = Scene::new();
    let node = scene.node("").await;
    let grade = scene.grade(node.port(), "intermediate").await;
    assert!(grade.complies, "{}", grade.verdict);
    for (scan, key, good) in [
        ("tls_1_2_cipher_suites", "is_tls_version_supported", true),
        ("tls_1_3_cipher_suites", "is_tls_version_supported", true),
        ("tls_1_1_cipher_suites", "is_tls_version_supported", false),
        ("tls_1_0_cipher_suites", "is_tls_version_supported", false),
        ("heartbleed", "is_vulnerable_to_heartbleed", false),
        ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", false),
        ("tls_compression", "supports_compression", false),
        ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", false),
        ("tls_extended_master_secret", "supports_ems_extension", true),
        ("tls_1_3_early_data", "supports_early_data", false),
    ] {
        assert_eq!(grade.result(scan)[key], good, "{scan}: {}", grade.result(scan));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_1_3_alone_our_tls_is_modern_and_with_1_2_the_scanner_says_what_is_not() {
    let scene = Scene::new();
    let node = scene.node(", min_version: \"1.3\"").await;
    let grade = scene.grade(node.port(), "modern").await;
    assert!(grade.complies, "{}", grade.verdict);
    drop(node);
    let node = scene.node("").await;
    let grade = scene.grade(node.port(), "modern").await;
    assert!(grade.verdict.contains("TLS versions {'TLSv1.2'} are supported, but should be rejected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scanner_that_grades_us_fails_an_old_version_and_a_weak_suite() {
    let scene = Scene::new();
    let old = ["-min_protocol", "TLSv1.1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    let weak = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA"];
    for (options, fault) in [
        (&old[..], "tls_versions: TLS versions {'TLSv1.1'} are supported, but should be rejected"),
        (&weak[..], "ciphers: Cipher suites {'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA'} are supported"),
    ] {
        let (_server, port) = scene.openssl(options).await;
        let grade = scene.grade(port, "intermediate").await;
        assert!(!grade.complies && grade.verdict.contains(fault), "{options:?}: {}", grade.verdict);
    }
}
