//! `mirror`: copies of requests to another upstream.

use std::time::Duration;

use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::route::Mirror;
use crate::scalar::Share;
use crate::section::NAME;
use crate::value::{Bytes, FromText};

static SHARE: Grammar = <Share as FromText>::GRAMMAR;

pub(crate) static MIRROR: Section = Section {
    title: "`routes[].mirror`",
    doc: "Copies of requests to another upstream, to try it with real ones. A copy is what the server gets, identity fields \
          included. Its answer is thrown away, and it never slows the request down. A request that is tried again is not \
          copied.",
    keys: &[
        Key::new(
            "upstream",
            Shape::Text(&NAME),
            "Where copies go: a name under `upstreams` that speaks HTTP/1.1.",
        )
        .required()
        .example("mirror: { upstream: portal_next, share: 5% }"),
        Key::new("share", Shape::Text(&SHARE), "The share of the requests that are copied.").default("100%"),
        Key::new(
            "body_bytes",
            Shape::Size { min: 0, max: 16 * 1024 * 1024 },
            "A request with a larger body is not copied.",
        )
        .default("64KiB"),
        Key::new(
            "in_flight",
            Shape::Integer { min: 1, max: 100_000 },
            "Copies under way at the same time; beyond them none is made.",
        )
        .default("100"),
        Key::new("timeout", Shape::millis(10, 600_000), "Of a copy, its answer included.").default("10s"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<Mirror> {
    if !fields.has("mirror") {
        return None;
    }
    let fields = fields.section("mirror");
    let (Share(share), Bytes(body_bytes)) = (fields.get("share"), fields.get("body_bytes"));
    Some(Mirror {
        upstream: fields.optional("upstream")?,
        share,
        body_bytes,
        in_flight: fields.get("in_flight"),
        timeout: fields.get::<Duration>("timeout"),
    })
}
