//! `sessions`: the login session.

mod store;

use std::time::Duration;

use crate::Sessions;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::scalar::Token;
use crate::section::FILE;
use crate::session::SameSite;
use crate::value::FromText;

static TOKEN: Grammar = <Token as FromText>::GRAMMAR;
static SAME_SITE: Words = Words { now: &["lax", "strict"], later: &[] };

const DAY: u64 = 24 * 3600;

pub(crate) static SESSIONS: Section = Section {
    title: "`sessions`",
    doc: "The login session: a sealed cookie that every node with the same keys can open.",
    keys: &[
        Key::new("idle_timeout", Shape::seconds(60, 30 * DAY), "A session ends when it was not used for this long.")
            .default("1h"),
        Key::new("lifetime", Shape::seconds(60, 90 * DAY), "A session ends this long after the login, used or not.")
            .default("12h"),
        Key::new(
            "refresh_before",
            Shape::seconds(0, 3600),
            "The access token is refreshed this long before it ends.",
        )
        .default("60s"),
        Key::new("cookie", Shape::Section(&COOKIE), "The session cookie."),
        Key::new(
            "keys_file",
            Shape::Text(&FILE),
            "The keys that seal the cookie, one a line, 32 bytes as base64url or hex: the first seals, all open. \
             Nodes that share sessions share this file.",
        )
        .absent("made in `runtime.state_dir` as `session.keys`")
        .example("keys_file: session.keys"),
        Key::new(
            "store",
            Shape::Either(&[Shape::Word(&store::WORDS), Shape::Section(&store::STORE)]),
            "Sessions live whole and sealed in the browser. `cookie`: that is all. `redis`: several nodes share through \
             it who refreshes a session and which sessions have ended.",
        )
        .default("cookie"),
        Key::new(
            "keep_fragment",
            Shape::Bool,
            "A sign-in starts with a small page whose script carries the `#fragment` of the address over the login, \
             instead of a plain redirect.",
        )
        .default("false"),
    ],
};

pub(crate) static COOKIE: Section = Section {
    title: "`sessions.cookie`",
    doc: "The session cookie. It is always `Secure`, `HttpOnly` and bound to one host.",
    keys: &[
        Key::new(
            "name",
            Shape::Text(&TOKEN),
            "Begins with `__Host-`, so that browsers refuse it from other hosts and from plain HTTP.",
        )
        .default("__Host-ostia"),
        Key::new(
            "same_site",
            Shape::Word(&SAME_SITE),
            "`lax`: sent when somebody follows a link from elsewhere. `strict`: not even then, so the first page \
             after such a link has no session.",
        )
        .default("lax"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Sessions {
    let cookie = fields.section("cookie");
    let sessions = Sessions {
        idle_timeout: fields.get::<Duration>("idle_timeout"),
        lifetime: fields.get::<Duration>("lifetime"),
        refresh_before: fields.get::<Duration>("refresh_before"),
        cookie_name: cookie_name(&cookie),
        same_site: if cookie.word("same_site") == "strict" { SameSite::Strict } else { SameSite::Lax },
        keys_file: file::readable_key(fields, "keys_file"),
        keep_fragment: fields.get("keep_fragment"),
        store: store::read(fields),
    };
    check_lifetimes(fields, &sessions);
    sessions
}

fn cookie_name(cookie: &Fields<'_>) -> String {
    let Token(name) = cookie.get("name");
    let bare = name.strip_prefix("__Host-").is_some_and(str::is_empty);
    if cookie.has("name") && !name.is_empty() && (bare || !name.starts_with("__Host-")) {
        let finding = Finding::new(
            codes::COOKIE_NAME,
            cookie.value_span("name"),
            cookie.sub("name"),
            format!("`{}` does not begin with `__Host-` and a name", cookie.shown("name")),
        );
        let near =
            (!cookie.is_veiled("name")).then(|| format!("did you mean `__Host-{}`?", bare_name(&name)));
        cookie.cx.findings.add(finding.help_if(near));
    }
    name
}

/// The name without the prefixes that browsers know.
fn bare_name(name: &str) -> &str {
    let name = name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-")).unwrap_or(name);
    if name.is_empty() { "ostia" } else { name }
}

fn check_lifetimes(fields: &Fields<'_>, sessions: &Sessions) {
    let told = ["idle_timeout", "lifetime", "refresh_before"]
        .iter()
        .any(|key| fields.cx.findings.spoils(&fields.sub(key)));
    if told {
        return;
    }
    for (key, value) in [("idle_timeout", sessions.idle_timeout), ("refresh_before", sessions.refresh_before)]
    {
        let later =
            if key == "idle_timeout" { value > sessions.lifetime } else { value >= sessions.lifetime };
        if later {
            let message = format!("`{}` is longer than the session lives", fields.sub(key));
            let written = if fields.has(key) { key } else { "lifetime" };
            let mut finding =
                Finding::new(codes::SESSION_TIMES, fields.key_span(written), fields.sub(written), message);
            if fields.has(key) && fields.has("lifetime") {
                finding = finding.related(fields.key_span("lifetime"), "the session lives this long");
            }
            fields.cx.findings.add(finding.help(format!("make `{key}` shorter than `lifetime`")));
        }
    }
}
