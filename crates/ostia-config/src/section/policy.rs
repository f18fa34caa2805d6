//! `policies`: who may enter.

use ipnet::IpNet;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::{ClaimCondition, ClaimPath};
use crate::scalar::ScopeToken;
use crate::section::{CLAIM_PATH, NAME, TEXT, read_key};
use crate::value::{FromText, Place, Read as _};
use crate::{Name, Policy};

static NETWORK: Grammar = <IpNet as FromText>::GRAMMAR;
static SCOPE: Grammar = <ScopeToken as FromText>::GRAMMAR;

const NAMES: Shape = Shape::OneOrMany(&Shape::Text(&NAME));
const VALUES: Shape = Shape::OneOrMany(&Shape::Text(&TEXT));

pub(crate) static POLICY: Section = Section {
    title: "`policies.*`",
    doc: "A named rule. Every condition that is written must hold; a claim that is missing never matches. The names \
          `anyone` and `authenticated` are taken.",
    keys: &[
        Key::new(
            "claims",
            Shape::Map(&CLAIM_PATH, &VALUES),
            "Every claim named here must have one of its values: as a whole string, or as an element of a list. \
             Compared byte for byte.",
        )
        .absent("claims do not matter")
        .example("claims: { groups: [staff, contractors], department: finance }"),
        Key::new("provider", NAMES, "The identity comes from one of these providers.")
            .absent("from any provider of the route")
            .example("provider: ci"),
        Key::new(
            "scope",
            Shape::OneOrMany(&Shape::Text(&SCOPE)),
            "The token has all of these scopes. A session has those that were granted at login.",
        )
        .absent("scopes do not matter")
        .example("scope: [orders.read]"),
        Key::new("source", Shape::OneOrMany(&Shape::Text(&NETWORK)), "The client's address is in one of these networks.")
            .absent("from anywhere")
            .example("source: [192.0.2.0/24, \"2001:db8::/48\"]"),
        Key::new("any", NAMES, "At least one of these policies allows.").absent("—").example("any: [staff, partner]"),
        Key::new("all", NAMES, "Each of these policies allows.").absent("—").example("all: [staff, office]"),
        Key::new("not", NAMES, "None of these policies allows.").absent("—").example("not: suspended"),
        Key::later("acr"),
        Key::later("max_age"),
        Key::later("when"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Policy {
    let policy = Policy {
        name,
        claims: claims(fields),
        providers: fields.optional("provider").unwrap_or_default(),
        scopes: scopes(fields),
        sources: fields.optional("source").unwrap_or_default(),
        any: fields.optional("any").unwrap_or_default(),
        all: fields.optional("all").unwrap_or_default(),
        not: fields.optional("not").unwrap_or_default(),
    };
    check_conditions(fields, &policy);
    policy
}

fn scopes(fields: &Fields<'_>) -> Vec<String> {
    let scopes: Vec<ScopeToken> = fields.optional("scope").unwrap_or_default();
    scopes.into_iter().map(|ScopeToken(scope)| scope).collect()
}

fn claims(fields: &Fields<'_>) -> Vec<ClaimCondition> {
    let entries = fields.map("claims");
    entries
        .into_iter()
        .filter_map(|(entry, path)| {
            let claim: Option<ClaimPath> = read_key(fields.cx, entry, &path);
            let place = Place { cx: fields.cx, node: &entry.value, shape: VALUES, path: &path };
            let values = Vec::<String>::read(place)?;
            Some(ClaimCondition { claim: claim?, values })
        })
        .collect()
}

/// A policy without a condition would let everybody in.
fn check_conditions(fields: &Fields<'_>, policy: &Policy) {
    let empty = policy.claims.is_empty()
        && policy.providers.is_empty()
        && policy.scopes.is_empty()
        && policy.sources.is_empty()
        && policy.any.is_empty()
        && policy.all.is_empty()
        && policy.not.is_empty();
    if empty && !fields.cx.findings.spoils(&fields.path) {
        let message = format!("policy `{}` has no condition", policy.name);
        let finding = Finding::new(codes::EMPTY_POLICY, fields.span, &*fields.path, message);
        fields.cx.findings.add(finding.help("every identity of a route is `allow: authenticated`"));
    }
}
