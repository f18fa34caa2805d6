//! The issuers that the tokens of a provider may name, from its section.

use std::sync::Arc;

use ostia_config::Provider as Settings;
use ostia_identity::IssuerRules;

use super::Provider;

impl Provider {
    /// Whether tokens of this provider may name `issuer`: to find the provider of a token that nobody has checked yet.
    #[must_use]
    pub fn is_named(&self, issuer: &str) -> bool {
        self.issuers.name(issuer)
    }
}

/// The rules of a section.
pub(crate) fn rules(settings: &Settings) -> IssuerRules {
    let own: Arc<str> = settings.issuer.as_str().into();
    let also = settings.issuer_aliases.clone();
    match settings.issuer_template() {
        Some(template) => {
            let forms = std::iter::once(template).chain(also).collect();
            IssuerRules::of_tenants(own, forms, settings.allowed_tenants.clone())
        }
        None => IssuerRules::new(own, also),
    }
}
