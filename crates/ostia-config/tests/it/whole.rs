//! What holds for every configuration: no text makes the loader panic, what is shown is read back as it was, and the
//! schema knows what the reader knows.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ostia_config::load::{Environment, check_text, parse_text};
use ostia_config::provider::Client;
use ostia_config::{Config, Name, Provider, Secret, effective, schema};
use proptest::prelude::*;
use serde_json::Value;

use crate::stage::Stage;

/// The cases whose names begin so, without what is expected of them.
fn cases(prefix: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(prefix) {
            let text = fs::read_to_string(&path).unwrap();
            cases.push((
                name,
                text.rsplit_once("\n---\n").map(|(yaml, _)| format!("{yaml}\n")).unwrap_or(text),
            ));
        }
    }
    cases
}

fn load(stage: &Stage, text: &str) -> Config {
    parse_text("ostia.yaml", text, stage.folder(), &stage.environment())
        .unwrap_or_else(|told| panic!("{told}\n{text}"))
}

#[test]
fn a_provider_made_without_a_file_has_the_defaults_of_the_language() {
    let text = "provider: { issuer: https://login.example.com, client_id: ostia }\n\
                routes:\n  - { host: a.example.com, allow: authenticated, upstream: 10.0.0.1:80 }\n";
    let config = load(&Stage::new(), text);
    let made = Provider::new(Name::from("default"), "https://login.example.com");
    let made = Provider { client: Some(Client::new("ostia")), ..made };
    assert_eq!(**config.providers.values().next().unwrap(), made);
}

/// The same configuration with every secret shown as it is written, and without the hash of its text.
fn comparable(mut config: Config) -> Config {
    config.hash.clear();
    for provider in config.providers.values_mut() {
        let provider = Arc::make_mut(provider);
        if let Some(introspection) = &mut provider.introspection {
            introspection.client_secret = Secret::new("<set>".to_owned());
        }
        if let Some(client) = &mut provider.client {
            client.client_secret = client.client_secret.as_ref().map(|_| Secret::new("<set>".to_owned()));
            // That there are two shows in `client_secret_file`, whose names are not kept.
            client.more_client_secrets.clear();
        }
    }
    if let Some(store) = &mut config.sessions.store {
        store.password = store.password.as_ref().map(|_| Secret::new("<set>".to_owned()));
    }
    for tls in config.listeners.iter_mut().filter_map(|listener| listener.tls.as_mut()) {
        if let Some(external) = tls.acme.as_mut().and_then(|acme| acme.external_account.as_mut()) {
            external.hmac_key = Secret::new("<set>".to_owned());
        }
    }
    config
}

#[test]
fn what_is_shown_is_read_back_as_it_was() {
    let stage = Stage::new();
    let good = cases("good_");
    assert!(good.len() >= 4);
    for (name, text) in good {
        let config = load(&stage, &text);
        let shown = effective::to_yaml(&config);
        assert_eq!(comparable(load(&stage, &shown)), comparable(config), "{name}\n{shown}");
    }
}

#[test]
fn hash_is_that_of_the_text() {
    let stage = Stage::new();
    let (_, text) = cases("good_ten_lines").remove(0);
    let (one, same, other) =
        (load(&stage, &text), load(&stage, &text), load(&stage, &format!("{text}# and\n")));
    assert_eq!(one.hash, same.hash);
    assert_ne!(one.hash, other.hash);
    assert_eq!(one.hash.len(), 64);
}

#[test]
fn ten_lines_become_what_they_say() {
    let stage = Stage::new();
    let (_, text) = cases("good_ten_lines").remove(0);
    let config = load(&stage, &text);
    let provider = &config.providers["default"];
    let client = provider.client.as_ref().unwrap();
    assert_eq!(client.client_secret.as_ref().unwrap().reveal(), "s3cr3t-of-a-file");
    assert_eq!(client.scopes, ["openid", "profile", "email"]);
    assert_eq!(provider.access_token_types, ["at+jwt", "application/at+jwt"]);
    let route = &config.routes[0];
    assert_eq!(route.name.as_str(), "app.example.com/");
    assert_eq!(route.providers, std::slice::from_ref(&provider.name));
    assert!(route.credentials.session && !route.credentials.bearer, "no audience, so no bearer tokens");
    assert_eq!(config.upstreams["10.0.0.10:8080"].servers[0].address, "10.0.0.10:8080".parse().unwrap());
    assert_eq!(config.listeners[0].bind, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(config.runtime.state_dir, Path::new("/var/lib/ostia"));
    assert_eq!(config.sessions, ostia_config::Sessions::default());
    assert_eq!(config.listeners[0].limits, ostia_config::listener::Limits::default());
    assert_eq!(config.logs, ostia_config::Logs::default());
    assert_eq!(config.admin, ostia_config::Admin::default());
}

#[test]
fn reference_page_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let made = ostia_config::reference::markdown();
    if std::env::var_os("OSTIA_BLESS").is_some() {
        fs::create_dir_all(page.parent().unwrap()).unwrap();
        fs::write(&page, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&page).unwrap() == made,
        "OSTIA_BLESS=1 cargo test -p ostia-config writes the page anew"
    );
}

#[test]
fn trust_in_strangers_is_refused() {
    for (network, trusted) in [
        ("0.0.0.0/0", false),
        ("0.0.0.0/1", false),
        ("::/0", false),
        ("2000::/3", false),
        ("::ffff:0:0/96", false),
        ("10.0.0.0/8", true),
        ("fc00::/7", true),
        ("::ffff:10.0.0.0/104", true),
        ("192.0.2.7", true),
    ] {
        let text = format!(
            "version: 1\nlisteners: {{ http: {{ bind: \"127.0.0.1:80\", trusted_proxies: [\"{network}\"] }} }}\n\
             routes: [{{ allow: anyone, upstream: \"10.0.0.1:80\" }}]\n"
        );
        let checked = check_text("f", &text, Path::new(""), &Environment::empty());
        let codes: Vec<&str> = checked.diagnostics.iter().map(|found| found.code).collect();
        let expected: &[&str] = if trusted { &[] } else { &["E1503"] };
        assert_eq!(codes, expected, "{network}");
    }
}

#[test]
fn thousand_routes_are_read_in_a_moment() {
    let mut text = String::from(
        "version: 1\nprovider: { issuer: https://login.example.com, client_id: ostia }\npolicies:\n",
    );
    for n in 0..1000 {
        text.push_str(&format!("  p{n}: {{ claims: {{ groups: [g{n}] }}, any: p{} }}\n", n + 1));
    }
    text.push_str("  p1000: { claims: { groups: x } }\nroutes:\n");
    for n in 0..1000 {
        text.push_str(&format!("  - {{ host: h{n}.example.com, allow: p{n}, upstream: \"10.0.0.1:80\" }}\n"));
    }
    let begun = std::time::Instant::now();
    let config =
        parse_text("f", &text, Path::new(""), &Environment::empty()).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(config.routes.len(), 1000);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "quadratic? {:?}", begun.elapsed());
}

/// Q6: ten thousand of them, and no step that looks at each for each.
#[test]
fn ten_thousand_routes_are_read() {
    let mut text = String::from(
        "version: 1\nprovider: { issuer: https://login.example.com, client_id: ostia }\n\
         upstreams: { app: { servers: [\"10.0.0.1:80\"] } }\nroutes:\n",
    );
    for n in 0..5000 {
        let route =
            format!("host: app.example.com, path: /service-{n}/, upstream: app, methods: [GET, POST]");
        text.push_str(&format!("  - {{ {route}, allow: authenticated, timeouts: {{ idle: 5m }} }}\n"));
        text.push_str(&format!(
            "  - {{ host: app.example.com, path: /open-{n}/, allow: anyone, upstream: app }}\n"
        ));
    }
    let begun = std::time::Instant::now();
    let config =
        parse_text("f", &text, Path::new(""), &Environment::empty()).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(config.routes.len(), 10_000);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "quadratic? {:?}", begun.elapsed());
}

/// Two threads read it; every route is in its place, and what is wrong is told where it stands.
#[test]
fn a_large_file_is_read_and_told_as_a_small_one() {
    let with = |changes: &[(usize, &str)]| {
        let mut lines: Vec<String> =
            vec!["version: 1".into(), "upstreams: { app: { servers: [10.0.0.1:80] } }".into()];
        lines.push("routes:".into());
        lines.extend((0..2000).map(|n| {
            let more = changes.iter().find(|(at, _)| *at == n).map_or("", |(_, more)| more);
            format!("  - {{ name: r{n}, host: r{n}.example.com, allow: anyone, upstream: app{more} }}")
        }));
        lines.push("pages: { name: \"the end\" }".into());
        parse_text("f", &lines.join("\n"), Path::new(""), &Environment::empty())
    };
    let config = with(&[]).unwrap_or_else(|told| panic!("{told}"));
    assert!(config.routes.iter().enumerate().all(|(n, route)| route.name.as_str() == format!("r{n}")));
    assert_eq!((config.routes.len(), config.pages.name.as_deref()), (2000, Some("the end")));
    for changes in [
        &[(7, ", mirror: { upstream: nobody }")][..],
        &[(1900, ", mirror: { upstream: nobody }")],
        &[(3, ", metods: [GET]"), (1200, ", uptream: app"), (1999, ", compression: perhaps")],
        &[(1500, ", upgrade: &all [websocket]")],
        &[(1500, ", name: again")],
    ] {
        let told = with(changes).unwrap_err();
        let lines: Vec<usize> = told.iter().map(|one| one.line).collect();
        let expected: Vec<usize> = changes.iter().map(|(n, _)| n + 4).collect();
        assert_eq!(lines, expected, "{told}");
        for (one, (n, _)) in told.iter().zip(changes).filter(|(one, _)| !one.path.is_empty()) {
            assert!(one.path.starts_with(&format!("routes[{n}]")), "{}", one.path);
        }
    }
}

/// As much of JSON Schema as ours uses; patterns are for editors and are left to them.
fn valid(root: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        return valid(root, root.pointer(reference.trim_start_matches('#')).unwrap(), value);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().any(|schema| valid(root, schema, value));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => Vec::new(),
    };
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("{other}"),
    };
    let within = |number: f64| {
        schema["minimum"].as_f64().is_none_or(|min| number >= min)
            && schema["maximum"].as_f64().is_none_or(|max| number <= max)
    };
    (types.is_empty() || types.into_iter().any(is))
        && schema["enum"].as_array().is_none_or(|words| words.contains(value))
        && value.as_f64().is_none_or(within)
        && value.as_array().is_none_or(|items| {
            items.len() as u64 >= schema["minItems"].as_u64().unwrap_or(0)
                && items.iter().all(|item| valid(root, &schema["items"], item))
        })
        && value.as_object().is_none_or(|map| {
            let required = schema["required"].as_array().into_iter().flatten();
            required.filter_map(Value::as_str).all(|key| map.contains_key(key))
                && map.iter().all(|(key, value)| {
                    match (&schema["properties"][key], &schema["additionalProperties"]) {
                        (Value::Null, Value::Bool(allowed)) => *allowed,
                        (Value::Null, other) => valid(root, other, value),
                        (known, _) => valid(root, known, value),
                    }
                })
        })
}

#[test]
fn schema_takes_what_the_reader_takes() {
    let schema = schema::json_schema();
    for (name, text) in cases("good_") {
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert!(valid(&schema, &schema, &value), "{name}");
    }
}

#[test]
fn schema_marks_what_the_reader_refuses() {
    let schema = schema::json_schema();
    for name in [
        "unknown_keys",
        "not_supported_yet",
        "wrong_types",
        "missing_keys",
        "out_of_bounds",
        "version_2",
        "contract",
    ] {
        let (_, text) = cases(name).remove(0);
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert!(!valid(&schema, &schema, &value), "{name}");
    }
}

/// A case with a piece cut out and another put in.
fn damaged() -> impl Strategy<Value = String> {
    let texts: Vec<String> = cases("").into_iter().map(|(_, text)| text).collect();
    let word = prop_oneof![
        "\\PC{0,12}",
        "[ \\[\\]{}:,&*!|>'\"%@`#\n\t~$-]{0,6}",
        prop::sample::select(vec![
            "${OIDC_SECRET}",
            "${",
            "null",
            "[]",
            "{}",
            "\n---\n",
            "- ",
            "hunter2",
            "1e999",
            "-1"
        ])
        .prop_map(str::to_owned),
    ];
    (prop::sample::select(texts), any::<prop::sample::Index>(), 0_usize..24, word).prop_map(
        |(text, at, cut, word)| {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((at + cut).min(text.len()));
            format!("{}{word}{}", &text[..at], &text[end..])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_configuration_never_panics_and_never_tells_a_secret_of_the_outside(text in damaged()) {
        let stage = Stage::new();
        let checked = check_text("ostia.yaml", &text, stage.folder(), &stage.environment());
        prop_assert_eq!(checked.config.is_some(), !checked.diagnostics.has_errors());
        for told in [checked.diagnostics.render_text(), checked.diagnostics.render_json()] {
            prop_assert!(!told.contains("s3cr3t-of"), "{}", told);
        }
    }

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let checked = check_text("ostia.yaml", &text, Path::new(""), &Environment::empty());
        let _ = checked.diagnostics.render_text();
        prop_assert!(checked.config.is_none());
    }
}
