//! `sessions.store`: what nodes share.

use std::time::Duration;

use crate::Secret;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::scalar::StoreUrl;
use crate::section::{FILE, TEXT};
use crate::session::{RedisKind, RedisStore};
use crate::tree::Value;
use crate::value::FromText;

static STORE_URL: Grammar = <StoreUrl as FromText>::GRAMMAR;
pub(super) static WORDS: Words = Words { now: &["cookie"], later: &["memory"] };
static MODE: Words = Words { now: &["single", "sentinel", "cluster"], later: &[] };
static ON_FAILURE: Words = Words { now: &["keep", "refuse"], later: &[] };
static SESSIONS: Words = Words { now: &["cookie", "store"], later: &[] };

pub(crate) static STORE: Section = Section {
    title: "`sessions.store`",
    doc: "What several nodes share. Sessions themselves stay in their cookies, or go there, too: `redis.sessions`.",
    keys: &[Key::new("redis", Shape::Section(&REDIS), "A Redis or Valkey, 6.2 or later.").absent("—")],
};

pub(crate) static REDIS: Section = Section {
    title: "`sessions.store.redis`",
    doc: "A Redis or Valkey that all nodes share: it carries who refreshes which session, which sessions have ended \
          and, by choice, sessions themselves. Requests without a session never touch it, and nothing in it opens a \
          session.",
    keys: &[
        Key::new(
            "url",
            Shape::OneOrMany(&Shape::Text(&STORE_URL)),
            "`rediss://host:port/database` with TLS, `redis://…` without. With `mode: sentinel` the sentinels, with \
             `mode: cluster` the servers to begin with.",
        )
        .required()
        .example("url: rediss://redis.internal:6379"),
        Key::new("mode", Shape::Word(&MODE), "One server, the leader that sentinels name, or a cluster.")
            .default("single"),
        Key::new("master", Shape::Text(&TEXT), "With `mode: sentinel`: the name of the group.").absent("—"),
        Key::new("username", Shape::Text(&TEXT), "The user of the access control list.")
            .absent("the default user"),
        Key::new("password", Shape::Secret, "The password. Better in a file: `password_file`.").absent("none"),
        Key::new("password_file", Shape::Text(&FILE), "The file that holds the password.").absent("none"),
        Key::new("ca_file", Shape::Text(&FILE), "PEM, trusted instead of the system's roots.")
            .absent("the system's roots"),
        Key::new(
            "sessions",
            Shape::Word(&SESSIONS),
            "Where sessions are. `cookie`: whole and sealed in the browser. `store`: here, each sealed with a key that \
             only its cookie has; the cookie is of 110 characters whatever is in the session, no token travels with \
             requests, and a node asks the store once in 30 seconds for each session that it serves. May be changed \
             while people are signed in. The server must not evict (`maxmemory-policy noeviction`).",
        )
        .default("cookie"),
        Key::new(
            "on_failure",
            Shape::Word(&ON_FAILURE),
            "While the store does not answer. `keep`: sessions go on, refreshes wait, and endings are told when it is \
             back; with `sessions: store` a node goes on with those that it served before and answers 503 to others, \
             which stay signed in, and whoever signs in gets a whole session in a cookie. `refuse`: a request with a \
             session gets 503 within 3 seconds, because nobody knows whether it was ended.",
        )
        .default("keep"),
        Key::new("budget", Shape::millis(10, 5000), "How long one call to the store may take.").default("250ms"),
        Key::new("prefix", Shape::Text(&TEXT), "What every name in the store begins with.").default("\"ostia:\""),
    ],
};

/// `cookie` is no store; `{ redis: … }` is one.
pub(super) fn read(fields: &Fields<'_>) -> Option<RedisStore> {
    let node = fields.node("store")?;
    if !matches!(node.value, Value::Map(_)) {
        let _ = fields.optional_as::<crate::value::Word>("store", Shape::Word(&WORDS));
        return None;
    }
    let path = fields.sub("store");
    let store = Fields::open(fields.cx, Some(node), &STORE, &path, fields.key_span("store"));
    if !store.has("redis") {
        if !store.is_meant("redis") {
            let message = format!("`{path}` names no store");
            let finding = Finding::new(codes::MISSING_KEY, store.span, store.sub("redis"), message);
            fields.cx.findings.add(finding.help("add `redis: { url: … }`, or write `store: cookie`"));
        }
        return None;
    }
    Some(redis(&store.section("redis")))
}

fn redis(fields: &Fields<'_>) -> RedisStore {
    let urls: Vec<StoreUrl> = fields.get("url");
    let first = urls.first().cloned();
    let differs = |url: &StoreUrl| {
        first.as_ref().is_some_and(|first| url.tls != first.tls || url.database != first.database)
    };
    if urls.iter().any(differs) {
        let message = format!("the URLs of `{}` differ in more than the server", fields.path);
        let finding = Finding::new(codes::BAD_VALUE, fields.value_span("url"), fields.sub("url"), message);
        fields.cx.findings.add(finding.help("all with TLS or none, and one database"));
    }
    RedisStore {
        kind: kind(fields, urls.len(), first.as_ref()),
        tls: first.as_ref().is_some_and(|url| url.tls),
        database: first.map_or(0, |url| url.database),
        servers: urls.into_iter().map(|url| (url.host, url.port)).collect(),
        username: fields.optional("username"),
        password: password(fields),
        ca_file: file::readable(fields, "ca_file"),
        keeps_sessions: fields.word("sessions") == "store",
        refuses_on_failure: fields.word("on_failure") == "refuse",
        budget: fields.get::<Duration>("budget"),
        prefix: fields.get("prefix"),
    }
}

fn kind(fields: &Fields<'_>, urls: usize, first: Option<&StoreUrl>) -> RedisKind {
    let refuse = |key: &str, message: String, help: &str| {
        let finding = Finding::new(codes::BAD_VALUE, fields.key_span(key), fields.sub(key), message);
        fields.cx.findings.add(finding.help(help));
    };
    let mode = fields.word("mode");
    let master: Option<String> = fields.optional("master");
    if master.is_some() && mode != "sentinel" {
        refuse("master", "`master` means nothing without `mode: sentinel`".to_owned(), "remove it");
    }
    match mode {
        "sentinel" => match master {
            Some(master) => RedisKind::Sentinel { master },
            None => {
                refuse("mode", "sentinels need the name of a group".to_owned(), "add `master: …`");
                RedisKind::Single
            }
        },
        "cluster" => {
            if first.is_some_and(|url| url.database != 0) {
                refuse("url", "a cluster has database 0 alone".to_owned(), "remove it from the URL");
            }
            RedisKind::Cluster
        }
        _ => {
            if urls > 1 {
                let help = "name one, or write `mode: sentinel` or `mode: cluster`";
                refuse("url", "`mode: single` has one server".to_owned(), help);
            }
            RedisKind::Single
        }
    }
}

fn password(fields: &Fields<'_>) -> Option<Secret<String>> {
    if fields.has("password") && fields.has("password_file") {
        let path = fields.sub("password_file");
        let message = "`password` and `password_file` are both there";
        let finding = Finding::new(codes::EITHER_OR, fields.key_span("password_file"), path, message);
        fields
            .cx
            .findings
            .add(finding.related(fields.key_span("password"), "and here").help("keep the file"));
    }
    file::secret(fields, "password_file")
        .or_else(|| crate::section::provider::literal_secret(fields, "password"))
}
