//! Affinity cookies of one name.

use std::collections::BTreeMap;

use crate::Config;
use crate::codes;
use crate::findings::Finding;
use crate::tree::{Node, Step, path_text};
use crate::upstream::Affinity;
use crate::value::Context;

/// Two upstreams may serve one host, and a browser has one cookie of a name there.
pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    let mut names = BTreeMap::new();
    for (upstream, section) in &config.upstreams {
        let Affinity::Cookie(name) = &section.affinity else { continue };
        let steps = [Step::Key("upstreams"), Step::Key(upstream), Step::Key("affinity"), Step::Key("cookie")];
        let span = root.locate(&steps);
        let Some((first, first_span)) = names.get(name) else {
            names.insert(name, (upstream, span));
            continue;
        };
        let message = format!("upstreams `{first}` and `{upstream}` have the same affinity cookie, `{name}`");
        let finding = Finding::new(codes::SERVER_COOKIE, span, path_text(&steps), message);
        cx.findings.add(finding.related(*first_span, "first here").help("give each a name of its own"));
    }
}
