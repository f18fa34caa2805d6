//! Certificates for tests, made on the spot.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate authority that nobody else trusts.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

/// A certificate and its key in files.
#[derive(Clone, Debug)]
pub struct Issued {
    /// PEM, leaf only.
    pub cert_file: PathBuf,
    /// PEM, PKCS#8.
    pub key_file: PathBuf,
    /// DER of the leaf, to compare with what a server presents.
    pub der: Vec<u8>,
}

impl Issued {
    /// The listener `https` of a configuration that shows it; `more` are further keys of `tls`, each after a comma.
    #[must_use]
    pub fn listener(&self, bind: &str, more: &str) -> String {
        format!(
            "  https:\n    bind: \"{bind}\"\n    \
             tls: {{ certificates: [{{ cert_file: {}, key_file: {} }}]{more} }}\n",
            self.cert_file.display(),
            self.key_file.display()
        )
    }
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name than those it signs, or OpenSSL takes these for self-signed.
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        // Another name than those that it issues: else OpenSSL takes a leaf for one that signed itself.
        params.distinguished_name.push(DnType::CommonName, "The authority of a test");
        let root = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root
    }

    /// A certificate for `names`, good since yesterday and for 60 days in all, written to `folder` under the first of them.
    #[must_use]
    pub fn issue(&self, folder: &Path, names: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let stem = names[0].replace('*', "any");
        let mut params = CertificateParams::new(names).unwrap();
        let today = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        params.not_before = rcgen::date_time_ymd(1970, 1, 1) + (today - DAY);
        params.not_after = params.not_before + 60 * DAY;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let issued = Issued {
            cert_file: folder.join(format!("{stem}.pem")),
            key_file: folder.join(format!("{stem}.key")),
            der: certificate.der().to_vec(),
        };
        std::fs::write(&issued.cert_file, certificate.pem()).unwrap();
        std::fs::write(&issued.key_file, key.serialize_pem()).unwrap();
        issued
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
