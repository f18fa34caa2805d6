//! One token against the providers of a configuration.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_identity::{Identity, Token, peek_issuer};

use super::Rehearsal;
use crate::snapshot::{RunningProvider, Snapshot};

/// How long the keys of an issuer are waited for.
const KEYS: Duration = Duration::from_secs(10);

/// What was found out about a token. Nothing of it can be used to forge or replay one.
#[derive(Clone, Debug)]
pub struct TokenCheck {
    /// `alg`, where the header can be read.
    pub algorithm: Option<String>,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`.
    pub typ: Option<String>,
    /// `iss`, as the token says; nobody has verified it if the verdict is a refusal.
    pub issuer: Option<String>,
    /// The verdict of each provider that was asked; none when no provider knows the issuer.
    pub verdicts: Vec<TokenVerdict>,
}

/// What one provider says.
#[derive(Clone, Debug)]
pub struct TokenVerdict {
    /// Its name.
    pub provider: String,
    /// The identity, or the check that failed: its slug, and in words.
    pub verdict: Result<Identity, (&'static str, String)>,
}

impl Rehearsal {
    /// Loads metadata and keys of the providers that take bearer tokens. The only thing of a rehearsal that goes out.
    pub async fn learn_keys(&self) {
        let snapshot = self.gateway.snapshot();
        let wanted = snapshot.providers.values().filter(|running| !running.section.audiences.is_empty());
        let wanted: Vec<_> = wanted.collect();
        for running in &wanted {
            running.keeper.lock().get_or_insert_with(|| running.provider.start());
        }
        let known = async {
            while wanted.iter().any(|running| running.provider.status().keys_at.is_none()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Who stays dark is told by the verdict.
        let _ = tokio::time::timeout(KEYS, known).await;
    }

    /// Asks the provider of this name, or those of the token's issuer.
    pub async fn token(&self, text: &str, provider: Option<&str>, now: SystemTime) -> TokenCheck {
        let header = Token::parse(text);
        let issuer = peek_issuer(text);
        let snapshot = self.gateway.snapshot();
        let mut verdicts = Vec::new();
        for running in asked(&snapshot, provider, issuer.as_deref()) {
            let verdict = running.provider.verify_bearer(text, now).await;
            let verdict = verdict.map(|verified| verified.identity);
            let verdict = verdict.map_err(|refused| (refused.slug(), in_words(&refused)));
            verdicts.push(TokenVerdict { provider: running.section.name.to_string(), verdict });
        }
        let header = header.as_ref().ok();
        TokenCheck {
            algorithm: header.map(|header| header.algorithm().name().to_owned()),
            kid: header.and_then(|header| header.kid()).map(str::to_owned),
            typ: header.and_then(|header| header.typ()).map(str::to_owned),
            issuer,
            verdicts,
        }
    }
}

fn asked<'s>(
    snapshot: &'s Snapshot,
    provider: Option<&str>,
    issuer: Option<&str>,
) -> Vec<&'s Arc<RunningProvider>> {
    let all = || snapshot.providers.values();
    if let Some(name) = provider {
        return all().filter(|running| &*running.section.name == name).collect();
    }
    let own: Vec<_> =
        all().filter(|running| issuer.is_some_and(|issuer| running.provider.is_named(issuer))).collect();
    // What names no issuer can still be told why it is none: by the only provider there is.
    if own.is_empty() && snapshot.providers.len() == 1 { all().collect() } else { own }
}

/// An error with what is behind it.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(behind) = cause {
        words.push_str(": ");
        words.push_str(&behind.to_string());
        cause = behind.source();
    }
    words
}
