//! The one way in which Ostia speaks HTTP to an issuer.
//!
//! No redirects are followed (an issuer that redirects its token endpoint would have us send the client secret
//! elsewhere), every call has a total deadline, and a body ends at 512 KiB whatever it claims to be.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

use ostia_config::Provider as Settings;

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
    /// The TLS library refused the roots.
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
    /// Makes the client from the provider's `timeout` and `ca_file`.
    ///
    /// # Errors
    /// When the process has no TLS provider or `ca_file` is of no use.
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

/// The token endpoint's way: only an answer of the protocol (200, or a 4xx with an error document, RFC 6749 section
/// 5.2) reaches the parser; a 5xx never looks like `invalid_grant`, whatever its body says.
impl<'c> AsyncHttpClient<'c> for IssuerHttp {
    type Error = HttpRefused;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpRefused>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.send(request).await?;
            match answer.status().as_u16() {
                200 | 400 | 401 | 403 => Ok(answer),
                other => Err(HttpRefused::Status(other)),
            }
        })
    }
}
