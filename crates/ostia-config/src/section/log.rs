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
    keys: &[Key::new("access", Shape::Section(&ACCESS), "One line for each request."), Key::later("audit")],
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

pub(crate) fn read(fields: &Fields<'_>) -> Logs {
    let access = fields.section("access");
    let _: &str = access.word("format");
    let target = match access.get::<String>("to").as_str() {
        "stdout" => LogTarget::Stdout,
        "none" => LogTarget::None,
        file => LogTarget::File(fields.cx.base_dir.join(file)),
    };
    let subject = match access.word("subject") {
        "hashed" => SubjectForm::Hashed,
        "none" => SubjectForm::None,
        _ => SubjectForm::Plain,
    };
    Logs { access: target, subject }
}
