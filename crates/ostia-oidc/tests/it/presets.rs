//! Metadata as eight providers publish them, held against the section that their preset makes.

use std::path::Path;
use std::sync::Arc;

use ostia_config::load::{Environment, parse_text};
use ostia_oidc::provider::metadata::{Metadata, MetadataRefused};

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!("../../../ostia-testkit/src/dialect_provider/documents/", $name, ".json"))
    };
}

fn section(keys: &str) -> Arc<ostia_config::Provider> {
    let yaml = format!(
        "provider:\n{keys}routes:\n  - {{ host: app.example.com, allow: authenticated, upstream: 127.0.0.1:1 }}\n"
    );
    let config = parse_text("test", &yaml, Path::new(""), &Environment::empty()).unwrap();
    Arc::clone(config.providers.values().next().unwrap())
}

fn read(keys: &str, document: &str) -> Result<Metadata, MetadataRefused> {
    let section = section(keys);
    let allowed = section.signing_algorithms.iter().map(String::as_str);
    let allowed = ostia_identity::AlgorithmSet::from_names(allowed).unwrap();
    Metadata::read(document.as_bytes(), &section, allowed)
}

#[test]
fn recorded_metadata_of_every_preset_are_accepted() {
    let tenants = "  allowed_tenants: [11111111-2222-3333-4444-555555555555]\n";
    for (preset, issuer, document, more, revokes, says_issuer) in [
        ("okta", "https://dev-000000.okta.com/oauth2/default", recorded!("okta"), "", true, false),
        ("google", "https://accounts.google.com", recorded!("google"), "", true, true),
        (
            "cognito",
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE",
            recorded!("cognito"),
            "",
            true,
            false,
        ),
        (
            "entra",
            "https://login.microsoftonline.com/organizations/v2.0",
            recorded!("entra"),
            tenants,
            false,
            false,
        ),
        ("keycloak", "https://login.example.com/realms/corp", recorded!("keycloak"), "", true, true),
        ("auth0", "https://example.eu.auth0.com/", recorded!("auth0"), "", true, false),
        ("gitlab", "https://gitlab.example.com", recorded!("gitlab"), "", true, false),
        ("dex", "https://dex.example.com/dex", recorded!("dex"), "", false, false),
    ] {
        let keys = format!("  preset: {preset}\n  issuer: {issuer}\n  client_id: ostia\n{more}");
        let metadata = read(&keys, document).unwrap_or_else(|refused| panic!("{preset}: {refused}"));
        assert!(metadata.authorization_endpoint.is_some(), "{preset}");
        assert!(!metadata.id_token_algorithms.is_empty(), "{preset}");
        assert_eq!(metadata.revocation_endpoint.is_some(), revokes, "{preset}");
        assert_eq!(metadata.iss_parameter_required, says_issuer, "{preset}");
    }
}

#[test]
fn an_issuer_in_another_form_is_refused() {
    for (preset, issuer, document) in [
        ("okta", "https://dev-000000.okta.com", recorded!("okta")),
        ("google", "https://accounts.google.com/", recorded!("google")),
        ("auth0", "https://example.eu.auth0.com", recorded!("auth0")),
        (
            "entra",
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
            recorded!("entra"),
        ),
        ("keycloak", "https://login.example.com/auth/realms/corp", recorded!("keycloak")),
    ] {
        let keys = format!("  preset: {preset}\n  issuer: {issuer}\n  client_id: ostia\n");
        let refused = read(&keys, document).unwrap_err();
        assert_eq!(refused.slug(), "metadata_issuer_mismatch", "{preset}");
    }
}
