//! What is built in and is no security: the same trait that everybody's extensions have.

pub(crate) mod cors;
pub(crate) mod field_rules;
pub(crate) mod rate_limit;

use std::sync::Arc;

use ostia_config::handling::Handling;
use ostia_extension::Extension;

use self::field_rules::FieldRules;
use self::rate_limit::RateLimiter;

/// The extensions of one route: made from its keys, validated with the configuration, so nothing they ask for is
/// refused.
#[must_use]
pub(crate) fn of_route(handling: &Handling, limiter: Option<&Arc<RateLimiter>>) -> Box<[Arc<dyn Extension>]> {
    let mut all: Vec<Arc<dyn Extension>> = Vec::new();
    if let Some(limiter) = limiter {
        all.push(Arc::<RateLimiter>::clone(limiter));
    }
    if !handling.request_fields.is_empty() || !handling.response_fields.is_empty() {
        all.push(Arc::new(FieldRules::new(&handling.request_fields, &handling.response_fields)));
    }
    all.into()
}
