//! The Admin SDK of Google Workspace: the groups of somebody, which are in no token.

use std::sync::Arc;
use std::time::Duration;

use ostia_config::provider::GoogleDirectory as Settings;
use ostia_identity::Claims;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::memory::Memory;
use super::service_account::{ServiceAccount, ServiceAccountRefused};
use super::{DirectoryRefused, Groups, MOST_PAGES, page, take};
use crate::provider::Provider;
use crate::provider::http::IssuerHttp;
use crate::relying_party::claims::{About, ClaimsRefused};

/// The interface, and what it said.
#[derive(Debug)]
pub(crate) struct GoogleDirectory {
    groups: Url,
    account: Arc<ServiceAccount>,
    memory: Arc<Memory>,
}

/// One page of `groups.list`. Whoever is in no group gets a page without `groups`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    groups: Vec<Group>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Group {
    email: String,
}

impl GoogleDirectory {
    pub(crate) fn new(settings: &Settings, timeout: Duration) -> Result<Self, ServiceAccountRefused> {
        let base = settings.url.as_str().trim_end_matches('/');
        Ok(Self {
            groups: Url::parse(&format!("{base}/groups")).unwrap_or_else(|_| settings.url.clone()),
            account: Arc::new(ServiceAccount::read(&settings.service_account_file, &settings.admin)?),
            memory: Arc::new(Memory::new(settings.cache, timeout * 3)),
        })
    }
}

impl Provider {
    /// Adds the groups of somebody whose account belongs to a Workspace (`hd`). Anybody else has none there.
    pub(crate) async fn add_google_groups(
        &self,
        about: About<'_>,
        claims: &mut Claims,
    ) -> Result<(), ClaimsRefused> {
        let is_of_workspace = |claims: &Claims| claims.string("hd").is_some();
        let known = is_of_workspace(claims) || about.before.is_some_and(is_of_workspace);
        let Some(google) = self.google.as_ref().filter(|_| known && claims.get("groups").is_none()) else {
            return Ok(());
        };
        let mut first = google.groups.clone();
        // The id that Google's tokens have as `sub`: addresses change hands.
        first.query_pairs_mut().append_pair("userKey", about.subject).append_pair("maxResults", "200");
        let (http, account) = (self.http.clone(), Arc::clone(&google.account));
        let groups = google.memory.recall(about.subject, || all(http, first, account)).await?;
        claims.set("groups", groups.iter().map(|group| Value::from(group.as_str())).collect());
        Ok(())
    }
}

async fn all(http: IssuerHttp, first: Url, account: Arc<ServiceAccount>) -> Result<Groups, DirectoryRefused> {
    let token = account.token(&http).await?;
    let (mut groups, mut next) = (Vec::new(), Some(first.clone()));
    for _ in 0..MOST_PAGES {
        let Some(location) = next else { return Ok(Arc::new(groups)) };
        // An account that is not in this directory is in none of its groups.
        let Some(page) = page::<Page>(&http, &location, &token).await? else { return Ok(Arc::new(groups)) };
        take(&mut groups, page.groups.into_iter().map(|group| group.email.to_ascii_lowercase()))?;
        next = page.next_page_token.filter(|token| !token.is_empty()).map(|token| {
            let mut next = first.clone();
            next.query_pairs_mut().append_pair("pageToken", &token);
            next
        });
    }
    Err(DirectoryRefused::TooMany)
}
