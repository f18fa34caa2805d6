//! `insecure_faults`: faults on purpose, for tests.

use std::time::Duration;

use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::scalar::Share;
use crate::upstream::Faults;
use crate::value::FromText;

static SHARE: Grammar = <Share as FromText>::GRAMMAR;

pub(crate) static FAULTS: Section = Section {
    title: "`upstreams.*.insecure_faults`",
    doc: "Faults on purpose, for tests of clients. Never in production: it harms real requests.",
    keys: &[
        Key::new(
            "abort",
            Shape::Text(&SHARE),
            "Requests that Ostia answers with `status` instead of sending them on.",
        )
        .default("0%"),
        Key::new("status", Shape::Integer { min: 400, max: 599 }, "The status of such an answer.")
            .default("503"),
        Key::new("delay", Shape::Text(&SHARE), "Requests that wait for `delay_time` first.").default("0%"),
        Key::new("delay_time", Shape::millis(1, 600_000), "How long they wait.").default("100ms"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<Faults> {
    if !fields.has("insecure_faults") {
        return None;
    }
    let fields = fields.section("insecure_faults");
    let (Share(abort), Share(delay)) = (fields.get("abort"), fields.get("delay"));
    Some(Faults {
        abort,
        status: fields.get("status"),
        delay,
        delay_time: fields.get::<Duration>("delay_time"),
    })
}
