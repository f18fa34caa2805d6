//! The one way in which Ostia speaks HTTP to an issuer.
//!
//! No redirects are followed (an issuer that redirects its token endpoint would have us send the client secret
//! elsewhere), every call has a total deadline, and a body ends at 512 KiB whatever it claims to be.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use reqwest::redirect::Policy;

use ostia_config::{Provider as Settings, Secret};

/// The largest body that is read from an issuer, in bytes.
pub const BODY_LIMIT: usize = 512 * 1024;

/// How long a TCP and TLS connection to an issuer may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A client for the calls to one provider: its own roots, its own deadline, a shared pool of connections.
#[derive(Clone, Debug)]
pub struct IssuerHttp {
    client: reqwest::Client,
}

/// Why the client of a provider could not be made. The operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupRefused {
    /// The process has not installed a rustls provider.
    #[error("no process-wide TLS provider is installed")]
    NoTlsProvider,
    /// `ca_file` could not be read.
    #[error("cannot read ca_file {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// `ca_file` holds no certificate in PEM form.
    #[error("ca_file {} holds no PEM certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// `cert_file` and `key_file` make no certificate that can be shown.
    #[error("cert_file {} and its key_file cannot be used for TLS", path.display())]
    Certificate {
        /// `cert_file`.
        path: PathBuf,
        /// What the TLS library said.
        #[source]
        cause: reqwest::Error,
    },
    /// The TLS library refused the roots, or the certificate does not belong to the key.
    #[error("the client for the provider could not be made")]
    Client(#[source] reqwest::Error),
}

impl HttpSetupRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoTlsProvider => "no_tls_provider",
            Self::CaFile { .. } => "ca_file_unreadable",
            Self::NoCertificate { .. } => "ca_file_empty",
            Self::Certificate { .. } => "cert_file_unusable",
            Self::Client(_) => "http_client",
        }
    }
}

/// Why a call to an issuer gave no answer that can be used. The issuer's fault, or the network's.
#[derive(Debug, thiserror::Error)]
pub enum HttpRefused {
    /// No connection: name, route, port or TLS.
    #[error("cannot connect to the issuer")]
    Connect(#[source] reqwest::Error),
    /// The total deadline passed.
    #[error("the issuer did not answer in time")]
    Timeout,
    /// The connection broke, or what came was no HTTP.
    #[error("the connection to the issuer broke")]
    Broken(#[source] reqwest::Error),
    /// The body is larger than [`BODY_LIMIT`].
    #[error("the issuer's answer is larger than {BODY_LIMIT} bytes")]
    BodyTooLarge,
    /// A redirect, which is never followed.
    #[error("the issuer answered with a redirect, status {0}")]
    Redirected(u16),
    /// Any other status that carries no protocol answer.
    #[error("the issuer answered with status {0}")]
    Status(u16),
    /// The request was not sent: the system gave no random bytes to sign it with.
    #[error("the request to the issuer could not be signed")]
    NotSigned,
}

impl HttpRefused {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Connect(_) => "issuer_unreachable",
            Self::Timeout => "issuer_timeout",
            Self::Broken(_) => "issuer_connection_broken",
            Self::BodyTooLarge => "issuer_body_too_large",
            Self::Redirected(_) => "issuer_redirected",
            Self::Status(_) => "issuer_status",
            Self::NotSigned => "request_not_signed",
        }
    }
}

impl From<reqwest::Error> for HttpRefused {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Broken(error)
        }
    }
}

impl IssuerHttp {
    /// Makes the client from the provider's `timeout`, `ca_file` and, where it authenticates with a certificate,
    /// `cert_file` and `key_file`.
    ///
    /// # Errors
    /// When the process has no TLS provider or one of these files is of no use.
    pub fn new(settings: &Settings) -> Result<Self, HttpSetupRefused> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(HttpSetupRefused::NoTlsProvider);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ostia/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
            .timeout(settings.timeout);
        if let Some(path) = &settings.ca_file {
            builder = builder.tls_certs_only(roots(path)?);
        }
        if let Some(identity) = identity(settings)? {
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(HttpSetupRefused::Client)?;
        Ok(Self { client })
    }

    /// Sends one request and reads the whole answer, whatever its status; redirects are refused.
    ///
    /// Cancel safe in that nothing of ours is left behind; the issuer may have acted on the request.
    ///
    /// # Errors
    /// No connection, deadline, broken connection, too large a body, or a redirect.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpRefused> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.client.execute(request).await?;
        let status = answer.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(HttpRefused::Redirected(status.as_u16()));
        }
        let headers = std::mem::take(answer.headers_mut());
        let body = read_body(answer).await?;
        Ok(respond(status, headers, body))
    }
}

/// The certificate that is shown to the issuer, where that is how it knows us.
fn identity(settings: &Settings) -> Result<Option<reqwest::Identity>, HttpSetupRefused> {
    let key = settings.client.as_ref().and_then(|client| client.key.as_ref());
    let Some((key, (path, certificate))) = key.and_then(|key| Some((key, key.certificate.as_ref()?))) else {
        return Ok(None);
    };
    let pem = Secret::new([certificate, "\n", key.private.reveal()].concat());
    reqwest::Identity::from_pem(pem.reveal().as_bytes())
        .map(Some)
        .map_err(|cause| HttpSetupRefused::Certificate { path: path.clone(), cause })
}

/// The trusted certificates of a `ca_file`.
fn roots(path: &PathBuf) -> Result<Vec<reqwest::Certificate>, HttpSetupRefused> {
    let pem = std::fs::read(path).map_err(|cause| HttpSetupRefused::CaFile { path: path.clone(), cause })?;
    let roots = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if roots.is_empty() {
        return Err(HttpSetupRefused::NoCertificate { path: path.clone() });
    }
    Ok(roots)
}

/// Reads the body, chunk by chunk, up to the limit.
async fn read_body(mut answer: reqwest::Response) -> Result<Vec<u8>, HttpRefused> {
    if answer.content_length().is_some_and(|length| length > BODY_LIMIT as u64) {
        return Err(HttpRefused::BodyTooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(HttpRefused::BodyTooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn respond(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
