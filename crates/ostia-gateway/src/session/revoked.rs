//! The refresh token of a session that is over is worth nothing to anybody from now on.

use std::sync::Arc;

use ostia_oidc::relying_party::revoke::Revoked;
use ostia_session::{Session, Token};
use tokio::sync::Semaphore;

use crate::gateway::Gateway;
use crate::happened::Happened;
use crate::snapshot::Snapshot;

/// Revocations that may be under way at once: a provider that does not answer must not fill the memory.
static UNDER_WAY: Semaphore = Semaphore::const_new(1024);

/// Revokes it at the provider (RFC 7009), where that is offered and wanted. Nobody waits for it; `why` it is over goes
/// to the audit log.
pub(crate) fn revoke(gateway: &Arc<Gateway>, snapshot: &Snapshot, session: &Session, why: &'static str) {
    let Some(running) = snapshot.providers.get(&*session.identity.provider).cloned() else { return };
    let Some(token) = session.refresh_token.as_ref().map(Token::text) else { return };
    let (gateway, session) = (Arc::clone(gateway), session.clone());
    tokio::spawn(async move {
        let revoked = match UNDER_WAY.try_acquire() {
            Ok(_place) => running.provider.revoke(&token).await,
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
