//! What expressions read, made of the same facts as native conditions read; only what is needed is made.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use cel::objects::{Key, Map};
use cel::{Context, Value};
use ostia_identity::{Identity, Json, JsonValue};

use super::checked::{Members, Needs};
use crate::facts::{ClientCertificate, Facts};

pub(super) fn fill(context: &mut Context<'_, '_>, needs: &Needs, identity: &Identity, facts: &Facts<'_>) {
    if !needs.claims.is_empty() {
        context.add_variable_from_value("claims", claims(&needs.claims, identity));
    }
    if needs.identity {
        let scopes: Vec<Value> = identity.scopes.iter().map(|scope| text(scope)).collect();
        let members = [
            ("provider", text(&identity.provider)),
            ("issuer", text(&identity.issuer)),
            ("subject", text(&identity.subject)),
            ("scopes", Value::List(Arc::new(scopes))),
        ];
        context.add_variable_from_value("identity", map(members));
    }
    if needs.request {
        let seconds = facts.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let members = [
            ("method", text(facts.method)),
            ("host", text(facts.host)),
            ("path", text(facts.path)),
            ("source", Value::String(Arc::new(facts.source.to_string()))),
            ("time", Value::Int(i64::try_from(seconds).unwrap_or(i64::MAX))),
        ];
        context.add_variable_from_value("request", map(members));
    }
    // Without a certificate its name stands for nothing, so that reading it is an error and denies.
    if let Some(certificate) = facts.certificate.filter(|_| needs.certificate) {
        context.add_variable_from_value("client_certificate", of_certificate(certificate));
    }
}

fn claims(wanted: &Members, identity: &Identity) -> Value {
    let all = &identity.claims;
    let pair = |(name, value): (&str, JsonValue<'_>)| (key(name), of_json(value));
    let map: HashMap<Key, Value> = match wanted {
        Members::All => all.iter().map(pair).collect(),
        Members::Named(names) => {
            names.iter().filter_map(|name| Some((name.as_str(), all.get(name)?))).map(pair).collect()
        }
    };
    Value::Map(Map { map: Arc::new(map) })
}

fn of_certificate(certificate: ClientCertificate<'_>) -> Value {
    let names: Vec<Value> = certificate.names.iter().map(|name| text(name)).collect();
    map([
        ("subject", text(certificate.subject)),
        ("issuer", text(certificate.issuer)),
        ("names", Value::List(Arc::new(names))),
        ("sha256", text(certificate.sha256)),
    ])
}

/// Whole numbers stay whole; what is not is a double, as CEL reads JSON.
fn of_json(value: JsonValue<'_>) -> Value {
    match value.read() {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Text(string) => text(string),
        Json::List(elements) => Value::List(Arc::new(elements.map(of_json).collect())),
        Json::Object(members) => {
            let map = members.map(|(name, value)| (key(name), of_json(value))).collect();
            Value::Map(Map { map: Arc::new(map) })
        }
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => Value::Int(whole),
            (_, Some(whole), _) => Value::UInt(whole),
            (_, _, Some(double)) => Value::Float(double),
            _ => Value::Null,
        },
    }
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    let map = members.into_iter().map(|(name, value)| (key(name), value)).collect();
    Value::Map(Map { map: Arc::new(map) })
}

fn key(name: &str) -> Key {
    Key::String(Arc::new(name.to_owned()))
}

fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}
