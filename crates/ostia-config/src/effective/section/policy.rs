//! A policy as a map.

use serde_yaml::{Mapping, Value};

use super::super::{Map, duration, filled, some_texts, texts};
use crate::Policy;
use crate::policy::{CertificateCondition, TimeWindow, ValueTest};

pub(in super::super) fn policy(policy: &Policy) -> Mapping {
    let claims: Mapping =
        policy.claims.iter().map(|one| (one.claim.as_str().into(), test(&one.test))).collect();
    let times: Vec<Value> = policy.times.iter().map(window).collect();
    Map::default()
        .with_some("claims", filled(claims))
        .with_some("provider", some_texts(&policy.providers))
        .with_some("scope", some_texts(&policy.scopes))
        .with_some("acr", some_texts(&policy.acr))
        .with_some("amr", some_texts(&policy.amr))
        .with_some("max_age", policy.max_age.map(duration))
        .with_some("source", some_texts(&policy.sources))
        .with_some("client_certificate", policy.client_certificate.as_ref().map(certificate))
        .with_some("method", some_texts(&policy.methods))
        .with_some("path", some_texts(&policy.paths))
        .with_some("host", some_texts(&policy.hosts))
        .with_some("time", (!times.is_empty()).then_some(times))
        .with_some("when", policy.when.as_deref())
        .with_some("any", some_texts(&policy.any))
        .with_some("all", some_texts(&policy.all))
        .with_some("not", some_texts(&policy.not))
        .0
}

/// The short form where it says everything.
fn test(test: &ValueTest) -> Value {
    let short = ValueTest { values: test.values.clone(), ..ValueTest::default() };
    if *test == short {
        return Value::Sequence(texts(&test.values));
    }
    let separator = test.separator.map(|separator| if separator == ' ' { "space" } else { "comma" });
    let map = Map::default()
        .with_some("is", some_texts(&test.values))
        .with_some("prefix", some_texts(&test.prefixes))
        .with_some("suffix", some_texts(&test.suffixes))
        .with_some("glob", some_texts(&test.globs))
        .with_some("boolean", test.boolean)
        .with_some("at_least", test.at_least.map(number))
        .with_some("at_most", test.at_most.map(number))
        .with_some("above", test.above.map(number))
        .with_some("below", test.below.map(number))
        .with_some("separator", separator);
    Value::Mapping(map.0)
}

/// Digits, as they are read: without an exponent, whole numbers without a point.
fn number(number: f64) -> Value {
    let text = format!("{number}");
    text.parse::<u64>().map_or_else(|_| Value::from(number), Value::from)
}

fn certificate(condition: &CertificateCondition) -> Value {
    let map = Map::default()
        .with_some("subject", some_texts(&condition.subjects))
        .with_some("san", some_texts(&condition.names))
        .with_some("issuer", some_texts(&condition.issuers))
        .with_some("sha256", some_texts(&condition.sha256));
    Value::Mapping(map.0)
}

fn window(window: &TimeWindow) -> Value {
    let days = TimeWindow::DAYS.iter().zip(window.days).filter(|(_, on)| *on).map(|(day, _)| *day);
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let map = Map::default()
        .with("days", texts(days))
        .with("from", clock(window.from))
        .with("to", clock(window.to))
        .with("zone", window.zone.as_str());
    Value::Mapping(map.0)
}
