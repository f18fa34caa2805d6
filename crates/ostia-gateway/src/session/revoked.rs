//! The refresh token of a session that is over is worth nothing to anybody from now on.

use std::sync::Arc;

use ostia_oidc::relying_party::revoke::Revoked;
use ostia_session::{Session, Token};
use tokio::sync::Semaphore;

use crate::gateway::Gateway;
use crate::happened::Happened;
use crate::refresh;
use crate::snapshot::Snapshot;

/// Revocations that may be under way at once: a provider that does not answer must not fill the memory.
static UNDER_WAY: Semaphore = Semaphore::const_new(1024);

/// Revokes it at the provider (RFC 7009), where that is offered and wanted. Nobody waits for it; `why` it is over goes
/// to the audit log. A browser may bring the cookie of before a refresh: the token that came of that one is revoked.
pub(crate) fn revoke(gateway: &Arc<Gateway>, snapshot: &Arc<Snapshot>, session: &Session, why: &'static str) {
    if session.refresh_token.is_none() {
        return;
    }
    let (gateway, snapshot, session) = (Arc::clone(gateway), Arc::clone(snapshot), session.clone());
    tokio::spawn(async move {
        let Some(running) = snapshot.providers.get(&*session.identity.provider) else { return };
        let revoked = match UNDER_WAY.try_acquire() {
            Ok(_place) => {
                let latest = refresh::latest(&gateway, &snapshot, &session).await;
                let token = latest.as_deref().unwrap_or(&session).refresh_token.as_ref().map(Token::text);
                match token {
                    Some(token) => running.provider.revoke(&token).await,
                    None => return,
                }
            }
            Err(_) => Revoked::Failed,
        };
        let outcome = match revoked {
            Revoked::Done => Ok(why),
            Revoked::NotOffered => return,
            Revoked::Failed => Err("revocation_failed"),
        };
        if outcome.is_err() {
            tracing::warn!(provider = %running.section.name, "the refresh token of a session that is over could not be revoked");
        }
        Happened::token_revocation(&session, outcome).by_itself(&gateway);
    });
}
