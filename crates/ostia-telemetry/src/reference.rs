//! The reference pages that are made from the tables of this crate.

use std::fmt::Write;

use crate::access_log::{EndReason, FIELDS};
use crate::audit_log::{EVENTS, FIELDS as AUDIT_FIELDS, SESSION_EVENTS};
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

/// `docs/reference/audit-log.md`.
#[must_use]
pub fn audit_log_markdown() -> String {
    let mut page = String::from(
        "# Audit log\n\n\
         <!-- Made from `crates/ostia-telemetry/src/audit_log`; a test compares. -->\n\n\
         One JSON object a line, in this order; what is not known is left out. Every denial has a line: 401, 403, a \
         redirect to sign in. A request that is let in has one on routes with `audit: allow`. Every sign-in that ended, \
         refresh, sign-out and revocation has one, done or failed, on the node that did it. Names are those of the \
         access log; `request.id` leads from one to the other. The query is never written, nor is any token, cookie or \
         claim beside the subject.\n\n\
         | field | what it says |\n|---|---|\n",
    );
    for (name, help) in AUDIT_FIELDS {
        let _ = writeln!(page, "| `{name}` | {help} |");
    }
    page.push_str("\n## `event`\n\n| word | what happened |\n|---|---|\n");
    page.push_str("| `decision` | a request was let in or refused |\n");
    for (event, help) in SESSION_EVENTS.iter().chain(EVENTS) {
        let _ = writeln!(page, "| `{event}` | {help} |");
    }
    page.push_str(
        "\n## The chain\n\n\
         `prev` is the SHA-256 of the bytes of the line before. `ostia audit verify FILE…` takes the files of a chain in \
         their order (after a rotation the chain goes on in the next file, after a restart in the same one) and finds a \
         line that was changed, removed or inserted. It prints the hash of the last line, the head: noted somewhere \
         else, it proves later that nothing before it was changed.\n\n\
         A chain cannot tell that lines were cut off at the end of a log that is still written. A file that was closed or \
         rotated ends with a line that says so; `verify` tells when the last file does not. Who may write the file could \
         also write a whole new chain: note the head, or send the lines on as they come.\n\n\
         ## When it cannot be written\n\n\
         Requests do not wait for the audit log (lines of one moment are in the order in which threads leave them) and are not refused because of it. Up to 4 MiB wait for the disk in each \
         of a few buffers. What is lost then, or while the disk is full, is counted in \
         `ostia_log_lines_dropped_total{log=\"audit\"}` and told in the log by a line `lost` as soon as it can be written \
         again. A line that a full disk cut is taken back; one that a crash cut stays, and the next line tells of it.\n\n\
         One process writes a file at a time. In a hot upgrade the new process keeps its lines until the old one has \
         closed the file.\n",
    );
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{access_log_markdown, audit_log_markdown, metrics_markdown};
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
        let pages = [
            ("metrics.md", metrics_markdown()),
            ("access-log.md", access_log_markdown()),
            ("audit-log.md", audit_log_markdown()),
        ];
        for (name, page) in pages {
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
