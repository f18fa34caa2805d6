//! The groups of a subject, gathered from wherever the issuer puts them.

use std::collections::HashSet;

use serde_json::Value;

use crate::{ClaimPath, Claims};

/// `groups` of a provider's section.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRules {
    /// The values of all these claims together are the claim `groups`. Default: `groups` alone.
    pub claims: Vec<ClaimPath>,
    /// Removed once from the front of each value (`/staff` → `staff`).
    pub strip_prefix: Option<String>,
}

impl Default for GroupRules {
    fn default() -> Self {
        Self { claims: vec![ClaimPath::top_level("groups")], strip_prefix: None }
    }
}

impl GroupRules {
    /// Replaces the claim `groups` by what the rules gather, each value once, in the order of the token.
    ///
    /// Where none of the named claims is present, `groups` is absent: a claim of that name which the operator did not
    /// name decides nothing. Where one of several holds something else than strings, the result ends with `null`, so
    /// that nobody concludes that a group is *not* held (see [`crate::ClaimValue::is_textual`]); so it does where the
    /// token says that the groups are elsewhere ([`GroupRules::are_elsewhere`]).
    pub fn apply(&self, claims: &mut Claims) {
        if self.strip_prefix.is_none() && self.is_plain() && !self.are_elsewhere(claims) {
            return;
        }
        match self.gather(claims) {
            Some(groups) => claims.set("groups", Value::Array(groups)),
            None => claims.remove("groups"),
        }
    }

    /// Whether the token leaves one of these claims out and says so: it names it in `_claim_names` (OpenID Connect Core
    /// section 5.6.2; Entra does where somebody is in more groups than fit), or has `hasgroups`.
    #[must_use]
    pub fn are_elsewhere(&self, claims: &Claims) -> bool {
        let names = claims.get("_claim_names");
        let named = |path: &ClaimPath| names.is_some_and(|names| names.member(path.as_str()).is_some());
        let has_groups = claims
            .get("hasgroups")
            .is_some_and(|told| told.as_bool() == Some(true) || told.as_str() == Some("true"));
        self.claims.iter().any(|path| named(path) || (has_groups && path.as_str() == "groups"))
    }

    fn gather(&self, claims: &Claims) -> Option<Vec<Value>> {
        let mut seen = HashSet::new();
        let mut groups: Option<Vec<Value>> = None;
        let mut is_textual = !self.are_elsewhere(claims);
        if !is_textual {
            groups = Some(Vec::new());
        }
        for value in self.claims.iter().filter_map(|path| claims.find(path)) {
            is_textual &= value.is_textual();
            let fresh = value.strings().map(|name| self.stripped(name)).filter(|name| seen.insert(*name));
            groups.get_or_insert_default().extend(fresh.map(Value::from));
        }
        if !is_textual && let Some(groups) = &mut groups {
            groups.push(Value::Null);
        }
        groups
    }

    fn stripped<'n>(&self, name: &'n str) -> &'n str {
        self.strip_prefix.as_deref().and_then(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
    }

    fn is_plain(&self) -> bool {
        matches!(self.claims.as_slice(), [only] if only.as_str() == "groups")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_come_only_from_the_named_claims() {
        let rules = |names: &[&str], prefix: Option<&str>| GroupRules {
            claims: names
                .iter()
                .map(|name| ClaimPath::new(name, &name.split('.').map(str::to_owned).collect::<Vec<_>>()))
                .collect(),
            strip_prefix: prefix.map(str::to_owned),
        };
        let cases = [
            ("default keeps it", GroupRules::default(), json!({"groups": ["a"]}), Some(json!(["a"]))),
            ("default leaves it absent", GroupRules::default(), json!({"roles": ["a"]}), None),
            ("unnamed groups are removed", rules(&["roles"], None), json!({"groups": ["root"]}), None),
            (
                "unnamed groups are replaced",
                rules(&["roles"], None),
                json!({"groups": ["root"], "roles": "a"}),
                Some(json!(["a"])),
            ),
            (
                "several, once each",
                rules(&["groups", "realm_access.roles"], None),
                json!({"groups": ["b", "a"], "realm_access": {"roles": ["a", "c"]}}),
                Some(json!(["b", "a", "c"])),
            ),
            (
                "prefix once",
                rules(&["groups"], Some("/")),
                json!({"groups": ["/a", "//b", "c"]}),
                Some(json!(["a", "/b", "c"])),
            ),
            (
                "unreadable taints",
                rules(&["groups", "roles"], None),
                json!({"groups": ["a"], "roles": 0}),
                Some(json!(["a", null])),
            ),
            (
                "too many to be in the token",
                GroupRules::default(),
                json!({"_claim_names": {"groups": "src1"}}),
                Some(json!([null])),
            ),
            (
                "too many, beside others",
                rules(&["roles", "groups"], None),
                json!({"roles": ["a"], "hasgroups": "true"}),
                Some(json!(["a", null])),
            ),
            (
                "another claim is elsewhere",
                GroupRules::default(),
                json!({"_claim_names": {"address": "x"}}),
                None,
            ),
            ("empty stays empty", rules(&["roles"], None), json!({"roles": []}), Some(json!([]))),
        ];
        for (name, rules, before, after) in cases {
            let mut claims = Claims::new(before.as_object().unwrap().clone());
            rules.apply(&mut claims);
            assert_eq!(claims.get("groups").map(|groups| groups.to_value()), after, "{name}");
        }
    }
}
