//! Asking an issuer for its metadata (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, Request, Response, StatusCode, header};
use ostia_identity::KeySetRefused;

use super::Provider;
use super::http::HttpRefused;
use super::metadata::{Metadata, MetadataRefused};
use crate::Fault;

/// Metadata in use, and where it came from.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) metadata: Metadata,
    /// The document as it came; what is saved on disk.
    pub(crate) document: Vec<u8>,
    pub(crate) fetched_at: SystemTime,
    pub(crate) from_disk: bool,
}

/// Why metadata or keys could not be fetched. What was there before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailed {
    /// No usable HTTP answer.
    #[error("{what} could not be fetched")]
    Http {
        /// The metadata or the key set.
        what: Document,
        /// Why.
        #[source]
        cause: HttpRefused,
    },
    /// The metadata is not acceptable.
    #[error("the metadata is refused")]
    Metadata(#[from] MetadataRefused),
    /// The key set is not acceptable.
    #[error("the key set is refused")]
    Keys(#[from] KeySetRefused),
}

/// A document that an issuer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `.well-known/openid-configuration`.
    Metadata,
    /// `jwks_uri`.
    Keys,
}

impl std::fmt::Display for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metadata => "the metadata",
            Self::Keys => "the key set",
        })
    }
}

impl FetchFailed {
    /// The reason as a word for logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Http { cause, .. } => cause.slug(),
            Self::Metadata(refused) => refused.slug(),
            Self::Keys(refused) => refused.slug(),
        }
    }

    /// Who can mend it. A refused metadata document is often the operator's `issuer`, one slash off.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Metadata(MetadataRefused::OtherIssuer { .. }) => Fault::Operator,
            _ => Fault::Issuer,
        }
    }
}

impl Provider {
    /// Fetches, checks and puts to use the metadata.
    pub(crate) async fn discover(&self) -> Result<Arc<Published>, FetchFailed> {
        let outcome = self.fetch_published().await;
        self.record.metadata_fetched(outcome.is_ok());
        let published = Arc::new(outcome?);
        self.metadata.store(Some(Arc::clone(&published)));
        Ok(published)
    }

    async fn fetch_published(&self) -> Result<Published, FetchFailed> {
        let document = self.fetch_metadata().await?;
        let metadata = Metadata::read(&document, &self.settings, self.algorithms)?;
        Ok(Published { metadata, document, fetched_at: SystemTime::now(), from_disk: false })
    }

    async fn fetch_metadata(&self) -> Result<Vec<u8>, FetchFailed> {
        let failed = |cause| FetchFailed::Http { what: Document::Metadata, cause };
        let first = self.http.send(get(&openid_location(&self.settings.issuer))).await.map_err(failed)?;
        if first.status() != StatusCode::NOT_FOUND {
            return ok_body(first).map_err(failed);
        }
        // An authorization server that speaks OAuth only publishes elsewhere (RFC 8414 section 3.1).
        let Some(elsewhere) = oauth_location(&self.settings.issuer) else {
            return ok_body(first).map_err(failed);
        };
        let second = self.http.send(get(&elsewhere)).await.map_err(failed)?;
        ok_body(second).map_err(failed)
    }
}

/// The document of an issuer: a terminating `/` is removed before the path is appended (Discovery section 4.1).
fn openid_location(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The same by RFC 8414: the well-known path stands between host and path of the issuer.
fn oauth_location(issuer: &str) -> Option<String> {
    let mut url = url::Url::parse(issuer).ok()?;
    let path = format!("/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url.into())
}

/// A GET for JSON. Some servers answer 406 to `application/json` for a key set, hence the rest of the list.
pub(crate) fn get(location: &str) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    if let Ok(uri) = location.parse() {
        *request.uri_mut() = uri;
    }
    let accept = header::HeaderValue::from_static("application/json, application/jwk-set+json, */*;q=0.1");
    request.headers_mut().insert(header::ACCEPT, accept);
    request
}

/// The body of a 200.
pub(crate) fn ok_body(answer: Response<Vec<u8>>) -> Result<Vec<u8>, HttpRefused> {
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        other => Err(HttpRefused::Status(other.as_u16())),
    }
}

/// One field of an answer as text.
pub(crate) fn field(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_is_appended_to_the_path_of_the_issuer() {
        for (issuer, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/realms/x",
                "https://a.example/realms/x/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/realms/x",
            ),
            (
                "https://a.example/realms/x/",
                "https://a.example/realms/x/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/realms/x",
            ),
        ] {
            assert_eq!(openid_location(issuer), openid);
            assert_eq!(oauth_location(issuer).as_deref(), Some(oauth));
        }
    }
}
