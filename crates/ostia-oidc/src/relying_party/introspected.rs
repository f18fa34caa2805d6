//! More claims from the introspection endpoint (RFC 7662), which is asked about the access token of a sign-in.

use std::sync::Arc;
use std::time::SystemTime;

use ostia_identity::JsonValue;
use serde_json::{Map, Value};

use super::claims::About;
use crate::Fault;
use crate::provider::Provider;

/// Members that speak of the token, not of the person.
const OF_THE_TOKEN: [&str; 5] = ["active", "client_id", "cnf", "scope", "token_type"];

/// Why the answer about the access token was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntrospectedRefused {
    /// No usable answer; why, in a word.
    #[error("the issuer said nothing about the access token ({0})")]
    NoAnswer(&'static str),
    /// The issuer does not stand by the token that it has just given.
    #[error("the issuer says that the access token is not active")]
    NotActive,
    /// `sub` is missing or not the one of the ID token.
    #[error("the answer about the access token is about another subject")]
    SubjectDiffers,
}

impl IntrospectedRefused {
    /// The reason as a word for logs, metrics and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoAnswer(reason) => reason,
            Self::NotActive => "introspection_not_active",
            Self::SubjectDiffers => "introspection_subject_differs",
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoAnswer("introspection_client_refused" | "introspection_endpoint_missing") => {
                Fault::Operator
            }
            Self::NoAnswer(_) | Self::NotActive | Self::SubjectDiffers => Fault::Issuer,
        }
    }
}

impl Provider {
    /// What the issuer says about the person of this access token.
    pub(crate) async fn introspected(
        self: &Arc<Self>,
        about: About<'_>,
        now: SystemTime,
    ) -> Result<Map<String, Value>, IntrospectedRefused> {
        let settings = self.settings.introspection.as_ref();
        let settings = settings.ok_or(IntrospectedRefused::NoAnswer("introspection_not_set_up"))?;
        let said = self.introspect(about.access_token.reveal(), settings, now).await;
        let said = said.map_err(IntrospectedRefused::NoAnswer)?;
        if said.get("active").and_then(JsonValue::as_bool) != Some(true) {
            return Err(IntrospectedRefused::NotActive);
        }
        if said.string("sub") != Some(about.subject) {
            return Err(IntrospectedRefused::SubjectDiffers);
        }
        let of_person = said.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(name));
        Ok(of_person.map(|(name, value)| (name.to_owned(), value.to_value())).collect())
    }
}
