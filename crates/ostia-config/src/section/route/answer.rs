//! `redirect` and `respond`: what a route answers itself.

use http::StatusCode;

use super::handling::{TEMPLATE, status, tell};
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::handling::OwnAnswer;
use crate::section::TEXT;
use crate::template::{Piece, Template, Variable};

pub(crate) static REDIRECT: Section = Section {
    title: "`routes[].redirect`",
    doc: "Sends whoever may enter to another address, instead of to an upstream.",
    keys: &[
        Key::new(
            "to",
            Shape::Text(&TEMPLATE),
            "Where to: an `http` or `https` URL, or a path. `{uri}`, `{path}`, `{query}` and `{host}` stand for what the \
             request says; the host of the URL is written out, or `{host}` on a route that has a host.",
        )
        .required()
        .example("to: \"https://portal.example.com{uri}\""),
        Key::new(
            "status",
            Shape::Integer { min: 301, max: 308 },
            "301 and 308 are remembered by browsers; 307 and 308 keep the method; 303 makes it GET.",
        )
        .default("302"),
    ],
};

pub(crate) static RESPOND: Section = Section {
    title: "`routes[].respond`",
    doc: "Answers whoever may enter with a fixed text, instead of asking an upstream.",
    keys: &[
        Key::new("status", Shape::Integer { min: 200, max: 599 }, "The status.").default("200"),
        Key::new("body", Shape::Text(&TEXT), "The text, sent as `text/plain`.")
            .absent("empty")
            .example("body: gone"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<OwnAnswer> {
    let redirect = fields.has("redirect").then(|| redirect(&fields.section("redirect"))).flatten();
    let respond = fields.has("respond").then(|| respond(&fields.section("respond")));
    redirect.or(respond)
}

fn respond(fields: &Fields<'_>) -> OwnAnswer {
    let status = status(fields, "status");
    let body: String = fields.optional("body").unwrap_or_default();
    if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
        tell(
            fields,
            "body",
            "cannot be sent with this status",
            "204, 205 and 304 have no body (RFC 9110 section 6.4.1)",
        );
    }
    OwnAnswer::Respond { status, body }
}

fn redirect(fields: &Fields<'_>) -> Option<OwnAnswer> {
    let status = status(fields, "status");
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
        && !fields.cx.findings.spoils(&fields.sub("status"))
    {
        tell(fields, "status", "is no redirect", "one of 301, 302, 303, 307 and 308");
    }
    let to: Template = fields.optional("to")?;
    if let Some(help) = target_refusal(&to) {
        tell(fields, "to", "could lead where nobody meant", help);
        return None;
    }
    Some(OwnAnswer::Redirect { to, status: if status.is_redirection() { status } else { StatusCode::FOUND } })
}

/// What is wrong with a target. No client may have a say in where it leads but by its path and query.
fn target_refusal(to: &Template) -> Option<&'static str> {
    let known = |variable: &Variable| {
        matches!(variable, Variable::Uri | Variable::Path | Variable::Query | Variable::Host)
    };
    if !to.variables().all(known) {
        return Some("only `{uri}`, `{path}`, `{query}` and `{host}` can stand in it");
    }
    if to.as_str().contains(['\\', ' ']) {
        return Some("an address has no space and no backslash");
    }
    let beginning = to.beginning();
    let after_scheme = ["https://", "http://"].iter().find_map(|scheme| beginning.strip_prefix(scheme));
    match after_scheme {
        Some(rest) => authority_refusal(rest, to),
        None => path_refusal(beginning, to),
    }
}

/// The host must be complete before the first `{uri}`, `{path}` or `{query}`; what follows it directly begins with `/`.
fn authority_refusal(rest: &str, to: &Template) -> Option<&'static str> {
    if rest.contains('@') {
        return Some("an address has no user in it");
    }
    let mut host_is_written = !rest.is_empty();
    let mut host_is_over = rest.contains(['/', '?', '#']);
    for piece in to.pieces().iter().skip(1) {
        match piece {
            _ if host_is_over => break,
            Piece::Variable(Variable::Host) if !host_is_written => host_is_written = true,
            Piece::Variable(Variable::Uri | Variable::Path) if host_is_written => host_is_over = true,
            Piece::Text(text) if host_is_written && text.starts_with(['/', '?', '#']) => host_is_over = true,
            Piece::Text(text) if host_is_written && is_port(text) => {
                host_is_over = text.contains(['/', '?', '#']);
            }
            _ => {
                return Some("write the host out, then `{uri}` or a path: `https://portal.example.com{uri}`");
            }
        }
    }
    (!host_is_written || rest.starts_with(['/', '?', '#'])).then_some("the host is missing")
}

fn is_port(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(':') else { return false };
    let digits = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `//host` would be another host.
fn path_refusal(beginning: &str, to: &Template) -> Option<&'static str> {
    let Some(rest) = beginning.strip_prefix('/') else {
        return Some("begin with `https://`, `http://` or `/` and what follows it");
    };
    let alone = rest.is_empty() && to.literal().is_some();
    if rest.starts_with('/') || (rest.is_empty() && !alone) {
        return Some("`//` at the beginning names another host: write a segment first, such as `/new{uri}`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        target_refusal(&Template::parse(text).unwrap()).is_some()
    }

    #[test]
    fn target_whose_host_a_client_could_choose_is_refused() {
        for text in [
            "{uri}",
            "/{uri}",
            "//evil.example",
            "/{path}",
            "https://{uri}",
            "https://{path}",
            "https://a{query}",
            "https://a.{host}{uri}",
            "https://{host}.evil.example/",
            "https://{host}{query}",
            "https:///x",
            "https://",
            "https://user@a/",
            "javascript:alert(1)",
            "a/b",
            "https://a\\b/",
            "https://a b/",
            "https://a{claims.x}/",
            "https://a/{client}",
            "https://a:{query}/",
            "https://{host}:x/",
            "ftp://a/",
        ] {
            assert!(refused(text), "{text}");
        }
    }

    #[test]
    fn target_whose_host_is_written_is_taken() {
        for text in [
            "https://portal.example.com{uri}",
            "https://portal.example.com/a{path}?{query}",
            "http://a/",
            "https://a",
            "https://{host}{uri}",
            "https://{host}:8443{uri}",
            "https://{host}/x?from={path}",
            "/",
            "/new{uri}",
            "/new?{query}",
            "https://a:8443{uri}",
            "https://a?next={uri}",
        ] {
            assert!(!refused(text), "{text}");
        }
    }
}
