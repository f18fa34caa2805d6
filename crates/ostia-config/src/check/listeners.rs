//! Listeners that exclude each other, or that speak to the world in clear text.

use std::net::SocketAddr;

use crate::codes;
use crate::fields::Context;
use crate::findings::Finding;
use crate::source::Span;
use crate::tree::{Node, Step, path_text};
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
    span: Span,
    path: String,
}

fn one_owner_for_each_address(cx: &Context<'_>, root: &Node, config: &Config) {
    let listeners = config.listeners.iter().flat_map(|listener| {
        let [section, name] = steps(listener);
        let bind = [section, name, Step::Key("bind")];
        let span = root.find(&bind).map_or_else(|| root.locate(&bind), |node| node.span);
        listener.bind.iter().map(move |address| Bound {
            address: *address,
            by: listener.name.as_str(),
            span,
            path: path_text(&bind),
        })
    });
    let admin = Bound {
        address: config.admin.bind,
        by: "admin",
        span: root.locate(&[Step::Key("admin"), Step::Key("bind")]),
        path: "admin.bind".to_owned(),
    };
    let bound: Vec<Bound<'_>> = listeners.chain(std::iter::once(admin)).collect();
    for (index, second) in bound.iter().enumerate() {
        let first = bound.iter().take(index).find(|first| collide(first.address, second.address));
        if let Some(first) = first {
            let message = format!("`{}` and `{}` both bind {}", first.by, second.by, second.address);
            let finding = Finding::new(codes::SAME_ADDRESS, second.span, &*second.path, message);
            cx.findings
                .add(finding.related(first.span, "already bound here").help("give one of them another port"));
        }
    }
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
