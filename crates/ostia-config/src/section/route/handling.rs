//! What a route does with its requests besides sending them on: the keys, and the way from them to the model.

use http::{HeaderName, StatusCode};

use super::{answer, rate};
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::handling::{FieldRules, Handling};
use crate::scalar::RequestPath;
use crate::section::{fixed, read_key};
use crate::template::{Piece, Template, Variable};
use crate::value::{Bytes, FromText, Place, Read as _};

static HEADER: Grammar = <HeaderName as FromText>::GRAMMAR;
pub(super) static TEMPLATE: Grammar = <Template as FromText>::GRAMMAR;
const TIB: u64 = 1 << 40;

pub(crate) static HEADERS: Section = Section {
    title: "`routes[].headers`",
    doc: "Fields that are changed on the way. What tells of the caller, names the host, frames the message or says who \
          the client is cannot be changed.",
    keys: &[
        Key::new("request", Shape::Section(&REQUEST_FIELDS), "Of the request that the upstream gets."),
        Key::new("response", Shape::Section(&RESPONSE_FIELDS), "Of the answer that the client gets."),
    ],
};

pub(crate) static REQUEST_FIELDS: Section = Section {
    title: "`routes[].headers.request`",
    doc: "A field that is set from a claim is removed from what clients send, in every spelling, on every route; \
          without the claim it is not sent. Values of claims become safe bytes by the rule of `identity`.",
    keys: &[
        Key::new(
            "set",
            Shape::Map(&HEADER, &Shape::Text(&TEMPLATE)),
            "Sets a field, replacing what the client sent. `{claims.NAME}`, `{uri}`, `{path}`, `{query}`, `{host}`, \
             `{scheme}`, `{method}`, `{client}`, `{request_id}`, `{route}` and `{provider}` stand for what the request \
             says, `{client_certificate.FACT}` for what the client's certificate says: `subject`, `issuer`, `names`, \
             `serial`, `sha256` or `der` (in base64). `{{` is a brace.",
        )
        .absent("none")
        .example("set: { X-Role: \"{claims.role}\" }"),
        Key::new("remove", Shape::List(&Shape::Text(&HEADER)), "Removes a field.")
            .absent("none")
            .example("remove: [X-Debug]"),
    ],
};

pub(crate) static RESPONSE_FIELDS: Section = Section {
    title: "`routes[].headers.response`",
    doc: "`set` also holds for the answers that Ostia gives itself on this route, where they do not have the field \
          already; `remove` does not.",
    keys: &[
        Key::new(
            "set",
            Shape::Map(&HEADER, &Shape::Text(&TEMPLATE)),
            "Sets a field, replacing what the server sent. The same variables.",
        )
        .absent("none")
        .example("set: { Strict-Transport-Security: max-age=63072000 }"),
        Key::new("remove", Shape::List(&Shape::Text(&HEADER)), "Removes a field.")
            .absent("none")
            .example("remove: [Server]"),
    ],
};

pub(crate) static LIMITS: Section = Section {
    title: "`routes[].limits`",
    doc: "Bounds of a route, beside those of the listener.",
    keys: &[Key::new(
        "body_bytes",
        Shape::Size { min: 0, max: TIB },
        "A request body; more is answered with 413. What the listener takes is the most in any case.",
    )
    .absent("as the listener says")
    .example("body_bytes: 1MiB")],
};

/// The direction in which a rule changes fields.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Request,
    Response,
}

impl Direction {
    /// Whether rules leave a field alone.
    fn fixes(self, name: &HeaderName) -> bool {
        match (self, name.as_str()) {
            (_, "x-request-id") | (Self::Response, "set-cookie" | "www-authenticate") => true,
            (Self::Request, name) => fixed::in_requests(name),
            (Self::Response, name) => fixed::in_responses(name),
        }
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Handling {
    let (request_fields, response_fields) = field_rules(fields);
    Handling {
        answer: answer::read(fields),
        request_fields,
        response_fields,
        strip_prefix: strip_prefix(fields),
        rewrite: rewrite(fields),
        compression: fields.get("compression"),
        keep_form: fields.get("keep_form"),
        rate_limit: rate::read(fields),
        body_bytes: fields.section("limits").optional::<Bytes>("body_bytes").map(|Bytes(bytes)| bytes),
    }
}

fn field_rules(fields: &Fields<'_>) -> (FieldRules, FieldRules) {
    if !fields.has("headers") {
        return Default::default();
    }
    let headers = fields.section("headers");
    (
        rules(&headers.section("request"), Direction::Request),
        rules(&headers.section("response"), Direction::Response),
    )
}

fn rules(fields: &Fields<'_>, direction: Direction) -> FieldRules {
    let mut rules = FieldRules::default();
    for (entry, path) in fields.map("set") {
        let name: Option<HeaderName> = read_key(fields.cx, entry, &path);
        let place = Place { cx: fields.cx, node: &entry.value, shape: Shape::Text(&TEMPLATE), path: &path };
        let (Some(name), Some(value)) = (name, Template::read(place)) else { continue };
        if direction.fixes(&name) {
            tell_fixed(fields, entry.key_span, &path, &entry.key);
        } else {
            rules.set.push((name, value));
        }
    }
    for name in fields.optional::<Vec<HeaderName>>("remove").unwrap_or_default() {
        // A server's cookies may be dropped, but nobody sets one for it.
        let removable = direction == Direction::Response && name == http::header::SET_COOKIE;
        if direction.fixes(&name) && !removable {
            tell_fixed(fields, fields.value_span("remove"), &fields.sub("remove"), name.as_str());
        } else {
            rules.remove.push(name);
        }
    }
    rules
}

fn tell_fixed(fields: &Fields<'_>, span: crate::source::Span, path: &str, name: &str) {
    let message = format!("`{name}` cannot be changed on a route");
    fields.cx.findings.add(Finding::new(codes::FIXED_FIELD, span, path, message).help(
        "fields that frame a message, name its host, hold a credential or say who the client is are not for rules",
    ));
}

/// A prefix that ends where a segment ends.
fn strip_prefix(fields: &Fields<'_>) -> Option<String> {
    let RequestPath(prefix) = fields.optional("strip_prefix")?;
    let prefix = prefix.strip_suffix('/').unwrap_or(&prefix).to_owned();
    if prefix.is_empty() {
        tell(
            fields,
            "strip_prefix",
            "strips nothing",
            "name what comes before the path: `strip_prefix: /chat`",
        );
        return None;
    }
    Some(prefix)
}

fn rewrite(fields: &Fields<'_>) -> Option<Template> {
    let template: Template = fields.optional("rewrite")?;
    if let Some(help) = rewrite_refusal(&template) {
        tell(fields, "rewrite", "is no path for the upstream", help);
        return None;
    }
    Some(template)
}

/// What is wrong with a path for the upstream. Only plain text stands beside `{path}`, and no `//` can come of it.
fn rewrite_refusal(template: &Template) -> Option<&'static str> {
    if template.variables().any(|variable| *variable != Variable::Path) {
        return Some("only `{path}` can stand in it; the query goes on by itself");
    }
    if template.variables().count() > 1 {
        return Some("write `{path}` once");
    }
    let before = match template.pieces() {
        [Piece::Text(path)] => path,
        [Piece::Text(before), Piece::Variable(_)] if before.ends_with('/') => {
            return Some("`{path}` begins with `/` already: `/v2{path}`");
        }
        [Piece::Text(before), Piece::Variable(_)] => before,
        [Piece::Variable(_), ..] => return Some("write what comes before `{path}`: `/v2{path}`"),
        _ => return Some("nothing can stand behind `{path}`"),
    };
    RequestPath::from_text(before)
        .err()
        .map(|_| "it begins with `/` and is plain: no query, `%`, `//`, `.` or `..`")
}

pub(super) fn tell(fields: &Fields<'_>, key: &str, what: &str, help: &str) {
    let message = format!("`{}` {what}", fields.sub(key));
    let finding = Finding::new(codes::ROUTE_HANDLING, fields.value_span(key), fields.sub(key), message);
    fields.cx.findings.add(finding.help(help));
}

/// A status of a closed set.
pub(super) fn status(fields: &Fields<'_>, key: &str) -> StatusCode {
    let number = fields.get::<u16>(key);
    StatusCode::from_u16(number).unwrap_or(StatusCode::OK)
}
