//! What a route does with its requests besides sending them on, as keys of the route.

use serde_yaml::{Mapping, Value};

use super::{Map, filled, some_texts};
use crate::handling::{FieldRules, Handling, OwnAnswer, RateLimit, RatePer};
use crate::template::Template;

pub(super) fn with(map: Map, handling: &Handling) -> Map {
    let headers = Map::default()
        .with_some("request", filled(rules(&handling.request_fields)))
        .with_some("response", filled(rules(&handling.response_fields)));
    let (redirect, respond) = match &handling.answer {
        Some(OwnAnswer::Redirect { to, status }) => {
            (Some(Map::default().with("to", to.as_str()).with("status", u64::from(status.as_u16())).0), None)
        }
        Some(OwnAnswer::Respond { status, body }) => {
            let body = (!body.is_empty()).then_some(body.as_str());
            let respond = Map::default().with("status", u64::from(status.as_u16())).with_some("body", body);
            (None, Some(respond.0))
        }
        None => (None, None),
    };
    map.with_some("headers", filled(headers.0))
        .with("compression", handling.compression)
        .with("keep_form", handling.keep_form)
        .with_some("rate_limit", handling.rate_limit.as_ref().map(rate_limit))
        .with_some("strip_prefix", handling.strip_prefix.as_deref())
        .with_some("rewrite", handling.rewrite.as_ref().map(Template::as_str))
        .with_some("redirect", redirect)
        .with_some("respond", respond)
        .with_some("limits", handling.body_bytes.map(|bytes| Map::default().with("body_bytes", bytes).0))
}

fn rules(rules: &FieldRules) -> Mapping {
    let set: Mapping =
        rules.set.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect();
    Map::default().with_some("set", filled(set)).with_some("remove", some_texts(&rules.remove)).0
}

fn rate_limit(limit: &RateLimit) -> Mapping {
    let one = |key: &str, value: &str| Value::Mapping(Map::default().with(key, value).0);
    let per = match &limit.per {
        RatePer::Subject => Value::from("subject"),
        RatePer::Address => Value::from("address"),
        RatePer::Route => Value::from("route"),
        RatePer::Header(name) => one("header", name.as_str()),
        RatePer::Claim(path) => one("claim", path.as_str()),
    };
    let unit = match limit.period.as_secs() {
        1 => "s",
        60 => "m",
        _ => "h",
    };
    Map::default()
        .with("per", per)
        .with("requests", format!("{}/{unit}", limit.requests))
        .with("burst", u64::from(limit.burst))
        .0
}
