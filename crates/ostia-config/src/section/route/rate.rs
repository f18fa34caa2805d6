//! `rate_limit`: how many requests come through.

use std::time::Duration;

use http::HeaderName;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::handling::{RateLimit, RatePer};
use crate::policy::ClaimPath;
use crate::section::CLAIM_PATH;
use crate::tree::Value;
use crate::value::{FromText, Word, Wrong};

static HEADER: Grammar = <HeaderName as FromText>::GRAMMAR;
static RATE: Grammar = <Rate as FromText>::GRAMMAR;
static PER: Words = Words { now: &["subject", "address", "route"], later: &[] };
static PER_SHAPES: [Shape; 2] = [Shape::Word(&PER), Shape::Section(&PER_VALUE)];

pub(crate) static RATE_LIMIT: Section = Section {
    title: "`routes[].rate_limit`",
    doc: "How many requests come through; more are answered with 429 and `Retry-After`. Counted on each node by itself, \
          in bounded memory: of very many who share a limit the ones not seen for longest are forgotten.",
    keys: &[
        Key::new(
            "per",
            Shape::Either(&PER_SHAPES),
            "Who shares a limit: each `subject`, each `address` (of IPv6 each /64), everybody on the `route`, or each \
             value of a field or a claim. Who has no subject, field or claim is counted by address. `subject` and \
             `claim` are counted after the policy has decided, the others before anybody asks who the caller is.",
        )
        .default("address"),
        Key::new("requests", Shape::Text(&RATE), "How many in which time: a number, `/`, and `s`, `m` or `h`.")
            .required()
            .example("requests: 100/s"),
        Key::new("burst", Shape::Integer { min: 1, max: 1_000_000 }, "How many may come at once.")
            .absent("as many as `requests`")
            .example("burst: 200"),
    ],
};

pub(crate) static PER_VALUE: Section = Section {
    title: "`routes[].rate_limit.per`",
    doc: "Who shares a limit, when it is neither subject, address nor route. One of these keys.",
    keys: &[
        Key::new(
            "header",
            Shape::Text(&HEADER),
            "Each value of a request field. Clients choose it freely, so it parts \
             tenants that behave; it stops nobody.",
        )
        .absent("—"),
        Key::new("claim", Shape::Text(&CLAIM_PATH), "Each value of a claim that is a string or a number.")
            .absent("—"),
    ],
};

/// A number of requests and the time for them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rate {
    requests: u32,
    period: Duration,
}

impl FromText for Rate {
    const GRAMMAR: Grammar = Grammar { name: "a rate such as `100/s`", pattern: "^[1-9][0-9]{0,6}/[smh]$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let wrong =
            || Wrong::new("is not a rate").help("a number, `/`, and a unit: `100/s`, `30/m`, `1000/h`");
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let requests = number.parse().ok().filter(|number| digits && (1..=1_000_000).contains(number));
        Ok(Self { requests: requests.ok_or_else(wrong)?, period: Duration::from_secs(seconds) })
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Option<RateLimit> {
    if !fields.has("rate_limit") {
        return None;
    }
    let fields = fields.section("rate_limit");
    let per = per(&fields);
    let burst: Option<u32> = fields.optional("burst");
    let Rate { requests, period } = fields.optional("requests")?;
    Some(RateLimit { per, requests, period, burst: burst.unwrap_or(requests) })
}

fn per(fields: &Fields<'_>) -> RatePer {
    let Some(node) = fields.node("per") else { return RatePer::Address };
    if matches!(node.value, Value::Map(_)) {
        return of_map(&Fields::open(
            fields.cx,
            Some(node),
            &PER_VALUE,
            fields.sub("per"),
            fields.key_span("per"),
        ));
    }
    match fields.optional_as("per", Shape::Word(&PER)) {
        Some(Word("subject")) => RatePer::Subject,
        Some(Word("route")) => RatePer::Route,
        _ => RatePer::Address,
    }
}

fn of_map(fields: &Fields<'_>) -> RatePer {
    let written = ["header", "claim"].into_iter().filter(|key| fields.has(key)).count();
    if written != 1 && !fields.cx.findings.spoils(&fields.path) {
        let message = format!("`{}` takes one of `header` and `claim`", fields.path);
        fields.cx.findings.add(Finding::new(codes::EITHER_OR, fields.span, &*fields.path, message));
    }
    let header = fields.optional::<HeaderName>("header").map(RatePer::Header);
    let claim = fields.optional::<ClaimPath>("claim").map(RatePer::Claim);
    header.or(claim).unwrap_or(RatePer::Address)
}
