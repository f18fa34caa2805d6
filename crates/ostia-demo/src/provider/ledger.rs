//! What the provider has given out: grants with their codes and refresh tokens, and who is signed on.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::settings::Lifetimes;
use crate::{jwt, random};

/// What a person allowed a client at one sign-in.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) auth_time: SystemTime,
    /// The session at the provider, as the client knows it.
    pub(super) sid: String,
}

impl Grant {
    pub(super) fn has_scope(&self, wanted: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == wanted)
    }
}

/// What a code is bound to.
#[derive(Clone, Debug)]
pub(super) struct CodeBinding {
    pub(super) redirect_uri: String,
    /// PKCE with S256 (RFC 7636 section 4.2).
    pub(super) challenge: String,
}

#[derive(Debug)]
struct Code {
    grant: String,
    binding: CodeBinding,
    expires_at: SystemTime,
    spent: bool,
}

#[derive(Debug)]
struct RefreshToken {
    grant: String,
    expires_at: SystemTime,
    spent: bool,
}

/// A person who is signed on at the provider, in one browser.
#[derive(Clone, Debug)]
pub(super) struct SignOn {
    pub(super) username: String,
    pub(super) sid: String,
    pub(super) auth_time: SystemTime,
    pub(super) expires_at: SystemTime,
    /// Clients that were told about this sign-on.
    pub(super) clients: BTreeSet<String>,
}

/// Why a code or a refresh token was not honoured. All are `invalid_grant` to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrantRefused {
    Unknown,
    Expired,
    OtherClient,
    OtherRedirectUri,
    WrongVerifier,
    /// Somebody presented it a second time; the whole grant is revoked.
    Replayed,
}

impl GrantRefused {
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Unknown => "it was never given out, or its grant was revoked",
            Self::Expired => "it is too old",
            Self::OtherClient => "it was given to another client",
            Self::OtherRedirectUri => "redirect_uri differs from that of the authorization request",
            Self::WrongVerifier => "code_verifier does not fit code_challenge",
            Self::Replayed => "it was used before; the grant is revoked",
        }
    }
}

/// The books of the provider.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    grants: HashMap<String, Grant>,
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, RefreshToken>,
    /// By the secret in the browser's cookie.
    sign_ons: HashMap<String, SignOn>,
    replays: usize,
    /// Codes and refresh tokens at which the books are gone through next.
    tidy_at: usize,
}

/// Below this many nobody goes through the books.
const FEW: usize = 1024;

impl Ledger {
    /// Opens a grant and gives out its code.
    pub(super) fn open(
        &mut self,
        grant: Grant,
        binding: CodeBinding,
        lifetimes: &Lifetimes,
        now: SystemTime,
    ) -> String {
        self.tidy(now);
        let code = random::text::<32>();
        let expires_at = now + lifetimes.code.min(Duration::from_secs(60));
        self.codes.insert(code.clone(), Code { grant: grant.id.clone(), binding, expires_at, spent: false });
        self.grants.insert(grant.id.clone(), grant);
        code
    }

    /// Forgets what is over, each time that the books have doubled: gone through at every sign-in, a thousand of them a
    /// second would be mostly that.
    fn tidy(&mut self, now: SystemTime) {
        if self.codes.len() + self.refresh_tokens.len() < self.tidy_at {
            return;
        }
        self.codes.retain(|_, code| now < code.expires_at);
        self.refresh_tokens.retain(|_, token| now < token.expires_at);
        self.tidy_at = FEW.max(2 * (self.codes.len() + self.refresh_tokens.len()));
    }

    /// Spends a code (RFC 6749 section 4.1.3). A second try revokes what the first one gave (section 10.5).
    pub(super) fn redeem(
        &mut self,
        code: &str,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: SystemTime,
    ) -> Result<Grant, GrantRefused> {
        let entry = self.codes.get_mut(code).ok_or(GrantRefused::Unknown)?;
        let grant = self.grants.get(&entry.grant).ok_or(GrantRefused::Unknown)?.clone();
        if entry.spent {
            self.replays += 1;
            self.revoke(&grant.id);
            return Err(GrantRefused::Replayed);
        }
        entry.spent = true;
        if now >= entry.expires_at {
            return Err(GrantRefused::Expired);
        }
        if grant.client_id != client_id {
            return Err(GrantRefused::OtherClient);
        }
        if entry.binding.redirect_uri != redirect_uri {
            return Err(GrantRefused::OtherRedirectUri);
        }
        if entry.binding.challenge != URL_SAFE_NO_PAD.encode(jwt::sha256(verifier.as_bytes())) {
            return Err(GrantRefused::WrongVerifier);
        }
        Ok(grant)
    }

    /// A new refresh token of this grant.
    pub(super) fn issue_refresh_token(
        &mut self,
        grant: &str,
        lifetimes: &Lifetimes,
        now: SystemTime,
    ) -> String {
        let token = random::text::<32>();
        let expires_at = now + lifetimes.refresh_token;
        self.refresh_tokens
            .insert(token.clone(), RefreshToken { grant: grant.to_owned(), expires_at, spent: false });
        token
    }

    /// Spends a refresh token; the caller gives out the next one. A token that comes back revokes its grant
    /// (RFC 9700 section 4.14.2).
    pub(super) fn refresh(
        &mut self,
        token: &str,
        client_id: &str,
        now: SystemTime,
    ) -> Result<Grant, GrantRefused> {
        let entry = self.refresh_tokens.get_mut(token).ok_or(GrantRefused::Unknown)?;
        let grant = self.grants.get(&entry.grant).ok_or(GrantRefused::Unknown)?.clone();
        if grant.client_id != client_id {
            return Err(GrantRefused::OtherClient);
        }
        if entry.spent {
            self.replays += 1;
            self.revoke(&grant.id);
            return Err(GrantRefused::Replayed);
        }
        if now >= entry.expires_at {
            return Err(GrantRefused::Expired);
        }
        entry.spent = true;
        Ok(grant)
    }

    /// The grant of a refresh token, spent or not.
    pub(super) fn grant_of_refresh_token(&self, token: &str) -> Option<&Grant> {
        self.grants.get(&self.refresh_tokens.get(token)?.grant)
    }

    /// A grant that still stands.
    pub(super) fn grant(&self, id: &str) -> Option<&Grant> {
        self.grants.get(id)
    }

    /// Ends a grant: its code, its refresh tokens and its access tokens at the UserInfo endpoint.
    pub(super) fn revoke(&mut self, grant: &str) {
        self.grants.remove(grant);
    }

    /// How often a code or a refresh token came back.
    pub(super) fn replays(&self) -> usize {
        self.replays
    }

    /// Signs somebody on; the secret for the cookie.
    pub(super) fn sign_on(&mut self, username: &str, lifetimes: &Lifetimes, now: SystemTime) -> String {
        self.sign_ons.retain(|_, sign_on| now < sign_on.expires_at);
        let secret = random::text::<32>();
        self.sign_ons.insert(
            secret.clone(),
            SignOn {
                username: username.to_owned(),
                sid: random::text::<16>(),
                auth_time: now,
                expires_at: now + lifetimes.sign_on,
                clients: BTreeSet::new(),
            },
        );
        secret
    }

    /// Who this browser is signed on as.
    pub(super) fn signed_on(&self, secret: &str, now: SystemTime) -> Option<&SignOn> {
        self.sign_ons.get(secret).filter(|sign_on| now < sign_on.expires_at)
    }

    /// Notes that a client learnt of a sign-on.
    pub(super) fn note_client(&mut self, secret: &str, client_id: &str) {
        if let Some(sign_on) = self.sign_ons.get_mut(secret) {
            sign_on.clients.insert(client_id.to_owned());
        }
    }

    /// Ends one sign-on, and the grants that came from it.
    pub(super) fn sign_off(&mut self, secret: &str) -> Option<SignOn> {
        let ended = self.sign_ons.remove(secret)?;
        self.grants.retain(|_, grant| grant.sid != ended.sid);
        Some(ended)
    }

    /// Ends every sign-on of a person.
    pub(super) fn sign_off_everywhere(&mut self, username: &str) -> Vec<SignOn> {
        let secrets: Vec<String> = self
            .sign_ons
            .iter()
            .filter(|(_, sign_on)| sign_on.username == username)
            .map(|(secret, _)| secret.clone())
            .collect();
        secrets.iter().filter_map(|secret| self.sign_off(secret)).collect()
    }
}

#[cfg(test)]
mod tests;
