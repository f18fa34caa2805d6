//! Bodies of fuzz targets, as ordinary functions that also run under `cargo test`.

use ostia_config::Name;
use ostia_config::provider::Client;
use ostia_identity::AlgorithmSet;

use crate::provider::metadata::Metadata;
use crate::relying_party::answer::AuthorizationAnswer;

const ISSUER: &str = "https://login.example.com";

/// The query of a callback, or the form of one, of arbitrary bytes: nothing panics, and only the parameters of this very
/// login give a code.
pub fn callback_query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(answer) = AuthorizationAnswer::read(text) else { return };
    let is_ours = answer.check_state("state-of-this-login").is_ok();
    assert!(!is_ours || text.contains("state"));
    assert!(answer.check_state("").is_err());
    if answer.check_issuer(&ISSUER.into(), true).is_ok() {
        assert!(text.contains("iss") || text.contains('%'));
    }
    match answer.code() {
        Ok(code) => assert!(!code.is_empty()),
        Err(refused) => assert!(!refused.slug().is_empty() && !refused.to_string().contains('\n')),
    }
}

/// A discovery document of arbitrary bytes: nothing panics, and what is used is of our issuer and goes nowhere but to
/// `https`.
pub fn discovery_document(bytes: &[u8]) {
    let Ok(metadata) = Metadata::read(bytes, &settings(), AlgorithmSet::all()) else { return };
    let endpoints = [
        Some(&metadata.jwks_uri),
        metadata.end_session_endpoint.as_ref(),
        metadata.introspection_endpoint.as_ref(),
        metadata.revocation_endpoint.as_ref(),
        metadata.userinfo_endpoint.as_ref(),
    ];
    for endpoint in endpoints.into_iter().flatten() {
        assert!(endpoint.scheme() == "https" && endpoint.has_host() && endpoint.fragment().is_none());
    }
    assert!(!metadata.id_token_algorithms.is_empty());
    let login = metadata.login.as_ref();
    assert!(login.is_some_and(|login| login.authorization.scheme() == "https"));
}

fn settings() -> ostia_config::Provider {
    let client = Client { back_channel_logout: true, ..Client::new("ostia") };
    ostia_config::Provider { client: Some(client), ..ostia_config::Provider::new(Name::from("corp"), ISSUER) }
}

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// The targets, named as the folders of `corpus/` are.
pub const TARGETS: [Target; 2] =
    [("callback_query", callback_query), ("discovery_document", discovery_document)];

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_replays() {
        ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &super::TARGETS, 40);
    }
}
