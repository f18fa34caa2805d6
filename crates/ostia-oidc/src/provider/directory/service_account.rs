//! A service account of Google Cloud: a signed statement is exchanged for an access token (RFC 7523 section 2.1).

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method, Request, header};
use ostia_config::Secret;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;

use super::DirectoryRefused;
use crate::provider::discovery::get;
use crate::provider::flight::{Flight, landed};
use crate::provider::http::IssuerHttp;
use crate::provider::metadata::is_loopback_http;

/// What the token is for: reading groups, nothing else.
const SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.group.readonly";
/// How long a statement is good (Google takes up to an hour).
const STATEMENT_LIFETIME: Duration = Duration::from_secs(300);
/// A token is used until this long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest that a token is used, whatever the answer says.
const LONGEST: Duration = Duration::from_secs(3600);
/// A key file has 3 KB.
const MOST_BYTES: u64 = 64 * 1024;

/// The account, with the token it has.
pub(crate) struct ServiceAccount {
    email: String,
    key_id: String,
    token_uri: Url,
    admin: String,
    key: RsaKeyPair,
    token: ArcSwapOption<Kept>,
    flight: Flight<Result<Secret<String>, DirectoryRefused>>,
}

/// A token, and until when it is used.
type Kept = (Instant, Secret<String>);

/// Why `service_account_file` is of no use. The operator's fault.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAccountRefused {
    /// The file cannot be read.
    #[error("cannot read service_account_file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// Not the JSON of a service account's key.
    #[error("service_account_file {} is not the key of a service account as Google hands it out", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// `token_uri` is no `https` URL.
    #[error("the token_uri in service_account_file {} is not https", path.display())]
    TokenUri {
        /// The file.
        path: PathBuf,
    },
    /// `private_key` is no RSA key in PKCS#8.
    #[error("the private_key in service_account_file {} is no RSA key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
}

/// The members of the file that are needed.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key_id: String,
    private_key: String,
    token_uri: Url,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

impl ServiceAccount {
    /// Reads the key that Google handed out; `admin` is whom the account speaks for.
    pub(super) fn read(path: &Path, admin: &str) -> Result<Self, ServiceAccountRefused> {
        let at = || path.to_owned();
        let mut text = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text))
            .map_err(|cause| ServiceAccountRefused::Unreadable { path: at(), cause })?;
        let file =
            serde_json::from_slice::<KeyFile>(&text).ok().filter(|file| file.kind == "service_account");
        let file = file.ok_or_else(|| ServiceAccountRefused::Malformed { path: at() })?;
        let is_safe = file.token_uri.scheme() == "https" || is_loopback_http(&file.token_uri);
        if !is_safe {
            return Err(ServiceAccountRefused::TokenUri { path: at() });
        }
        let key = PrivatePkcs8KeyDer::from_pem_slice(file.private_key.as_bytes()).ok();
        let key = key.and_then(|der| RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            token_uri: file.token_uri,
            admin: admin.to_owned(),
            key: key.ok_or_else(|| ServiceAccountRefused::Key { path: at() })?,
            token: ArcSwapOption::empty(),
            flight: Flight::default(),
        })
    }

    /// The token it has, else a new one; whoever else needs it meanwhile waits for that one.
    pub(super) async fn token(
        self: &Arc<Self>,
        http: &IssuerHttp,
    ) -> Result<Secret<String>, DirectoryRefused> {
        if let Some(kept) = self.token.load_full().filter(|kept| Instant::now() < kept.0) {
            return Ok(kept.1.clone());
        }
        let ticket = self.flight.join_or(|| {
            let (account, http) = (Arc::clone(self), http.clone());
            Some(async move { account.ask(&http).await })
        });
        match ticket {
            Some(ticket) => landed(ticket).await.unwrap_or(Err(DirectoryRefused::NoToken)),
            None => Err(DirectoryRefused::NoToken),
        }
    }

    async fn ask(&self, http: &IssuerHttp) -> Result<Secret<String>, DirectoryRefused> {
        let statement = self.statement(SystemTime::now()).ok_or(DirectoryRefused::NoToken)?;
        let answer = http.send(self.request(&statement)).await?;
        if !answer.status().is_success() {
            return Err(DirectoryRefused::NoToken);
        }
        let answer: TokenAnswer =
            serde_json::from_slice(answer.body()).map_err(|_| DirectoryRefused::Malformed)?;
        let token = Secret::new(answer.access_token);
        let used_for = Duration::from_secs(answer.expires_in).min(LONGEST).saturating_sub(MARGIN);
        self.token.store(Some(Arc::new((Instant::now() + used_for, token.clone()))));
        Ok(token)
    }

    fn request(&self, statement: &str) -> Request<Vec<u8>> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", statement);
        let mut request = get(self.token_uri.as_str());
        *request.method_mut() = Method::POST;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        *request.body_mut() = form.finish().into_bytes();
        request
    }

    /// What the account says about itself, signed (RS256).
    fn statement(&self, now: SystemTime) -> Option<String> {
        let issued_at = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims = json!({
            "iss": self.email,
            "sub": self.admin,
            "scope": SCOPE,
            "aud": self.token_uri.as_str(),
            "iat": issued_at,
            "exp": issued_at + STATEMENT_LIFETIME.as_secs(),
        });
        let encoded =
            |part: &serde_json::Value| URL_SAFE_NO_PAD.encode_to_string(part.to_string().as_bytes());
        let input = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).ok()?;
        Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(&signature)))
    }
}
