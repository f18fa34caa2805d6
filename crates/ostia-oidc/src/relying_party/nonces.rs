//! The nonces that servers want in our proofs (RFC 9449 sections 8 and 9): the last one that came, for each server.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::HeaderMap;

/// A nonce of more bytes than this is not kept.
const LONGEST: usize = 1024;

/// The last nonces of one provider.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    issuer: ArcSwapOption<String>,
    userinfo: ArcSwapOption<String>,
}

impl Nonces {
    pub(crate) fn of_issuer(&self) -> Option<Arc<String>> {
        self.issuer.load_full()
    }

    pub(crate) fn of_userinfo(&self) -> Option<Arc<String>> {
        self.userinfo.load_full()
    }

    pub(crate) fn note_of_issuer(&self, headers: &HeaderMap) {
        note(&self.issuer, headers);
    }

    pub(crate) fn note_of_userinfo(&self, headers: &HeaderMap) {
        note(&self.userinfo, headers);
    }
}

fn note(place: &ArcSwapOption<String>, headers: &HeaderMap) {
    let mut values = headers.get_all("dpop-nonce").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return };
    if let Some(text) = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= LONGEST) {
        place.store(Some(Arc::new(text.to_owned())));
    }
}
