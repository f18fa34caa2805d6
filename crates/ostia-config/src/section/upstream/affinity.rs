//! `affinity`: what a request is hashed by.

use http::HeaderName;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::ClaimPath;
use crate::scalar::Token;
use crate::section::CLAIM_PATH;
use crate::tree::Value;
use crate::upstream::Affinity;
use crate::value::{FromText, Word};

static TOKEN: Grammar = <Token as FromText>::GRAMMAR;
static HEADER: Grammar = <HeaderName as FromText>::GRAMMAR;
pub(super) static WORDS: Words = Words { now: &["session", "source"], later: &[] };

pub(crate) static AFFINITY: Section = Section {
    title: "`upstreams.*.affinity`",
    doc: "What a request is hashed by, when it is neither the session nor the source. One of these keys.",
    keys: &[
        Key::new("cookie", Shape::Text(&TOKEN), "The value of a cookie that the application sets.")
            .absent("—"),
        Key::new("header", Shape::Text(&HEADER), "The value of a request field.").absent("—"),
        Key::new("claim", Shape::Text(&CLAIM_PATH), "A claim that is a string or a number.").absent("—"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Affinity {
    let Some(node) = fields.node("affinity") else { return Affinity::Source };
    if matches!(node.value, Value::Map(_)) {
        let path = fields.sub("affinity");
        return of_map(&Fields::open(fields.cx, Some(node), &AFFINITY, &path, fields.key_span("affinity")));
    }
    match fields.optional_as("affinity", Shape::Word(&WORDS)) {
        Some(Word("session")) => Affinity::Session,
        _ => Affinity::Source,
    }
}

fn of_map(fields: &Fields<'_>) -> Affinity {
    let written = ["cookie", "header", "claim"].into_iter().filter(|key| fields.has(key)).count();
    if written != 1 && !fields.cx.findings.spoils(&fields.path) {
        let message = format!("`{}` takes one of `cookie`, `header` and `claim`", fields.path);
        fields.cx.findings.add(Finding::new(codes::EITHER_OR, fields.span, &*fields.path, message));
    }
    let cookie = fields.optional::<Token>("cookie").map(|Token(name)| Affinity::Cookie(name));
    let header = fields.optional::<HeaderName>("header").map(Affinity::Header);
    let claim = fields.optional::<ClaimPath>("claim").map(Affinity::Claim);
    cookie.or(header).or(claim).unwrap_or(Affinity::Source)
}
