//! The reference pages that are made from the tables of this crate.

use std::fmt::Write;

use crate::access_log::{EndReason, FIELDS};
use crate::metrics::TABLE;

/// `docs/reference/metrics.md`.
#[must_use]
pub fn metrics_markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         <!-- Made from `crates/ostia-telemetry/src/metrics/table.rs`; a test compares. -->\n\n\
         `GET /metrics` on the admin address, text format 0.0.4. Label values are names of the configuration or words \
         of closed sets; never a user, a host, a path or an address of a client.\n\n\
         | name | type | labels | what it says |\n|---|---|---|---|\n",
    );
    for row in TABLE {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String does not fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            row.name,
            row.kind.as_str(),
            labels.join(", "),
            row.help
        );
    }
    page
}

/// `docs/reference/access-log.md`.
#[must_use]
pub fn access_log_markdown() -> String {
    let mut page = String::from(
        "# Access log\n\n\
         <!-- Made from `crates/ostia-telemetry/src/access_log`; a test compares. -->\n\n\
         One JSON object a line, in this order; what is not known is left out. Names are those of OpenTelemetry where it \
         has one. The query is never written: codes and states live there.\n\n\
         | field | what it says |\n|---|---|\n",
    );
    for (name, help) in FIELDS {
        let _ = writeln!(page, "| `{name}` | {help} |");
    }
    page.push_str("\n## `ostia.end`\n\n| word | what happened |\n|---|---|\n");
    for end in EndReason::ALL {
        let _ = writeln!(page, "| `{}` | {} |", end.as_str(), end.help());
    }
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{access_log_markdown, metrics_markdown};
    use crate::access_log::{EndReason, FIELDS};
    use crate::metrics::TABLE;

    #[test]
    fn every_row_is_on_its_page() {
        let (metrics, log) = (metrics_markdown(), access_log_markdown());
        assert!(TABLE.iter().all(|row| metrics.contains(&format!(
            "| `{}` | {} |",
            row.name,
            row.kind.as_str()
        ))));
        assert!(FIELDS.iter().all(|(name, _)| log.contains(&format!("| `{name}` |"))));
        assert!(EndReason::ALL.iter().all(|end| log.contains(&format!("| `{}` |", end.as_str()))));
    }

    /// `OSTIA_BLESS=1 cargo test -p ostia-telemetry` writes them.
    #[test]
    fn the_pages_in_docs_are_those_of_the_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
        for (name, page) in [("metrics.md", metrics_markdown()), ("access-log.md", access_log_markdown())] {
            if std::env::var_os("OSTIA_BLESS").is_some() {
                std::fs::write(folder.join(name), &page).unwrap();
            }
            let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(
                written == page,
                "{name} is not what the code says: OSTIA_BLESS=1 cargo test -p ostia-telemetry writes it anew"
            );
        }
    }
}
