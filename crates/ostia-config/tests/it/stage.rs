//! A folder with the files that configurations name, and an environment in which little is set.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ostia_config::load::Environment;

/// Every secret that a case holds, in its text, in a file or in a variable.
pub(crate) const SECRETS: [&str; 4] =
    ["hunter2", "correct-horse", "s3cr3t-of-the-environment", "s3cr3t-of-a-file"];

/// The value of a variable that a wrong configuration uses everywhere.
pub(crate) const FROM_OUTSIDE: &str = "from-outside.example.net";

pub(crate) struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text, mode) in [
            ("secret", "s3cr3t-of-a-file\n", 0o600),
            ("empty-secret", "\n", 0o600),
            ("two-lines", "s3cr3t-of-a-file\nand more\n", 0o600),
            ("open-secret", "s3cr3t-of-a-file\n", 0o644),
            ("app.pem", "a certificate", 0o644),
            ("app.key", "a key", 0o600),
            ("open.key", "a key", 0o644),
            ("ca.pem", "a certificate", 0o644),
            (
                "client.key",
                "-----BEGIN PRIVATE KEY-----\ns3cr3t-of-a-file\n-----END PRIVATE KEY-----\n",
                0o600,
            ),
            ("client.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644),
            ("session.keys", "a key", 0o600),
            ("partners-ca.pem", "a certificate", 0o644),
            ("wild.example.com.pem", "a certificate", 0o644),
            ("wild.example.com.key", "a key", 0o600),
            ("oidc-client-secret", "s3cr3t-of-a-file\n", 0o600),
            ("rs-secret", "s3cr3t-of-a-file\n", 0o600),
            ("google-service-account.json", "{}", 0o600),
            ("corp-ca.pem", "a certificate", 0o644),
            ("internal-ca.pem", "a certificate", 0o644),
            ("node.pem", "a certificate", 0o644),
            ("node.key", "a key", 0o600),
            ("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", 0o644),
        ] {
            stage.write(name, text, mode);
        }
        stage.write("large.svg", &"<svg>".repeat(20_000), 0o644);
        fs::create_dir(stage.folder.path().join("credentials")).unwrap();
        stage.write("credentials/credential", "s3cr3t-of-a-file", 0o400);
        stage
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        set_mode(&path, mode);
        path
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::empty()
            .with_variables(|name| {
                let value = match name {
                    "APP_HOST" => "app.example.com",
                    "OIDC_SECRET" => "s3cr3t-of-the-environment",
                    "NOTHING" => "",
                    "FROM_OUTSIDE" => FROM_OUTSIDE,
                    _ => return None,
                };
                Some(value.to_owned())
            })
            .with_resolver(resolve)
            .with_credentials_directory(self.folder.path().join("credentials"))
            .with_state_directory("/var/lib/ostia")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The text with the folder cut out of every path.
    pub(crate) fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn resolve(address: &str) -> io::Result<Vec<SocketAddr>> {
    match address {
        "localhost:8080" => Ok(vec![SocketAddr::from(([127, 0, 0, 1], 8080))]),
        "app.internal:8080" => {
            Ok(vec![SocketAddr::from(([10, 1, 1, 1], 8080)), SocketAddr::from(([10, 1, 1, 2], 8080))])
        }
        "nobody.internal:8080" => Ok(Vec::new()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}
