//! The reference page of the language, made from the same tables that the reader goes by.

use std::fmt::Write as _;

use crate::codes;
use crate::describe::{Key, Need, Section, Shape, one_of};
use crate::section::root::ROOT;
use crate::value::duration_words;

/// `docs/reference/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         <!-- Made from the tables in `crates/ostia-config/src/section`; not edited by hand. -->\n\n",
    );
    page.push_str(BEGINNING);
    let mut sections = Vec::new();
    gather(&ROOT, &mut sections);
    for section in sections {
        write_section(&mut page, section);
    }
    write_codes(&mut page);
    page
}

/// What one reads before the tables.
const BEGINNING: &str = "Ten lines protect an application:

```yaml
version: 1
provider:
  issuer: https://login.example.com
  client_id: ostia
  client_secret_file: oidc-client-secret

routes:
  - host: app.example.com
    allow: authenticated
    upstream: 10.0.0.10:8080
```

`ostia check` reads a file as the server does and tells everything that is wrong with it in one run. Durations have a \
unit (`500ms`, `30s`, `5m`, `1h 30m`), sizes too (`64KiB`, `100MiB`). Names of files are relative to the folder of the \
configuration; secrets, keys and certificates are looked for in `$CREDENTIALS_DIRECTORY` first. Anchors, aliases and \
tags of YAML are not read.

";

/// A section, then those below it, each once.
fn gather(section: &'static Section, sections: &mut Vec<&'static Section>) {
    if sections.iter().any(|known| known.title == section.title) {
        return;
    }
    sections.push(section);
    for key in section.keys {
        gather_shape(&key.shape, sections);
    }
}

fn gather_shape(shape: &'static Shape, sections: &mut Vec<&'static Section>) {
    match shape {
        Shape::Section(section) => gather(section, sections),
        Shape::List(inner) | Shape::Several(inner) | Shape::OneOrMany(inner) | Shape::Map(_, inner) => {
            gather_shape(inner, sections);
        }
        Shape::Either(shapes) => shapes.iter().for_each(|inner| gather_shape(inner, sections)),
        _ => {}
    }
}

fn write_section(page: &mut String, section: &Section) {
    let heading = if section.title.starts_with('`') { section.title } else { "The whole file" };
    let _ = writeln!(page, "## {heading}\n\n{}\n", section.doc);
    for key in section.keys.iter().filter(|key| !key.is_later()) {
        write_key(page, key);
    }
    let later: Vec<&str> = section.keys.iter().filter(|key| key.is_later()).map(|key| key.name).collect();
    if !later.is_empty() {
        let _ = writeln!(page, "*Not supported yet, and refused:* `{}`.\n", later.join("`, `"));
    }
}

fn write_key(page: &mut String, key: &Key) {
    let _ = writeln!(page, "### `{}`\n\n{}\n", key.name, key.doc);
    let _ = writeln!(page, "- Takes: {}", takes(&key.shape));
    match key.need {
        Need::Required => {
            let _ = writeln!(page, "- **Required**");
        }
        Need::Default(default) => {
            let _ = writeln!(page, "- Default: `{default}`");
        }
        Need::Optional(words) if !words.is_empty() && words != "—" => {
            let _ = writeln!(page, "- Without it: {words}");
        }
        Need::Optional(_) | Need::Later => {}
    }
    let reload = if key.restart { "needs a restart" } else { "applied by a reload" };
    let _ = writeln!(page, "- Change: {reload}");
    if !key.example.is_empty() {
        let _ = writeln!(page, "\n```yaml\n{}\n```", key.example);
    }
    page.push('\n');
}

/// What a key takes, with its bounds.
fn takes(shape: &Shape) -> String {
    match shape {
        Shape::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Shape::Number { min, max } => format!("a number, {min} to {max}"),
        Shape::Duration { min, max } => {
            format!("a duration, {} to {}", duration_words(*min), duration_words(*max))
        }
        Shape::Size { min, max } => {
            let size = |bytes: u64| bytesize::ByteSize(bytes).display().iec().to_string();
            format!("a size, {} to {}", size(*min), size(*max))
        }
        Shape::Word(words) if words.later.is_empty() => one_of(words.now),
        Shape::Word(words) => {
            format!("{} ({} not supported yet)", one_of(words.now), one_of(words.later))
        }
        Shape::Section(section) => format!("a map: see {}", section.title),
        Shape::Map(key, value) => {
            format!("a map: before each colon {}, behind it {}", key.name, takes(value))
        }
        Shape::List(item) => format!("a list, each item {}", takes(item)),
        Shape::Several(item) => format!("a list of one or more, each item {}", takes(item)),
        Shape::OneOrMany(item) => format!("{}, or a list of such", takes(item)),
        Shape::Either(shapes) => {
            let each: Vec<String> = shapes.iter().map(takes).collect();
            each.join(", or ")
        }
        other => other.words(),
    }
}

fn write_codes(page: &mut String) {
    page.push_str("## Codes\n\nWhat a configuration can be refused or warned for; `ostia explain CODE` says the same.\n\n");
    for code in codes::ALL {
        let _ = writeln!(page, "### {}: {}\n\n{}\n", code.code, code.title, code.explanation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::default_node;
    use crate::findings::Findings;
    use crate::source::Source;
    use crate::tree::{Node, Value};

    #[test]
    fn every_key_is_on_the_page() {
        let page = markdown();
        let mut sections = Vec::new();
        gather(&ROOT, &mut sections);
        assert!(sections.len() > 20);
        for section in sections {
            for key in section.keys {
                assert!(page.contains(&format!("`{}`", key.name)), "{} of {}", key.name, section.title);
                assert!(key.is_later() || !key.doc.is_empty(), "{} of {}", key.name, section.title);
            }
        }
    }

    /// Whether a default that no parser looked at is what one reads.
    fn is_same(node: &Node, yaml: &str) -> bool {
        let (source, findings) = (Source::new("default", yaml), Findings::default());
        let read = crate::tree::read::read(&source, None, &findings).unwrap();
        match (&node.value, &read.value) {
            (Value::List(ours), Value::List(read)) => {
                let values = |nodes: &[Node]| nodes.iter().map(|node| node.value.clone()).collect::<Vec<_>>();
                values(ours) == values(read)
            }
            (ours, read) => ours == read,
        }
    }

    #[test]
    fn every_default_can_be_read() {
        use crate::fields::Fields;
        use crate::fields::testing::{read_as_shaped, with_yaml};
        let mut sections = Vec::new();
        gather(&ROOT, &mut sections);
        for section in sections {
            for key in section.keys {
                let Need::Default(default) = key.need else { continue };
                assert!(is_same(&default_node(default), default), "{}: {default}", key.name);
                with_yaml(&format!("{}: {default}", key.name), |cx, node| {
                    let fields = Fields::open(cx, Some(node), section, "", node.span);
                    read_as_shaped(&fields, key.name);
                });
            }
        }
    }
}
