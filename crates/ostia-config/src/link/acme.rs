//! The names that `acme` orders certificates for, where none are written: those of the routes.

use crate::codes;
use crate::findings::Finding;
use crate::route::HostPattern;
use crate::section::acme::is_name;
use crate::tree::{Node, Step, path_text};
use crate::value::Context;
use crate::{Listener, Route};

pub(super) fn names_of_routes(cx: &Context<'_>, root: &Node, listeners: &mut [Listener], routes: &[Route]) {
    for listener in listeners {
        let Some(acme) = listener.tls.as_mut().and_then(|tls| tls.acme.as_mut()) else { continue };
        let steps =
            [Step::Key("listeners"), Step::Key(listener.name.as_str()), Step::Key("tls"), Step::Key("acme")];
        let path = path_text(&steps);
        if !acme.names.is_empty() || cx.findings.spoils(&path) {
            continue;
        }
        let hosts = routes.iter().filter_map(|route| match &route.host {
            HostPattern::Exact(host) if is_name(host) => Some(host.clone()),
            _ => None,
        });
        acme.names = hosts.collect();
        acme.names.sort();
        acme.names.dedup();
        if acme.names.is_empty() {
            let message = format!("`{path}` has no names: no route has an exact host");
            let finding = Finding::new(codes::ACME_NAME, root.locate(&steps), path, message);
            cx.findings.add(finding.help("write the names: `names: [app.example.com]`"));
        }
    }
}
