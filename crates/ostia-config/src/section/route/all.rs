//! All routes of a file; where they are many, two threads read them (ADR 0023).

use std::thread;

use crate::fields::Fields;
use crate::findings::Findings;
use crate::section::route::{ROUTE, Written, read};
use crate::tree::Node;
use crate::value::Context;

/// From so many routes on a second thread is worth its start.
const MANY: usize = 512;

/// Reads the routes at these nodes, each with its path.
pub(crate) fn read_all(cx: &Context<'_>, nodes: &[(&Node, String)]) -> Vec<Written> {
    // What was found before may decide what is worth telling here.
    let is_worth_it = nodes.len() >= MANY && cx.findings.is_empty();
    let (first, second) = nodes.split_at(if is_worth_it { nodes.len() / 2 } else { nodes.len() });
    let Context { source, environment, base_dir, .. } = *cx;
    let apart = move || {
        let findings = Findings::default();
        let routes = read_some(&Context { source, findings: &findings, environment, base_dir }, second);
        (findings.is_empty() && findings.hidden().is_empty()).then_some(routes)
    };
    thread::scope(|scope| {
        let apart = (!second.is_empty()).then(|| thread::Builder::new().spawn_scoped(scope, apart));
        let mut routes = read_some(cx, first);
        let rest = apart.and_then(|apart| apart.ok()?.join().ok()?);
        // Whatever is wrong there is found again, and told beside everything else.
        routes.extend(rest.unwrap_or_else(|| read_some(cx, second)));
        routes
    })
}

fn read_some(cx: &Context<'_>, nodes: &[(&Node, String)]) -> Vec<Written> {
    let one = |(node, path): &(&Node, String)| {
        read(&Fields::open(cx, Some(*node), &ROUTE, &**path, node.span), node)
    };
    nodes.iter().map(one).collect()
}
