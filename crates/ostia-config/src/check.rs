//! What only the whole configuration shows: things that exclude, shadow or never meet each other.

mod cookies;
mod listeners;
mod policies;
mod providers;
mod routes;
pub(crate) mod secrets;
mod unused;

use crate::Config;
use crate::tree::Node;
use crate::value::Context;

/// Runs every check. Each keeps silent about what another finding has spoilt.
pub(crate) fn check(cx: &Context<'_>, root: &Node, config: &Config) {
    cookies::check(cx, root, config);
    listeners::check(cx, root, config);
    policies::check(cx, root, config);
    providers::check(cx, root, config);
    routes::check(cx, root, config);
    unused::check(cx, root, config);
}
