//! Which issuers the tokens of one provider may name: its own, other spellings of it, those of its tenants.

use std::sync::Arc;

use crate::refusal::{Excerpt, TokenRefused};
use crate::{Claims, validation};

/// Stands in an issuer for the tenant, as Microsoft's metadata write it.
pub const TENANT_PLACE: &str = "{tenantid}";

/// The issuers of one provider. Every comparison is byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRules {
    own: Arc<str>,
    also: Vec<String>,
    tenants: Option<Tenants>,
}

/// An issuer that has a name of its own for each tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tenants {
    /// Forms of `iss`, each with [`TENANT_PLACE`].
    forms: Vec<String>,
    /// Values of the claim `tid`.
    allowed: Vec<String>,
}

impl IssuerRules {
    /// One issuer, and other spellings of it (`accounts.google.com`).
    #[must_use]
    pub fn new(own: Arc<str>, also: Vec<String>) -> Self {
        Self { own, also, tenants: None }
    }

    /// An issuer for several tenants: tokens name one of `forms`, in which [`TENANT_PLACE`] stands for the claim `tid`,
    /// and `tid` is one of `allowed`. `own` is what identities are known by; no token has to name it.
    #[must_use]
    pub fn of_tenants(own: Arc<str>, forms: Vec<String>, allowed: Vec<String>) -> Self {
        Self { own, also: Vec::new(), tenants: Some(Tenants { forms, allowed }) }
    }

    /// The issuer that identities carry.
    #[must_use]
    pub fn own(&self) -> &Arc<str> {
        &self.own
    }

    /// Whether tokens of this provider may name `issuer`: to find the provider of a token that nobody has checked yet.
    #[must_use]
    pub fn name(&self, issuer: &str) -> bool {
        match &self.tenants {
            None => issuer == &*self.own || self.also.iter().any(|other| other == issuer),
            Some(tenants) => tenants.allowed.iter().any(|tenant| tenants.issues(issuer, tenant)),
        }
    }

    /// `iss` is one of ours, and of the tenant that `tid` names.
    pub(crate) fn check(&self, claims: &Claims) -> Result<(), TokenRefused> {
        let found = validation::required_string(claims, "iss")?;
        let Some(tenants) = &self.tenants else {
            return if self.name(found) { Ok(()) } else { Err(differs(found)) };
        };
        let tenant = validation::required_string(claims, "tid")?;
        if !tenants.issues(found, tenant) {
            return Err(differs(found));
        }
        if !tenants.allowed.iter().any(|allowed| allowed == tenant) {
            return Err(TokenRefused::TenantNotAllowed { found: Excerpt::new(tenant) });
        }
        Ok(())
    }
}

impl Tenants {
    fn issues(&self, issuer: &str, tenant: &str) -> bool {
        let is_form = |form: &String| {
            form.split_once(TENANT_PLACE).is_some_and(|(before, after)| {
                issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) == Some(tenant)
            })
        };
        self.forms.iter().any(is_form)
    }
}

fn differs(found: &str) -> TokenRefused {
    TokenRefused::IssuerDiffers { found: Excerpt::new(found) }
}

impl From<&str> for IssuerRules {
    fn from(own: &str) -> Self {
        Self::new(own.into(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(rules: &IssuerRules, claims: serde_json::Value) -> Option<&'static str> {
        rules.check(&Claims::new(claims.as_object().unwrap().clone())).err().map(|refused| refused.slug())
    }

    #[test]
    fn an_issuer_has_only_the_spellings_that_were_named() {
        let rules = IssuerRules::new("https://accounts.example".into(), vec!["accounts.example".to_owned()]);
        for (issuer, expected) in [
            (json!("https://accounts.example"), None),
            (json!("accounts.example"), None),
            (json!("https://accounts.example/"), Some("issuer_differs")),
            (json!("ACCOUNTS.example"), Some("issuer_differs")),
            (json!("http://accounts.example"), Some("issuer_differs")),
            (json!(["accounts.example"]), Some("token_claim_malformed")),
        ] {
            assert_eq!(refused(&rules, json!({ "iss": issuer })), expected, "{issuer}");
        }
        assert_eq!(refused(&rules, json!({})), Some("token_claim_missing"));
    }

    #[test]
    fn a_tenant_counts_only_where_it_is_allowed_and_where_issuer_and_tid_agree() {
        let forms = ["https://login.example/{tenantid}/v2.0", "https://sts.example/{tenantid}/"];
        let rules = IssuerRules::of_tenants(
            "https://login.example/organizations/v2.0".into(),
            forms.map(str::to_owned).to_vec(),
            vec!["t-1".to_owned(), "t-2".to_owned()],
        );
        let login = |tenant: &str| format!("https://login.example/{tenant}/v2.0");
        for (issuer, tenant, expected) in [
            (login("t-1"), json!("t-1"), None),
            ("https://sts.example/t-2/".to_owned(), json!("t-2"), None),
            (login("t-3"), json!("t-3"), Some("tenant_not_allowed")),
            (login("t-3"), json!("t-1"), Some("issuer_differs")),
            (login("t-1"), json!("t-2"), Some("issuer_differs")),
            (login("t-1"), json!(null), Some("token_claim_malformed")),
            (login("{tenantid}"), json!("{tenantid}"), Some("tenant_not_allowed")),
            ("https://login.example/organizations/v2.0".to_owned(), json!("t-1"), Some("issuer_differs")),
            ("https://login.example/t-1/v2.0/".to_owned(), json!("t-1"), Some("issuer_differs")),
            ("https://evil.example/t-1/v2.0".to_owned(), json!("t-1"), Some("issuer_differs")),
        ] {
            assert_eq!(
                refused(&rules, json!({ "iss": issuer, "tid": tenant })),
                expected,
                "{issuer} {tenant}"
            );
        }
        assert_eq!(refused(&rules, json!({ "iss": login("t-1") })), Some("token_claim_missing"));
        assert!(rules.name(&login("t-1")) && !rules.name(&login("t-3")));
    }
}
