//! `extensions`: which extensions run, and what each is told.

use std::sync::Arc;

use crate::Name;
use crate::describe::{Key, Section, Shape};
use crate::extension::ExtensionSection;
use crate::fields::Fields;
use crate::section::NAME;
use crate::source::Source;
use crate::tree::Value;
use crate::with::With;

pub(crate) static EXTENSION: Section = Section {
    title: "`extensions[]`",
    doc: "Code that is asked about requests, in this order, after what the program was built with by itself. `cors` is \
          built in; others are compiled in by who builds the program. An extension sees no credential, opens no route \
          and changes no field that tells of the caller.",
    keys: &[
        Key::new("name", Shape::Text(&NAME), "Which one.").required().example("name: cors"),
        Key::new("with", Shape::Free, "What it is told; which keys there are is its own matter.")
            .absent("its defaults")
            .example("with: { origins: [\"https://app.example.com\"] }"),
    ],
};

/// Read last, when every secret of the file is known: what is told later shows none.
pub(crate) fn read(top: &Fields<'_>) -> Vec<ExtensionSection> {
    let nodes = top.list("extensions");
    if nodes.is_empty() {
        return Vec::new();
    }
    let text = top.cx.findings.masked(top.cx.source);
    let source = Arc::new(Source::new(top.cx.source.name(), &text));
    let section = |(node, path): (_, String)| {
        let fields = Fields::open(top.cx, Some(node), &EXTENSION, &path, node.span);
        if let Some(with) = fields.node("with").filter(|with| !matches!(with.value, Value::Map(_))) {
            top.cx.wrong_type(with, &Shape::Free, &fields.sub("with"));
        }
        let name = fields.optional::<Name>("name")?;
        let with = With {
            node: fields.node("with").cloned(),
            path: fields.sub(if fields.has("with") { "with" } else { "name" }),
            span: fields.value_span("name"),
            source: Arc::clone(&source),
        };
        Some(ExtensionSection { name, with })
    };
    nodes.into_iter().filter_map(section).collect()
}
