//! What the client's certificate must say.

use ostia_config::policy::CertificateCondition;

use crate::decision::Reason;
use crate::facts::ClientCertificate;
use crate::glob::{Glob, Stops};
use crate::truth::Truth;

/// A compiled `client_certificate`. A list that is empty asks for nothing.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) subjects: Box<[Glob]>,
    pub(crate) names: Box<[Glob]>,
    pub(crate) issuers: Box<[Glob]>,
    pub(crate) sha256: Box<[String]>,
}

impl Certificate {
    pub(crate) fn new(condition: &CertificateCondition) -> Self {
        let globs = |list: &[String]| list.iter().map(|one| Glob::new(one, Stops::Nowhere)).collect();
        Self {
            subjects: globs(&condition.subjects),
            names: globs(&condition.names),
            issuers: globs(&condition.issuers),
            sha256: condition.sha256.clone().into(),
        }
    }

    pub(crate) fn judge(&self, presented: Option<ClientCertificate<'_>>) -> (Truth, Reason) {
        let Some(presented) = presented else { return (Truth::Unknown, Reason::CertificateMissing) };
        let fits = |globs: &[Glob], text: &str| globs.iter().any(|glob| glob.matches(text.as_bytes(), false));
        let holds = (self.subjects.is_empty() || fits(&self.subjects, presented.subject))
            && (self.issuers.is_empty() || fits(&self.issuers, presented.issuer))
            && (self.names.is_empty() || presented.names.iter().any(|name| fits(&self.names, name)))
            && (self.sha256.is_empty() || self.sha256.iter().any(|one| one == presented.sha256));
        (holds.into(), Reason::CertificateDiffers)
    }
}
