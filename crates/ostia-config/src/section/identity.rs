//! `identity`: what the upstream is told about the caller.

use http::HeaderName;

use crate::IdentityHeaders;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::identity::ClaimHeader;
use crate::policy::ClaimPath;
use crate::section::{CLAIM_PATH, read_key};
use crate::source::Span;
use crate::value::{FromText, Place, Read as _};

static HEADER: Grammar = <HeaderName as FromText>::GRAMMAR;
static PRESET: Words = Words { now: &["forwarded"], later: &["alb", "iap", "pomerium", "remote-user"] };

pub(crate) static IDENTITY: Section = Section {
    title: "`identity`",
    doc: "Claims as request fields to the upstream. Every field named here is removed from what clients send, in every \
          spelling, on every route.",
    keys: &[
        Key::new(
            "headers",
            Shape::Map(&HEADER, &Shape::Text(&CLAIM_PATH)),
            "Which field carries which claim: `sub`, `iss`, `email`, `groups` (after `providers.*.groups`), or any \
             other.",
        )
        .absent("the preset `forwarded`")
        .example("headers: { X-Forwarded-User: sub, X-Tenant: tenant.id }"),
        Key::new(
            "preset",
            Shape::Word(&PRESET),
            "A set of fields by name, to which `headers` adds. `forwarded`: `X-Forwarded-User: sub`, \
             `X-Forwarded-Email: email`, `X-Forwarded-Groups: groups`.",
        )
        .absent("`forwarded`, unless `headers` is there"),
        Key::new(
            "pass_access_token",
            Shape::Bool,
            "Whether the upstream gets the caller's access token. Only `false` in this release.",
        )
        .default("false"),
        Key::later("assertion"),
    ],
};

const FORWARDED: [(HeaderName, &str); 3] = [
    (HeaderName::from_static("x-forwarded-user"), "sub"),
    (HeaderName::from_static("x-forwarded-email"), "email"),
    (HeaderName::from_static("x-forwarded-groups"), "groups"),
];

/// Fields that say where a request goes, how it is framed, or who sent it: they are not ours to fill with a claim.
const NOT_OURS: [&str; 28] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

pub(crate) fn read(fields: &Fields<'_>) -> IdentityHeaders {
    refuse_access_token(fields);
    let named = headers(fields);
    let preset = fields.optional::<crate::value::Word>("preset").is_some() || !fields.has("headers");
    let replaced = |header: &HeaderName| named.iter().any(|own| folded(&own.header) == folded(header));
    let from_preset = FORWARDED.into_iter().filter(|(header, _)| preset && !replaced(header));
    let mut headers: Vec<ClaimHeader> = from_preset
        .filter_map(|(header, claim)| Some(ClaimHeader { header, claim: ClaimPath::parse(claim)? }))
        .collect();
    headers.extend(named);
    IdentityHeaders { headers }
}

fn refuse_access_token(fields: &Fields<'_>) {
    if fields.get::<bool>("pass_access_token") {
        let span = fields.value_span("pass_access_token");
        fields.cx.not_yet(span, &fields.sub("pass_access_token"), "`pass_access_token: true`");
    }
}

fn headers(fields: &Fields<'_>) -> Vec<ClaimHeader> {
    let mut headers: Vec<(ClaimHeader, Span)> = Vec::new();
    for (entry, path) in fields.map("headers") {
        let header: Option<HeaderName> = read_key(fields.cx, entry, &path);
        let place = Place { cx: fields.cx, node: &entry.value, shape: Shape::Text(&CLAIM_PATH), path: &path };
        let claim = ClaimPath::read(place);
        let (Some(header), Some(claim)) = (header, claim) else { continue };
        if let Some(reason) = refusal(&header) {
            let message = format!("`{}` {reason}", entry.key);
            let finding = Finding::new(codes::IDENTITY_HEADER, entry.key_span, path, message);
            fields.cx.findings.add(finding.help("choose a field of your own, such as `X-Auth-Request-User`"));
            continue;
        }
        let same = headers.iter().find(|(other, _)| folded(&other.header) == folded(&header));
        if let Some((_, first)) = same {
            let message = format!("`{}` is the same field as another one", entry.key);
            let finding =
                Finding::new(codes::SAME_HEADER, entry.key_span, path, message).related(*first, "this one");
            fields.cx.findings.add(
                finding.help("upstreams read `-`, `_` and letters of either case as the same: keep one"),
            );
            continue;
        }
        headers.push((ClaimHeader { header, claim }, entry.key_span));
    }
    headers.into_iter().map(|(header, _)| header).collect()
}

fn refusal(header: &HeaderName) -> Option<&'static str> {
    let folded = folded(header);
    if NOT_OURS.contains(&folded.as_str()) || folded.starts_with("sec-") {
        return Some("cannot carry a claim: it has a meaning of its own on the way");
    }
    None
}

/// As upstreams may fold it: CGI and its kin read `_` for everything that is no letter and no digit.
fn folded(header: &HeaderName) -> String {
    header.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
