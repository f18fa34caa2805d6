//! `headers` of a route: fields set and removed on the way.

use http::{HeaderName, HeaderValue};
use ostia_config::Template;
use ostia_config::handling;
use ostia_extension::{Edits, Extension, RequestView, ResponseView, Verdict};

use crate::fill;

/// The rules of one route.
pub(crate) struct FieldRules {
    request: Rules,
    response: Rules,
}

struct Rules {
    set: Box<[(HeaderName, Value)]>,
    remove: Box<[HeaderName]>,
}

enum Value {
    /// The same for every request.
    Fixed(HeaderValue),
    Filled(Template),
}

impl FieldRules {
    pub(crate) fn new(request: &handling::FieldRules, response: &handling::FieldRules) -> Self {
        Self { request: Rules::new(request), response: Rules::new(response) }
    }
}

impl Rules {
    fn new(rules: &handling::FieldRules) -> Self {
        let value = |template: &Template| {
            let fixed = template.literal().and_then(|text| HeaderValue::from_str(text).ok());
            fixed.map_or_else(|| Value::Filled(template.clone()), Value::Fixed)
        };
        let set = rules.set.iter().map(|(name, template)| (name.clone(), value(template)));
        Self { set: set.collect(), remove: rules.remove.clone().into() }
    }

    /// A value that cannot be filled leaves no field behind: not even the one that came.
    fn ask(&self, request: &RequestView<'_>, edits: &mut Edits) {
        self.remove.iter().for_each(|name| edits.remove(name.clone()));
        for (name, value) in &self.set {
            let value = match value {
                Value::Fixed(value) => Some(value.clone()),
                Value::Filled(template) => fill::field_value(template, request),
            };
            match value {
                Some(value) => edits.set(name.clone(), value),
                None => edits.remove(name.clone()),
            }
        }
    }
}

impl Extension for FieldRules {
    fn name(&self) -> &str {
        "headers"
    }

    fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        self.request.ask(request, edits);
        Verdict::Continue
    }

    fn on_response(&self, request: &RequestView<'_>, _: &ResponseView<'_>, edits: &mut Edits) {
        self.response.ask(request, edits);
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use ostia_extension::Edit;

    use super::*;

    #[test]
    fn field_whose_claim_is_missing_is_removed_and_never_half_written() {
        let rules = handling::FieldRules {
            set: vec![
                (HeaderName::from_static("x-role"), Template::parse("role {claims.role}").unwrap()),
                (HeaderName::from_static("x-env"), Template::parse("test").unwrap()),
            ],
            remove: vec![HeaderName::from_static("x-debug")],
        };
        let rules = FieldRules::new(&rules, &handling::FieldRules::default());
        let headers = HeaderMap::new();
        let mut edits = Edits::default();
        rules.on_authorized(&RequestView::new(&Method::GET, "/", &headers, None), &mut edits);
        let asked: Vec<Edit> = edits.into_iter().collect();
        assert_eq!(
            asked,
            [
                Edit::Remove(HeaderName::from_static("x-debug")),
                Edit::Remove(HeaderName::from_static("x-role")),
                Edit::Set(HeaderName::from_static("x-env"), HeaderValue::from_static("test")),
            ]
        );
    }
}
