//! `policies`: who may enter.

mod certificate;
mod claim;
mod time;

use http::Method;
use ipnet::IpNet;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::PathPattern;
use crate::route::HostPattern;
use crate::scalar::ScopeToken;
use crate::section::{NAME, TEXT};
use crate::value::FromText;
use crate::{Name, Policy};

static NETWORK: Grammar = <IpNet as FromText>::GRAMMAR;
static SCOPE: Grammar = <ScopeToken as FromText>::GRAMMAR;
static METHOD: Grammar = <Method as FromText>::GRAMMAR;
static PATH: Grammar = <PathPattern as FromText>::GRAMMAR;
static HOST: Grammar = <HostPattern as FromText>::GRAMMAR;

const NAMES: Shape = Shape::OneOrMany(&Shape::Text(&NAME));
const TEXTS: Shape = Shape::OneOrMany(&Shape::Text(&TEXT));

pub(crate) static POLICY: Section = Section {
    title: "`policies.*`",
    doc: "A named rule. Every condition that is written must hold; a claim that is missing never matches, not even \
          under `not`. The names `anyone` and `authenticated` are taken.",
    keys: &[
        Key::new(
            "claims",
            claim::CLAIMS,
            "Every claim named here must have one of its values: as a whole string, or as an element of a list. \
             Compared byte for byte. Instead of values there may be a map of tests, which one value must all pass.",
        )
        .absent("claims do not matter")
        .example("claims: { groups: [staff, contractors], email: { suffix: \"@example.com\" } }"),
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
        Key::new(
            "acr",
            TEXTS,
            "The caller signed in by one of these authentication context classes (`acr`). Where that is all that is \
             missing, people are sent to sign in again with `acr_values`, and machines are told by RFC 9470.",
        )
        .absent("any class")
        .example("acr: [phr]"),
        Key::new("amr", TEXTS, "One of these methods took part in signing in (RFC 8176).")
            .absent("any method")
            .example("amr: [otp, hwk]"),
        Key::new(
            "max_age",
            Shape::seconds(1, 365 * 24 * 3600),
            "The caller signed in at the issuer (`auth_time`) no longer ago than this. Where that is all that is \
             missing, people are sent to sign in again with `max_age`, and machines are told by RFC 9470.",
        )
        .absent("any age")
        .example("max_age: 15m"),
        Key::new("source", Shape::OneOrMany(&Shape::Text(&NETWORK)), "The client's address is in one of these networks.")
            .absent("from anywhere")
            .example("source: [192.0.2.0/24, \"2001:db8::/48\"]"),
        Key::later("client_certificate"),
        Key::new("method", Shape::OneOrMany(&Shape::Text(&METHOD)), "The request has one of these methods.")
            .absent("any method")
            .example("method: [GET, HEAD]"),
        Key::new(
            "path",
            Shape::OneOrMany(&Shape::Text(&PATH)),
            "The path is under one of these, as under the `path` of a route; with `*` (within a segment), `**` (across \
             segments) or `?` (one character) it is the pattern of a whole path. All usual readings of the path must \
             agree, in either letter case; where they do not, the condition neither holds nor fails, so nobody enters.",
        )
        .absent("any path")
        .example("path: [/reports/, \"/*/export\"]"),
        Key::new("host", Shape::OneOrMany(&Shape::Text(&HOST)), "The request is for one of these hosts.")
            .absent("any host")
            .example("host: \"*.internal.example.com\""),
        Key::new(
            "time",
            Shape::OneOrMany(&Shape::Section(&time::TIME)),
            "It is within one of these windows of time.",
        )
        .absent("at any time")
        .example("time: { days: [mon, tue, wed, thu, fri], from: \"08:00\", to: \"18:00\", zone: Europe/Berlin }"),
        Key::new(
            "when",
            Shape::Text(&TEXT),
            "An expression of CEL that is true; an error while it is evaluated denies. It reads `claims`, \
             `identity.provider`, `.issuer`, `.subject`, `.scopes`, `request.method`, `.host`, `.path`, `.source`, \
             `.time` (seconds since 1970).",
        )
        .absent("—")
        .example("when: 'claims.level >= 3 && request.method in [\"GET\", \"HEAD\"]'"),
        Key::new("any", NAMES, "At least one of these policies allows.").absent("—").example("any: [staff, partner]"),
        Key::new("all", NAMES, "Each of these policies allows.").absent("—").example("all: [staff, office]"),
        Key::new("not", NAMES, "None of these policies allows.").absent("—").example("not: suspended"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Policy {
    let policy = Policy {
        claims: claim::read(fields),
        providers: fields.optional("provider").unwrap_or_default(),
        scopes: scopes(fields),
        acr: fields.optional("acr").unwrap_or_default(),
        amr: fields.optional("amr").unwrap_or_default(),
        max_age: fields.optional("max_age"),
        sources: fields.optional("source").unwrap_or_default(),
        client_certificate: certificate::read(fields),
        methods: fields.optional("method").unwrap_or_default(),
        paths: fields.optional("path").unwrap_or_default(),
        hosts: fields.optional("host").unwrap_or_default(),
        times: time::read(fields),
        when: fields.optional("when"),
        any: fields.optional("any").unwrap_or_default(),
        all: fields.optional("all").unwrap_or_default(),
        not: fields.optional("not").unwrap_or_default(),
        name,
    };
    check_conditions(fields, &policy);
    policy
}

fn scopes(fields: &Fields<'_>) -> Vec<String> {
    let scopes: Vec<ScopeToken> = fields.optional("scope").unwrap_or_default();
    scopes.into_iter().map(|ScopeToken(scope)| scope).collect()
}

/// A policy without a condition would let everybody in.
fn check_conditions(fields: &Fields<'_>, policy: &Policy) {
    let empty = *policy == Policy::named(policy.name.clone());
    if empty && !fields.cx.findings.spoils(&fields.path) {
        let message = format!("policy `{}` has no condition", policy.name);
        let finding = Finding::new(codes::EMPTY_POLICY, fields.span, &*fields.path, message);
        fields.cx.findings.add(finding.help("every identity of a route is `allow: authenticated`"));
    }
}
