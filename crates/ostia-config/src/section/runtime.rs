//! `runtime`: threads, drain, state folder.

use std::path::PathBuf;
use std::time::Duration;

use crate::Runtime;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::scalar::FileName;
use crate::section::FILE;
use crate::tree::{Scalar, Value};
use crate::value::Context;

static AUTO: Words = Words { now: &["auto"], later: &[] };
const THREADS: Shape = Shape::Integer { min: 1, max: 1024 };

pub(crate) static RUNTIME: Section = Section {
    title: "`runtime`",
    doc: "How the process runs.",
    keys: &[
        Key::new(
            "threads",
            Shape::Either(&[Shape::Word(&AUTO), THREADS]),
            "Threads that serve requests; `auto` is one a core.",
        )
        .default("auto")
        .example("threads: 8")
        .restart(),
        Key::new("drain", Shape::Section(&DRAIN), "How the process leaves."),
        Key::new(
            "state_dir",
            Shape::Text(&FILE),
            "The folder that Ostia writes: session keys, the last good metadata and keys of each issuer.",
        )
        .absent("`$STATE_DIRECTORY`, else `ostia-state` beside the configuration")
        .example("state_dir: /var/lib/ostia")
        .restart(),
    ],
};

pub(crate) static DRAIN: Section = Section {
    title: "`runtime.drain`",
    doc: "How the process leaves after `SIGTERM`.",
    keys: &[
        Key::new(
            "announce",
            Shape::millis(0, 600_000),
            "Readiness is off for this long before the listeners close, so that whatever balances before Ostia can \
             look elsewhere.",
        )
        .default("0s")
        .example("announce: 10s"),
        Key::new("deadline", Shape::millis(0, 3_600_000), "What is still in flight after this long is cut.")
            .default("60s"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Runtime {
    let drain = fields.section("drain");
    Runtime {
        threads: threads(fields),
        drain_announce: drain.get::<Duration>("announce"),
        drain_deadline: drain.get::<Duration>("deadline"),
        state_dir: state_dir(fields.cx, fields.optional("state_dir")),
    }
}

fn threads(fields: &Fields<'_>) -> Option<usize> {
    match fields.node("threads").map(|node| &node.value) {
        None => None,
        Some(Value::Scalar(Scalar { text, .. })) if text == "auto" => None,
        Some(_) => fields.optional_as("threads", THREADS),
    }
}

fn state_dir(cx: &Context<'_>, written: Option<FileName>) -> PathBuf {
    match (written, cx.environment.state_directory()) {
        (Some(FileName(folder)), _) => cx.base_dir.join(folder),
        (None, Some(folder)) => folder.to_owned(),
        (None, None) => cx.base_dir.join("ostia-state"),
    }
}
