//! `identity`: what the upstream is told about the caller.

use std::time::Duration;

use http::HeaderName;

use crate::IdentityHeaders;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::identity::{Assertion, AssertionForm, ClaimHeader, Preset};
use crate::policy::ClaimPath;
use crate::section::{CLAIM_PATH, FILE, TEXT, fixed, read_key};
use crate::source::Span;
use crate::value::{FromText, Place, Read as _, Word};

static HEADER: Grammar = <HeaderName as FromText>::GRAMMAR;
static PRESET: Words = Words { now: &["forwarded", "alb", "iap", "pomerium", "remote-user"], later: &[] };

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
             `X-Forwarded-Email: email`, `X-Forwarded-Groups: groups`. `alb`: `X-Amzn-Oidc-Identity: sub` and the signed \
             `X-Amzn-Oidc-Data`; the access token only with `pass_access_token`. `iap`: `X-Goog-Authenticated-User-Email` and `-Id` after the \
             issuer, and the signed `X-Goog-Iap-Jwt-Assertion`. `pomerium`: `X-Pomerium-Claim-Sub`, `-Email`, `-Groups` \
             and `-Name`, and the signed `X-Pomerium-Jwt-Assertion`. `remote-user`: `Remote-User: sub`, `Remote-Email`, \
             `Remote-Groups`, `Remote-Name`.",
        )
        .absent("`forwarded`, unless `headers` is there"),
        Key::new(
            "pass_access_token",
            Shape::Bool,
            "The upstream gets the caller's access token as `Authorization: Bearer`, with the preset `alb` in \
             `X-Amzn-Oidc-Accesstoken`, too: the one that came with the request, or the one of the sign-in, refreshed. Then \
             every upstream can speak for the caller wherever the token counts, and session cookies grow by its length; \
             where it does not fit into them it is left out.",
        )
        .default("false"),
        Key::new("assertion", Shape::Section(&ASSERTION), "A signed statement about the caller.")
            .absent("none but that of the preset"),
    ],
};

pub(crate) static ASSERTION: Section = Section {
    title: "`identity.assertion`",
    doc: "A JSON Web Token (ES256) about the caller: `iss`, `aud` (the name of the route), `sub`, `idp` (the issuer that \
          knows the caller), `iat`, `exp`, and every claim that `identity` sends. The public keys are at \
          `/.well-known/ostia/jwks.json` on every host.",
    keys: &[
        Key::new("header", Shape::Text(&HEADER), "The field.")
            .absent("only that of the preset")
            .example("header: X-Ostia-Assertion"),
        Key::new(
            "lifetime",
            Shape::seconds(10, 3600),
            "From its making to its `exp`. Made anew when half of it is over.",
        )
        .default("60s"),
        Key::new("issuer", Shape::Text(&TEXT), "Its `iss`; with the preset `pomerium` the host instead.").default("ostia"),
        Key::new(
            "keys_file",
            Shape::Text(&FILE),
            "Private keys on P-256 as PEM (PKCS#8), the same file on every node: the first signs, all are published. To \
             change keys add one at the end, reload all nodes, wait ten minutes, and move it to the front.",
        )
        .absent("`assertion.keys` in `runtime.state_dir`, made when absent")
        .example("keys_file: assertion.keys"),
    ],
};

/// Beside those that are fixed in every request: what says how a request is answered, or where it comes from.
const NOT_OURS: [&str; 6] = ["accept-encoding", "content-type", "origin", "range", "referer", "via"];

pub(crate) fn read(fields: &Fields<'_>) -> IdentityHeaders {
    let named = headers(fields);
    let preset = preset(fields);
    let replaced = |header: &HeaderName| named.iter().any(|own| folded(&own.header) == folded(header));
    let from_preset = preset.map(Preset::fields).unwrap_or_default().iter();
    let mut headers: Vec<ClaimHeader> = from_preset
        .filter_map(|(header, claim, after_issuer)| {
            let (header, claim) = (HeaderName::from_static(header), ClaimPath::parse(claim)?);
            Some(ClaimHeader { header, claim, after_issuer: *after_issuer })
        })
        .filter(|field| !replaced(&field.header))
        .collect();
    headers.extend(named);
    let section = fields.section("assertion");
    let token_headers = preset.map(Preset::token_headers).unwrap_or_default().iter();
    IdentityHeaders {
        preset,
        token_headers: token_headers.map(|name| HeaderName::from_static(name)).collect(),
        pass_access_token: fields.get("pass_access_token"),
        assertions: assertions(&section, preset, &headers),
        headers,
        assertion_issuer: section.get("issuer"),
        assertion_keys_file: file::readable_key(&section, "keys_file"),
    }
}

fn preset(fields: &Fields<'_>) -> Option<Preset> {
    match fields.optional::<Word>("preset").map(|Word(word)| word) {
        Some("alb") => Some(Preset::Alb),
        Some("iap") => Some(Preset::Iap),
        Some("pomerium") => Some(Preset::Pomerium),
        Some("remote-user") => Some(Preset::RemoteUser),
        Some(_) => Some(Preset::Forwarded),
        None => (!fields.has("headers")).then_some(Preset::Forwarded),
    }
}

/// The signed field of the preset, then our own.
fn assertions(fields: &Fields<'_>, preset: Option<Preset>, headers: &[ClaimHeader]) -> Vec<Assertion> {
    let lifetime = fields.get::<Duration>("lifetime");
    let signed = preset.and_then(Preset::signed);
    let mut assertions: Vec<Assertion> =
        signed.into_iter().map(|(header, form)| Assertion { header, lifetime, form }).collect();
    let Some(header) = fields.optional::<HeaderName>("header") else { return assertions };
    if let Some(reason) = refusal(&header) {
        let message = format!("`{}` {reason}", fields.shown("header"));
        let finding =
            Finding::new(codes::IDENTITY_HEADER, fields.value_span("header"), fields.sub("header"), message);
        fields.cx.findings.add(finding.help("choose a field of your own, such as `X-Ostia-Assertion`"));
        return assertions;
    }
    let taken = headers.iter().map(|field| &field.header).chain(assertions.iter().map(|other| &other.header));
    if taken.into_iter().any(|other| folded(other) == folded(&header)) {
        let message = format!("`{}` is the same field as another one", fields.shown("header"));
        let finding =
            Finding::new(codes::SAME_HEADER, fields.value_span("header"), fields.sub("header"), message);
        fields.cx.findings.add(finding.help("give the assertion a field of its own"));
        return assertions;
    }
    assertions.push(Assertion { header, lifetime, form: AssertionForm::Own });
    assertions
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
        headers.push((ClaimHeader { header, claim, after_issuer: false }, entry.key_span));
    }
    headers.into_iter().map(|(header, _)| header).collect()
}

fn refusal(header: &HeaderName) -> Option<&'static str> {
    let folded = folded(header);
    if fixed::in_requests(&folded) || NOT_OURS.contains(&folded.as_str()) || folded.starts_with("sec-") {
        return Some("cannot carry a claim: it has a meaning of its own on the way");
    }
    None
}

/// As upstreams may fold it: CGI and its kin read `_` for everything that is no letter and no digit.
pub(crate) fn folded(header: &HeaderName) -> String {
    header.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
