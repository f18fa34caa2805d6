//! `admin`: where the operator and Prometheus connect.

use crate::Admin;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::BindAddress;
use crate::value::FromText;

static ADDRESS: Grammar = <BindAddress as FromText>::GRAMMAR;

pub(crate) static ADMIN: Section = Section {
    title: "`admin`",
    doc: "Where the operator and Prometheus connect.",
    keys: &[
        Key::new(
            "bind",
            Shape::Text(&ADDRESS),
            "The read-only address that serves `/metrics`, `/livez` and `/readyz`. Loopback only: who is on the \
             network must not read it.",
        )
        .default("127.0.0.1:9910")
        .example("bind: 127.0.0.1:9910")
        .restart(),
        Key::later("socket"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Admin {
    let Some(BindAddress(bind)) = fields.optional("bind") else { return Admin::default() };
    if !bind.ip().is_loopback() {
        let message =
            format!("`{}`: `{}` is not a loopback address", fields.sub("bind"), fields.shown("bind"));
        fields.cx.findings.add(
            Finding::new(codes::ADMIN_ADDRESS, fields.value_span("bind"), fields.sub("bind"), message)
                .help("bind 127.0.0.1 or [::1]; let a scraper on this machine, or a guarded route, reach it"),
        );
    }
    Admin { bind }
}
