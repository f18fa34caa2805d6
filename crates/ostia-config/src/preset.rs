//! `providers.*.preset`: the habits of a known provider, as a piece of configuration that anybody could have written.
//!
//! A preset is YAML of the language itself. It is laid under the operator's section before that is read: maps are
//! merged key by key, and what the operator wrote wins. An error in a value that came from a preset points to the line
//! that names it.

use crate::describe::Words;
use crate::findings::Findings;
use crate::section::provider::LOGIN_KEYS;
use crate::source::{Source, Span};
use crate::tree::read::read;
use crate::tree::{Entry, Node, Value};

/// The names, for the reader and the reference.
pub(crate) static WORDS: Words = Words {
    now: &["okta", "google", "cognito", "entra", "keycloak", "auth0", "gitlab", "dex", "generic"],
    later: &[],
};

/// The names of all presets.
#[must_use]
pub fn names() -> &'static [&'static str] {
    WORDS.now
}

/// The text of a preset (`ostia config preset NAME`): keys of `providers.*`, with comments.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "okta" => include_str!("preset/okta.yaml"),
        "google" => include_str!("preset/google.yaml"),
        "cognito" => include_str!("preset/cognito.yaml"),
        "entra" => include_str!("preset/entra.yaml"),
        "keycloak" => include_str!("preset/keycloak.yaml"),
        "auth0" => include_str!("preset/auth0.yaml"),
        "gitlab" => include_str!("preset/gitlab.yaml"),
        "dex" => include_str!("preset/dex.yaml"),
        "generic" => include_str!("preset/generic.yaml"),
        _ => return None,
    })
}

/// Lays the presets that a configuration names under its providers.
pub(crate) fn fill(root: &mut Node) {
    let Value::Map(sections) = &mut root.value else { return };
    for section in sections {
        match (section.key.as_str(), &mut section.value.value) {
            ("provider", _) => fill_one(&mut section.value),
            ("providers", Value::Map(providers)) => {
                providers.iter_mut().for_each(|provider| fill_one(&mut provider.value));
            }
            _ => {}
        }
    }
}

fn fill_one(provider: &mut Node) {
    let Some((name, span)) = provider.get("preset").and_then(written) else { return };
    let Some(Value::Map(mut knobs)) = text(&name).and_then(parsed).map(|node| node.value) else { return };
    if provider.entry("client_id").is_none() {
        // Nobody signs in here: what a preset says about signing in is nobody's mistake.
        knobs.retain(|knob| !LOGIN_KEYS.contains(&knob.key.as_str()));
    }
    knobs.iter_mut().for_each(|knob| place(knob, span));
    merge(provider, knobs);
}

fn written(node: &Node) -> Option<(String, Span)> {
    match &node.value {
        Value::Scalar(scalar) => Some((scalar.text.clone(), node.span)),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<Node> {
    read(&Source::new("preset", text), None, &Findings::default())
}

/// Everything that a preset says stands where it is named.
fn place(entry: &mut Entry, span: Span) {
    entry.key_span = span;
    place_node(&mut entry.value, span);
}

fn place_node(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| place_node(item, span)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| place(entry, span)),
        Value::Null | Value::Scalar(_) | Value::Broken => {}
    }
}

/// Adds what is not there; goes into maps that both have.
fn merge(into: &mut Node, knobs: Vec<Entry>) {
    let Value::Map(entries) = &mut into.value else { return };
    for knob in knobs {
        match entries.iter_mut().find(|entry| entry.key == knob.key) {
            None => entries.push(knob),
            Some(own) => {
                if let Value::Map(below) = knob.value.value {
                    merge(&mut own.value, below);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Provider;
    use crate::load::{Environment, parse_text};
    use crate::provider::{ClaimsSource, LogoutDialect};

    fn provider(keys: &str) -> Provider {
        let yaml = format!(
            "provider:\n  issuer: https://login.example.com\n{keys}routes:\n  \
             - {{ host: app.example.com, allow: authenticated, upstream: 127.0.0.1:1 }}\n"
        );
        let config = parse_text("t", &yaml, Path::new(""), &Environment::empty()).unwrap();
        (**config.providers.values().next().unwrap()).clone()
    }

    #[test]
    fn every_preset_is_a_section_that_is_accepted_for_people_and_for_machines() {
        for name in names() {
            let people = provider(&format!("  preset: {name}\n  client_id: ostia\n"));
            assert!(people.client.is_some(), "{name}");
            let machines = provider(&format!("  preset: {name}\n  audience: https://api.example.com\n"));
            assert!(machines.client.is_none() && machines.accepts_bearers(), "{name}");
        }
        assert!(text("octa").is_none());
    }

    #[test]
    fn what_a_preset_says_stands_where_it_is_named() {
        let source = Source::new("t", "provider:\n  preset: keycloak\n  client_id: ostia\n");
        let mut root = read(&source, None, &Findings::default()).unwrap();
        fill(&mut root);
        let provider = root.get("provider").unwrap();
        let named = provider.get("preset").unwrap().span;
        assert_eq!(source.slice(named), "keycloak");
        let groups = provider.entry("groups").unwrap();
        assert_eq!((groups.key_span, groups.value.span), (named, named));
        let claims = groups.value.get("claims").unwrap();
        assert!(matches!(&claims.value, Value::List(items) if items.iter().all(|item| item.span == named)));
        assert_ne!(provider.get("client_id").unwrap().span, named);
    }

    #[test]
    fn the_generic_preset_says_what_stands_without_any() {
        let keys = "  client_id: ostia\n";
        assert_eq!(provider(&format!("  preset: generic\n{keys}")), provider(keys));
    }

    #[test]
    fn what_the_operator_wrote_wins_key_by_key() {
        let own = "  preset: keycloak\n  client_id: ostia\n  scopes: [openid, groups]\n  \
                   groups: { strip_prefix: \"/x\" }\n  logout: { dialect: none }\n  claims_from: [id_token]\n";
        let provider = provider(own);
        let client = provider.client.unwrap();
        assert_eq!(client.scopes, ["openid", "groups"]);
        assert_eq!(provider.groups.strip_prefix.as_deref(), Some("/x"));
        assert_eq!(provider.groups.claims.len(), 2, "the rest of the map is the preset's");
        assert_eq!(client.logout_dialect, LogoutDialect::None);
        assert!(client.back_channel_logout);
        assert_eq!(provider.claims_from, []);
    }

    #[test]
    fn each_preset_knows_the_habits_that_its_provider_has() {
        let of = |name: &str| provider(&format!("  preset: {name}\n  client_id: ostia\n"));
        let dialect = |name: &str| of(name).client.unwrap().logout_dialect;
        for (name, expected) in [
            ("okta", LogoutDialect::Okta),
            ("google", LogoutDialect::None),
            ("cognito", LogoutDialect::Cognito),
            ("entra", LogoutDialect::Oidc),
            ("keycloak", LogoutDialect::Oidc),
            ("auth0", LogoutDialect::Auth0),
            ("gitlab", LogoutDialect::None),
            ("dex", LogoutDialect::Oidc),
        ] {
            assert_eq!(dialect(name), expected, "{name}");
        }
        let google = of("google");
        assert_eq!(google.issuer_aliases, ["accounts.google.com"]);
        assert_eq!(google.client.unwrap().authorize_params["access_type"], "offline");
        assert_eq!(of("entra").claims_from, [ClaimsSource::MicrosoftGraph]);
        assert_eq!(of("gitlab").claims_from, [ClaimsSource::UserInfo]);
        assert_eq!(of("cognito").audience_claims, ["aud", "client_id"]);
        assert!(of("cognito").client.unwrap().scopes.iter().all(|scope| scope != "offline_access"));
    }
}
