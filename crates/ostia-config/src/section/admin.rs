//! `admin`: where the operator and Prometheus connect.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::Admin;
use crate::admin::SocketAccess;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::{BindAddress, FileName};
use crate::section::FILE;
use crate::value::FromText;

static ACCESS: Words = Words { now: &["owner", "group"], later: &[] };
static ADDRESS: Grammar = <BindAddress as FromText>::GRAMMAR;

pub(crate) static ADMIN: Section = Section {
    title: "`admin`",
    doc: "Where the operator and Prometheus connect.",
    keys: &[
        Key::new(
            "bind",
            Shape::Text(&ADDRESS),
            "The read-only address that serves `/metrics`, `/livez`, `/readyz` and `/status`. Loopback only: who is on \
             the network must not read it.",
        )
        .default("127.0.0.1:9910")
        .example("bind: 127.0.0.1:9910")
        .restart(),
        Key::new(
            "socket",
            Shape::Text(&FILE),
            "The unix socket that commands such as `ostia reload` and `ostia server` go through. Its folder must belong \
             to Ostia's user or to root, and nobody else may write there.",
        )
        .absent("no socket: what runs is changed by signals only")
        .example("socket: /run/ostia/admin.sock")
        .restart(),
        Key::new(
            "socket_access",
            Shape::Word(&ACCESS),
            "Who may open the socket, and so may change what runs: the user that Ostia runs as (mode 0600), or the \
             group of that user, too (0660).",
        )
        .default("owner")
        .restart(),
    ],
};

/// `sun_path` without its end (unix(7)), less what the name of a socket in the making has more.
const MAX_SOCKET_PATH: usize = 90;

pub(crate) fn read(fields: &Fields<'_>) -> Admin {
    let socket_access = match fields.word("socket_access") {
        "group" => SocketAccess::Group,
        _ => SocketAccess::Owner,
    };
    Admin { bind: bind(fields), socket: socket(fields), socket_access }
}

fn socket(fields: &Fields<'_>) -> Option<PathBuf> {
    let FileName(path) = fields.optional("socket")?;
    let path = fields.cx.base_dir.join(path);
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        let message = format!(
            "`{}`: the path of a unix socket is at most {MAX_SOCKET_PATH} bytes",
            fields.sub("socket")
        );
        let finding =
            Finding::new(codes::ADMIN_ADDRESS, fields.value_span("socket"), fields.sub("socket"), message);
        fields.cx.findings.add(finding.help("such as `/run/ostia/admin.sock`"));
    }
    Some(path)
}

fn bind(fields: &Fields<'_>) -> SocketAddr {
    let Some(BindAddress(bind)) = fields.optional("bind") else { return Admin::default().bind };
    if !bind.ip().is_loopback() {
        let message =
            format!("`{}`: `{}` is not a loopback address", fields.sub("bind"), fields.shown("bind"));
        fields.cx.findings.add(
            Finding::new(codes::ADMIN_ADDRESS, fields.value_span("bind"), fields.sub("bind"), message)
                .help("bind 127.0.0.1 or [::1]; let a scraper on this machine, or a guarded route, reach it"),
        );
    }
    bind
}
