//! A token of everyday size, and the rules that it keeps.

use std::time::{Duration, SystemTime};

use ostia_identity::{AccessTokenProfile, AlgorithmSet, DEFAULT_MAX_LIFETIME, GroupRules};
use serde_json::{Value, json};

const NOW: u64 = 1_795_219_200;

pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://login.example.com/realms/corp", "aud": ["https://api.example.com", "account"],
        "sub": "f7b1c0f2-6a55-4a27-9e5c-0d3d7f3f8a11", "exp": NOW + 300, "iat": NOW, "nbf": NOW, "jti": "4c9d2c1e-0a3f-4a43",
        "client_id": "ostia", "azp": "ostia", "scope": "openid profile email orders.read orders.write",
        "groups": ["staff", "finance-readers", "berlin", "on-call", "everyone"], "email": "someone@example.com",
        "email_verified": true, "name": "Some One", "preferred_username": "someone",
        "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-corp"]},
        "session_state": "0e5e9c8e-52e1-4b1c-9a39-2f70a9d9b3f0", "acr": "1",
    })
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) fn profile() -> AccessTokenProfile {
    AccessTokenProfile {
        provider: "corp".into(),
        issuer: "https://login.example.com/realms/corp".into(),
        audiences: vec!["https://api.example.com".to_owned()],
        audience_claims: vec!["aud".to_owned()],
        login_client: None,
        types: vec!["at+jwt".to_owned()],
        algorithms: AlgorithmSet::all(),
        scope_claims: vec!["scope".to_owned(), "scp".to_owned()],
        client_id_claims: vec!["client_id".to_owned()],
        groups: GroupRules::default(),
        skew: Duration::from_secs(60),
        max_lifetime: DEFAULT_MAX_LIFETIME,
    }
}
