//! `logs`: where lines go.

use crate::Logs;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::log::{LogTarget, SubjectForm};
use crate::section::TEXT;

static FORMAT: Words = Words { now: &["json"], later: &["common", "combined"] };
static SUBJECT: Words = Words { now: &["plain", "hashed", "none"], later: &[] };

pub(crate) static LOGS: Section = Section {
    title: "`logs`",
    doc: "What is written down. Errors and the life of the process go to standard error in any case.",
    keys: &[
        Key::new("access", Shape::Section(&ACCESS), "One line for each request."),
        Key::new(
            "audit",
            Shape::Section(&AUDIT),
            "One line for each decision that counts, chained by hashes.",
        ),
    ],
};

pub(crate) static ACCESS: Section = Section {
    title: "`logs.access`",
    doc: "One line for each request.",
    keys: &[
        Key::new("to", Shape::Text(&TEXT), "`stdout`, `none`, or a file that is appended to.")
            .default("stdout")
            .example("to: /var/log/ostia/access.jsonl"),
        Key::new("format", Shape::Word(&FORMAT), "One JSON object a line.").default("json"),
        Key::new(
            "subject",
            Shape::Word(&SUBJECT),
            "How the signed-in subject stands in a line: `plain`, `hashed` with a key that lives as long as the \
             process, or `none`.",
        )
        .default("plain"),
    ],
};

pub(crate) static AUDIT: Section = Section {
    title: "`logs.audit`",
    doc: "One line for each denial, and for each request that is let in on routes with `audit: allow`. Each line holds \
          the SHA-256 of the one before; `ostia audit verify` finds what was changed or removed.",
    keys: &[
        Key::new(
            "to",
            Shape::Text(&TEXT),
            "A file that is appended to, `stdout`, or `none`. Only a file continues its chain after a restart.",
        )
        .default("none")
        .restart()
        .example("to: /var/log/ostia/audit.jsonl"),
        Key::new(
            "subject",
            Shape::Word(&SUBJECT),
            "How the subject stands in a line: `plain`, `hashed` under `audit.key` of the state folder (made when \
             absent; the same subject has the same hash after a restart, and on nodes that share the key), or `none`.",
        )
        .default("plain")
        .restart(),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Logs {
    let access = fields.section("access");
    let _: &str = access.word("format");
    let audit = fields.section("audit");
    Logs {
        access: target(&access),
        subject: subject(&access),
        audit: target(&audit),
        audit_subject: subject(&audit),
    }
}

fn target(fields: &Fields<'_>) -> LogTarget {
    match fields.get::<String>("to").as_str() {
        "stdout" => LogTarget::Stdout,
        "none" => LogTarget::None,
        file => LogTarget::File(fields.cx.base_dir.join(file)),
    }
}

fn subject(fields: &Fields<'_>) -> SubjectForm {
    match fields.word("subject") {
        "hashed" => SubjectForm::Hashed,
        "none" => SubjectForm::None,
        _ => SubjectForm::Plain,
    }
}
