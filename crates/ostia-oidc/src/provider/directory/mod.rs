//! Groups that are in no token: an interface of the provider is asked for them.
//!
//! The answer for one person counts for a while and is shared by all who wait for it. Everything is bounded: pages,
//! groups, bytes, time. A failure is an error for whoever signs in, never "no groups".

mod google;
mod graph;
mod memory;
mod service_account;

use std::sync::Arc;

use http::{HeaderValue, Request, StatusCode, header};
use ostia_config::Secret;
use serde::de::DeserializeOwned;
use url::Url;

use super::discovery::get;
use super::http::{HttpRefused, IssuerHttp};
use crate::Fault;

pub(crate) use google::GoogleDirectory;
pub(crate) use graph::MicrosoftGraph;
pub use service_account::ServiceAccountRefused;

/// Groups of one person; more are refused, because a part of them would decide wrongly.
const MOST_GROUPS: usize = 10_000;
/// Pages of one answer: Google sends 200 groups a page.
const MOST_PAGES: usize = 60;

/// The names of the groups of one person.
type Groups = Arc<Vec<String>>;

/// Why groups could not be asked for. Cheap to clone: one result is shared by all who wait for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DirectoryRefused {
    /// No usable HTTP answer.
    #[error("the directory gave no answer")]
    Http(#[source] Arc<HttpRefused>),
    /// 401 or 403: a scope, a permission or the delegation is missing.
    #[error("the directory refused with status {0}")]
    Forbidden(u16),
    /// The token endpoint for service accounts gave no token.
    #[error("the service account got no token")]
    NoToken,
    /// Not what the interface documents.
    #[error("the directory's answer cannot be read")]
    Malformed,
    /// More than 10,000 groups.
    #[error("there are more groups than are read")]
    TooMany,
    /// The next page is at another host: the token would go there, too.
    #[error("the directory's next page is at another host")]
    Elsewhere,
    /// All pages together took too long.
    #[error("the directory took too long")]
    TooSlow,
}

impl DirectoryRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Http(_) => "directory_no_answer",
            Self::Forbidden(_) => "directory_forbidden",
            Self::NoToken => "directory_no_token",
            Self::Malformed => "directory_malformed",
            Self::TooMany => "directory_too_many_groups",
            Self::Elsewhere => "directory_page_elsewhere",
            Self::TooSlow => "directory_too_slow",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Forbidden(_) | Self::NoToken | Self::TooMany => Fault::Operator,
            Self::Http(_) | Self::Malformed | Self::Elsewhere | Self::TooSlow => Fault::Issuer,
        }
    }
}

impl From<HttpRefused> for DirectoryRefused {
    fn from(refused: HttpRefused) -> Self {
        Self::Http(Arc::new(refused))
    }
}

/// One page of an interface. `None`: there is nobody of that name.
async fn page<T: DeserializeOwned>(
    http: &IssuerHttp,
    location: &Url,
    token: &Secret<String>,
) -> Result<Option<T>, DirectoryRefused> {
    let answer = http.send(with_bearer(get(location.as_str()), token)?).await?;
    match answer.status() {
        StatusCode::OK => {
            let read = serde_json::from_slice(answer.body()).map_err(|_| DirectoryRefused::Malformed)?;
            Ok(Some(read))
        }
        StatusCode::NOT_FOUND => Ok(None),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(DirectoryRefused::Forbidden(status.as_u16()))
        }
        other => Err(HttpRefused::Status(other.as_u16()).into()),
    }
}

fn with_bearer(
    mut request: Request<Vec<u8>>,
    token: &Secret<String>,
) -> Result<Request<Vec<u8>>, DirectoryRefused> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
    let mut value = value.map_err(|_| DirectoryRefused::Malformed)?;
    value.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, value);
    Ok(request)
}

/// Adds the groups of a page, up to the limit.
fn take(groups: &mut Vec<String>, page: impl Iterator<Item = String>) -> Result<(), DirectoryRefused> {
    for group in page {
        if groups.len() == MOST_GROUPS {
            return Err(DirectoryRefused::TooMany);
        }
        groups.push(group);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
