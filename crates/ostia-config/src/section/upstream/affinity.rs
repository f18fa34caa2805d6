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

const KEYS: [&str; 4] = ["cookie", "application_cookie", "header", "claim"];

pub(crate) static AFFINITY: Section = Section {
    title: "`upstreams.*.affinity`",
    doc: "What leads a request back to its server, when it is neither the session nor the source. One of these keys.",
    keys: &[
        Key::new(
            "cookie",
            Shape::Text(&TOKEN),
            "A sealed cookie of this name, which Ostia sets with the first answer: it names the server that gave it. For \
             every `balance`, which then chooses for newcomers. When the server is gone, the ring of `consistent_hash` \
             says who takes its place, on all nodes the same.",
        )
        .absent("—")
        .example("affinity: { cookie: server }"),
        Key::new(
            "application_cookie",
            Shape::Text(&TOKEN),
            "The value of a cookie that the application sets.",
        )
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
    let written = KEYS.into_iter().filter(|key| fields.has(key)).count();
    if written != 1 && !fields.cx.findings.spoils(&fields.path) {
        let message =
            format!("`{}` takes one of `cookie`, `application_cookie`, `header` and `claim`", fields.path);
        fields.cx.findings.add(Finding::new(codes::EITHER_OR, fields.span, &*fields.path, message));
    }
    let cookie = own_cookie(fields).map(Affinity::Cookie);
    let application = fields.optional::<Token>("application_cookie");
    let application = application.map(|Token(name)| Affinity::ApplicationCookie(name));
    let header = fields.optional::<HeaderName>("header").map(Affinity::Header);
    let claim = fields.optional::<ClaimPath>("claim").map(Affinity::Claim);
    cookie.or(application).or(header).or(claim).unwrap_or(Affinity::Source)
}

/// Browsers read names with two underscores in front in their own way, and those of sessions begin so.
fn own_cookie(fields: &Fields<'_>) -> Option<String> {
    let Token(name) = fields.optional("cookie")?;
    if name.starts_with("__") {
        let message = format!("`{}` begins with `__`, as the cookies of sessions do", fields.sub("cookie"));
        let finding =
            Finding::new(codes::SERVER_COOKIE, fields.value_span("cookie"), fields.sub("cookie"), message);
        fields.cx.findings.add(finding.help("another name, such as `server`"));
    }
    Some(name)
}
