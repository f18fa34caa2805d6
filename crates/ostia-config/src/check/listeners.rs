//! Listeners that exclude each other, or that speak to the world in clear text.

use std::net::SocketAddr;

use crate::codes;
use crate::findings::Finding;
use crate::source::Span;
use crate::tree::{Node, Step, path_text};
use crate::value::Context;
use crate::{Config, Listener};

pub(super) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    one_owner_for_each_address(cx, root, config);
    for listener in &config.listeners {
        either_redirect_or_tls(cx, root, listener);
        clear_text(cx, root, config, listener);
    }
}

fn steps(listener: &Listener) -> [Step<'_>; 2] {
    [Step::Key("listeners"), Step::Key(listener.name.as_str())]
}

/// Where an address is bound, and by whom.
struct Bound<'a> {
    address: SocketAddr,
    by: &'a str,
    /// `None` for an address that stands by default.
    span: Option<Span>,
    path: String,
}

fn one_owner_for_each_address(cx: &Context<'_>, root: &Node, config: &Config) {
    let bound: Vec<Bound<'_>> = admin(root, config)
        .into_iter()
        .chain(config.listeners.iter().flat_map(|listener| bound(root, listener)))
        .collect();
    for (index, second) in bound.iter().enumerate() {
        let Some(first) = bound.iter().take(index).find(|first| collide(first.address, second.address))
        else {
            continue;
        };
        let message = format!("`{}` and `{}` bind the same address", first.by, second.by);
        let finding =
            Finding::new(codes::SAME_ADDRESS, second.span.unwrap_or(root.span), &*second.path, message);
        let finding = match first.span {
            Some(span) => finding.related(span, "already bound here"),
            None => finding.label(format!("taken by `{}`, by default", first.by)),
        };
        cx.findings.add(finding.help("give one of them another port"));
    }
}

fn admin<'a>(root: &Node, config: &Config) -> Option<Bound<'a>> {
    let span = root.find(&[Step::Key("admin"), Step::Key("bind")]).map(|node| node.span);
    Some(Bound { address: config.admin.bind, by: "admin", span, path: "admin.bind".to_owned() })
}

fn bound<'a>(root: &Node, listener: &'a Listener) -> Vec<Bound<'a>> {
    let [section, name] = steps(listener);
    let place = |index: usize| {
        let item = [section, name, Step::Key("bind"), Step::Index(index)];
        let whole = [section, name, Step::Key("bind")];
        root.find(&item).or_else(|| root.find(&whole)).map(|node| node.span)
    };
    let path = path_text(&[section, name, Step::Key("bind")]);
    let bound = |(index, address): (usize, &SocketAddr)| Bound {
        address: *address,
        by: listener.name.as_str(),
        span: place(index),
        path: path.clone(),
    };
    listener.bind.iter().enumerate().map(bound).collect()
}

/// The same port on the same address, or on all addresses of the family. Port 0 is any free port.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (everywhere || one.ip() == other.ip())
}

fn either_redirect_or_tls(cx: &Context<'_>, root: &Node, listener: &Listener) {
    if !listener.redirect_to_https || listener.tls.is_none() {
        return;
    }
    let [section, name] = steps(listener);
    let redirect = [section, name, Step::Key("redirect")];
    let message = format!("listener `{}` redirects to https, and is https itself", listener.name);
    let finding =
        Finding::new(codes::REDIRECT_AND_TLS, root.locate(&redirect), path_text(&redirect), message);
    cx.findings.add(
        finding.related(root.locate(&[section, name, Step::Key("tls")]), "TLS is here").help(
            "redirect from a plain listener of its own: `http: { bind: \"[::]:80\", redirect: https }`",
        ),
    );
}

/// Cookies and tokens in clear text on a network.
fn clear_text(cx: &Context<'_>, root: &Node, config: &Config, listener: &Listener) {
    let guarded = config.routes.iter().any(|route| route.credentials.session || route.credentials.bearer);
    let outside = listener.bind.iter().any(|address| !address.ip().is_loopback());
    let plain = listener.tls.is_none() && !listener.redirect_to_https && listener.trusted_proxies.is_empty();
    let steps = steps(listener);
    if guarded && outside && plain && !cx.findings.spoils(&path_text(&steps)) {
        let message =
            format!("listener `{}` takes cookies and tokens from the network in clear text", listener.name);
        cx.findings.add(
            Finding::new(codes::CLEAR_TEXT, root.locate(&steps), path_text(&steps), message)
                .help("add `tls`; or bind a loopback address, or name the TLS terminator before it in `trusted_proxies`"),
        );
    }
}
