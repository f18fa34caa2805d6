//! A certificate for `localhost`, made for one run of the demo.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ostia_demo::demo::Tls;

/// Makes the certificate and writes it with its key into the demo's folder, readable by its owner alone.
pub(super) fn make(folder: &Path) -> Result<Tls, Box<dyn std::error::Error>> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names)?;
    let (cert_file, key_file) = (folder.join("localhost.pem"), folder.join("localhost.key"));
    let certificate = made.cert.pem();
    write(&cert_file, &certificate)?;
    write(&key_file, &made.signing_key.serialize_pem())?;
    Ok(Tls { cert_file, key_file, certificate })
}

/// Writes a new file that only its owner can read.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
