//! Secrets that stand in a file which everybody can read.

use crate::codes;
use crate::findings::Finding;
use crate::tree::{Node, Scalar, Value, join_key};
use crate::value::Context;

/// Warns about each literal `client_secret`; the caller has seen that the file is open to all.
pub(crate) fn warn_about_literals(cx: &Context<'_>, root: &Node) {
    if let Some(provider) = root.get("provider") {
        warn_about(cx, provider, "provider");
    }
    if let Some(Value::Map(entries)) = root.get("providers").map(|node| &node.value) {
        for entry in entries {
            warn_about(cx, &entry.value, &join_key("providers", &entry.key));
        }
    }
}

fn warn_about(cx: &Context<'_>, provider: &Node, path: &str) {
    let Some(entry) = provider.entry("client_secret") else { return };
    if matches!(&entry.value.value, Value::Scalar(Scalar { from_environment: false, .. })) {
        let path = join_key(path, "client_secret");
        let message = format!("`{path}` is in a file that everybody on this machine can read");
        cx.findings.add(
            Finding::new(codes::OPEN_SECRET, entry.key_span, path, message).help(
                "move it to `client_secret_file`, or `chmod 600` the configuration and change the secret",
            ),
        );
    }
}
