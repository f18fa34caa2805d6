//! A realm: one provider, its issuer and our client there, by which sessions are told apart.
//!
//! A session names its realm by a digest of all three. If the configuration gives a provider's name to another issuer
//! or another client, the sessions of before belong to no realm any more, even under equal names and keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use ostia_config::{Name, Provider};

/// The digest that stands for a realm in sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RealmId(pub(crate) [u8; 16]);

/// A provider that people sign in through.
#[derive(Clone, Debug)]
pub(crate) struct Realm {
    pub(crate) id: RealmId,
    pub(crate) provider: Arc<str>,
    pub(crate) issuer: Arc<str>,
}

/// The realms of a configuration.
#[derive(Debug)]
pub(crate) struct Realms(Vec<Realm>);

impl Realms {
    /// The providers with a client; the others only check bearer tokens.
    pub(crate) fn new(providers: &BTreeMap<Name, Arc<Provider>>) -> Self {
        let mut realms: Vec<Realm> = providers
            .iter()
            .filter_map(|(name, provider)| {
                let client = provider.client.as_ref()?;
                let id = RealmId::new(name, &provider.issuer, &client.client_id);
                Some(Realm { id, provider: name.as_str().into(), issuer: provider.issuer.as_str().into() })
            })
            .collect();
        realms.sort_by_key(|realm| realm.id);
        Self(realms)
    }

    pub(crate) fn by_id(&self, id: RealmId) -> Option<&Realm> {
        let at = self.0.binary_search_by_key(&id, |realm| realm.id).ok()?;
        self.0.get(at)
    }

    /// The realm of a provider's name. A walk, for the cold path.
    pub(crate) fn by_provider(&self, provider: &str) -> Option<&Realm> {
        self.0.iter().find(|realm| &*realm.provider == provider)
    }
}

impl RealmId {
    fn new(provider: &str, issuer: &str, client_id: &str) -> Self {
        let mut digest = Context::new(&SHA256);
        for text in ["ostia realm 1", provider, issuer, client_id] {
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.finish().as_ref()) {
            *to = *from;
        }
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::RealmId;

    #[test]
    fn a_realm_differs_by_provider_issuer_and_client_each() {
        let one = RealmId::new("corp", "https://a.example", "ostia");
        for (provider, issuer, client) in [
            ("ci", "https://a.example", "ostia"),
            ("corp", "https://b.example", "ostia"),
            ("corp", "https://a.example", "other"),
            ("corphttps://a.example", "", "ostia"),
        ] {
            assert_ne!(one, RealmId::new(provider, issuer, client), "{provider} {issuer} {client}");
        }
    }
}
