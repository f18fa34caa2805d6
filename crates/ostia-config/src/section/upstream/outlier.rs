//! `outlier`: taking a server out for a while because requests fail there.

use std::time::Duration;

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::scalar::Share;
use crate::upstream::Outlier;
use crate::value::FromText;

pub(super) static SHARE: Grammar = <Share as FromText>::GRAMMAR;

const HOUR: u64 = 3600;

pub(crate) static OUTLIER: Section = Section {
    title: "`upstreams.*.outlier`",
    doc: "Taking a server out for a while because requests fail there. A failure is a connection that cannot be made, an \
          answer that does not come, breaks off or is no HTTP, and one of `statuses`; what a client does is none.",
    keys: &[
        Key::new(
            "consecutive_failures",
            Shape::Integer { min: 1, max: 1000 },
            "Failures in a row that are too many.",
        )
        .default("5"),
        Key::new(
            "failure_share",
            Shape::Text(&SHARE),
            "The share of failed requests in a `window` that is too much.",
        )
        .absent("only failures in a row count")
        .example("failure_share: 50%"),
        Key::new("window", Shape::millis(100, HOUR * 1000), "What `failure_share` is a share of.").default("10s"),
        Key::new(
            "least_requests",
            Shape::Integer { min: 1, max: 1_000_000 },
            "Requests in a `window` before `failure_share` says anything.",
        )
        .default("20"),
        Key::new(
            "statuses",
            Shape::List(&Shape::Integer { min: 400, max: 599 }),
            "Statuses of answers that are failures.",
        )
        .default("[502, 503, 504]"),
        Key::new(
            "eject",
            Shape::millis(100, 24 * HOUR * 1000),
            "For how long a server is out the first time; each time in a row twice as long.",
        )
        .default("30s"),
        Key::new("max_eject", Shape::millis(100, 24 * HOUR * 1000), "The longest.").default("5m"),
        Key::new(
            "max_ejected",
            Shape::Text(&SHARE),
            "The share of the servers that may be out, those that fail their checks included: more are never ejected.",
        )
        .default("50%"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Outlier {
    if !fields.has("failure_share") {
        for key in ["window", "least_requests"].into_iter().filter(|key| fields.has(key)) {
            let message = format!("`{}` does nothing without `failure_share`", fields.sub(key));
            let finding = Finding::new(codes::WINDOW, fields.key_span(key), fields.sub(key), message);
            fields.cx.findings.add(finding.help("add `failure_share: 50%`, or remove the key"));
        }
    }
    let share = |key: &str| fields.optional::<Share>(key).map(|Share(share)| share);
    Outlier {
        consecutive_failures: fields.get("consecutive_failures"),
        failure_share: share("failure_share"),
        window: fields.get::<Duration>("window"),
        least_requests: fields.get("least_requests"),
        statuses: fields.get("statuses"),
        eject: fields.get::<Duration>("eject"),
        max_eject: fields.get::<Duration>("max_eject"),
        max_ejected: fields.get::<Share>("max_ejected").0,
    }
}
