//! Microsoft Graph: all groups of somebody who is in too many for a token (Entra's "groups overage").

use std::sync::Arc;
use std::time::Duration;

use ostia_config::Secret;
use ostia_config::provider::MicrosoftGraph as Settings;
use ostia_identity::Claims;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::memory::Memory;
use super::{DirectoryRefused, Groups, MOST_PAGES, page, take};
use crate::provider::Provider;
use crate::provider::http::IssuerHttp;
use crate::provider::metadata::group_rules;
use crate::relying_party::claims::{About, ClaimsRefused};

/// The type of a group among what somebody is a member of; roles of the directory are not.
const GROUP: &str = "#microsoft.graph.group";

/// The interface, and what it said.
#[derive(Debug)]
pub(crate) struct MicrosoftGraph {
    first_page: Url,
    memory: Arc<Memory>,
}

/// One page of `me/transitiveMemberOf`.
#[derive(Debug, Deserialize)]
struct Page {
    value: Vec<Member>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<Url>,
}

#[derive(Debug, Deserialize)]
struct Member {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    id: String,
}

impl MicrosoftGraph {
    pub(crate) fn new(settings: &Settings, timeout: Duration) -> Self {
        let base = settings.url.as_str().trim_end_matches('/');
        let first = format!("{base}/me/transitiveMemberOf?$select=id&$top=999");
        let first_page = Url::parse(&first).unwrap_or_else(|_| settings.url.clone());
        Self { first_page, memory: Arc::new(Memory::new(settings.cache, timeout * 3)) }
    }
}

impl Provider {
    /// Adds the groups where the token says that it leaves them out.
    pub(crate) async fn add_graph_groups(
        &self,
        about: About<'_>,
        claims: &mut Claims,
    ) -> Result<(), ClaimsRefused> {
        let Some(graph) = self.graph.as_ref().filter(|_| group_rules(&self.settings).are_elsewhere(claims))
        else {
            return Ok(());
        };
        let (http, first, token) = (self.http.clone(), graph.first_page.clone(), about.access_token.clone());
        let groups = graph.memory.recall(about.subject, || all(http, first, token)).await?;
        claims.set("groups", groups.iter().map(|group| Value::from(group.as_str())).collect());
        claims.remove("hasgroups");
        claims.remove("_claim_names");
        Ok(())
    }
}

/// The groups of all pages.
pub(super) async fn all(
    http: IssuerHttp,
    first: Url,
    token: Secret<String>,
) -> Result<Groups, DirectoryRefused> {
    let (mut groups, mut next) = (Vec::new(), Some(first.clone()));
    for _ in 0..MOST_PAGES {
        let Some(location) = next else { return Ok(Arc::new(groups)) };
        if location.origin() != first.origin() {
            return Err(DirectoryRefused::Elsewhere);
        }
        let page: Page = page(&http, &location, &token).await?.ok_or(DirectoryRefused::Malformed)?;
        let is_group = |member: &Member| member.kind.as_deref().is_none_or(|kind| kind == GROUP);
        take(&mut groups, page.value.into_iter().filter(is_group).map(|member| member.id))?;
        next = page.next;
    }
    Err(DirectoryRefused::TooMany)
}
