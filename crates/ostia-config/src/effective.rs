//! The configuration as it is in force: every default filled in, every secret shown as `<set>`.
//!
//! What is written here is the language again: read back, it gives the same model (but for the secrets).

mod connection;
mod handling;
mod section;
mod upstream;

use serde_yaml::{Mapping, Value};

use crate::link::is_address;
use crate::{Config, Name};

/// Writes the model back as YAML (`ostia config show --effective`).
#[must_use]
pub fn to_yaml(config: &Config) -> String {
    serde_yaml::to_string(&Value::Mapping(root(config))).unwrap_or_default()
}

fn root(config: &Config) -> Mapping {
    let named = config.upstreams.values().filter(|upstream| !is_address(&upstream.name));
    let extensions: Vec<Value> =
        config.extensions.iter().map(section::extension).map(Value::Mapping).collect();
    let extensions = (!extensions.is_empty()).then_some(extensions);
    Map::default()
        .with("version", 1_u64)
        .with("listeners", named_maps(&config.listeners, |one| (&one.name, section::listener(one))))
        .with_some(
            "providers",
            filled(named_maps(config.providers.values(), |one| (&one.name, section::provider(one)))),
        )
        .with_some(
            "policies",
            filled(named_maps(config.policies.values(), |one| (&one.name, section::policy(one)))),
        )
        .with_some("upstreams", filled(named_maps(named, |one| (&one.name, upstream::upstream(one)))))
        .with("routes", config.routes.iter().map(section::route).map(Value::Mapping).collect::<Vec<_>>())
        .with("sessions", section::sessions(&config.sessions))
        .with("identity", section::identity(&config.identity))
        .with_some("extensions", extensions)
        .with("logs", section::logs(&config.logs))
        .with_some("pages", filled(section::pages(&config.pages)))
        .with("admin", section::admin(&config.admin))
        .with("runtime", section::runtime(&config.runtime))
        .0
}

fn named_maps<'a, T: 'a>(
    all: impl IntoIterator<Item = &'a T>,
    one: impl Fn(&'a T) -> (&'a Name, Mapping),
) -> Mapping {
    all.into_iter().map(one).map(|(name, map)| (Value::from(name.as_str()), Value::Mapping(map))).collect()
}

fn filled(map: Mapping) -> Option<Mapping> {
    (!map.is_empty()).then_some(map)
}

/// A map under construction, in the order of the calls.
#[derive(Default)]
struct Map(Mapping);

impl Map {
    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(Value::from(key), value.into());
        self
    }

    fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// A list of texts.
fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<Value> {
    items.into_iter().map(|item| Value::from(item.to_string())).collect()
}

fn some_texts<T: ToString>(items: &[T]) -> Option<Vec<Value>> {
    (!items.is_empty()).then(|| texts(items.iter().map(ToString::to_string)))
}

fn duration(value: std::time::Duration) -> Value {
    Value::from(crate::value::duration_words(value))
}

fn path(value: &std::path::Path) -> Value {
    Value::from(value.display().to_string())
}
