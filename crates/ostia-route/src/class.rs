//! Policy classes: routes of one class let in the same callers.

use std::collections::HashMap;

use ostia_config::route::Allow;
use ostia_config::{Name, Route};

/// The number of a class; routes with equal numbers are equally open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(usize);

/// What makes a class: who may enter, by whose word, and with which proof.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Anyone,
    Known { policies: Option<Vec<&'a Name>>, providers: Vec<&'a Name>, session: bool, bearer: bool },
}

/// The class of each route, in their order.
pub(crate) fn classes(routes: &[Route]) -> Vec<Class> {
    let mut known = HashMap::new();
    routes
        .iter()
        .map(|route| {
            let next = Class(known.len());
            *known.entry(key(route)).or_insert(next)
        })
        .collect()
}

fn key(route: &Route) -> Key<'_> {
    let policies = match &route.allow {
        // No identity is looked for, so providers and credentials say nothing.
        Allow::Anyone => return Key::Anyone,
        Allow::Authenticated => None,
        Allow::Policies(policies) => Some(set(policies)),
    };
    let (session, bearer) = (route.credentials.session, route.credentials.bearer);
    Key::Known { policies, providers: set(&route.providers), session, bearer }
}

/// Order and repetition change nothing.
fn set(names: &[Name]) -> Vec<&Name> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use ostia_config::route::Credentials;

    use super::*;
    use crate::table::tests::route;

    #[test]
    fn routes_are_of_one_class_exactly_when_they_let_in_the_same_callers() {
        let base = route("a", "a.example/");
        let policies = |names: &[&str]| Allow::Policies(names.iter().map(|name| Name::from(*name)).collect());
        let provider = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<_>>();
        let bearer = Credentials { session: false, bearer: true };
        for (what, one, other, expected) in [
            ("nothing differs", base.clone(), route("b", "b.example/x"), true),
            (
                "the order of policies",
                Route { allow: policies(&["a", "b"]), ..base.clone() },
                Route { allow: policies(&["b", "a", "b"]), ..base.clone() },
                true,
            ),
            (
                "one policy less",
                Route { allow: policies(&["a", "b"]), ..base.clone() },
                Route { allow: policies(&["a"]), ..base.clone() },
                false,
            ),
            ("a policy", base.clone(), Route { allow: policies(&["a"]), ..base.clone() }, false),
            ("openness", base.clone(), Route { allow: Allow::Anyone, ..base.clone() }, false),
            ("the provider", base.clone(), Route { providers: provider(&["other"]), ..base.clone() }, false),
            ("the credentials", base.clone(), Route { credentials: bearer, ..base.clone() }, false),
            (
                "the provider of an open route",
                Route { allow: Allow::Anyone, providers: Vec::new(), ..base.clone() },
                Route { allow: Allow::Anyone, credentials: bearer, ..base.clone() },
                true,
            ),
        ] {
            let classes = classes(&[one, other]);
            assert_eq!(classes[0] == classes[1], expected, "{what}");
        }
    }
}
