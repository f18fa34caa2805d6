//! The YAML language of Ostia: sections as types, values with units, diagnostics with positions.
//!
//! [`load`] reads a file, resolves its secrets and returns a [`Config`]: the checked model, in which every name
//! refers to something that exists and every value is within its limits. Whoever holds a `Config` may compile it
//! without looking back at the text.
//!
//! text → tree (`tree`, with positions) → checks (`check`) → model (the sections below).

pub mod admin;
mod check;
pub mod codes;
mod describe;
pub mod diagnostic;
pub mod document;
pub mod effective;
mod environment;
pub mod extension;
mod fields;
mod file;
mod findings;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod handling;
pub mod identity;
mod link;
pub mod listener;
pub mod load;
pub mod log;
pub mod name;
pub mod page;
pub mod policy;
pub mod preset;
pub mod provider;
pub mod reference;
pub mod route;
pub mod runtime;
mod scalar;
pub mod schema;
pub mod secret;
mod section;
pub mod session;
mod source;
pub mod template;
mod tree;
pub mod upstream;
mod value;
pub mod with;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use admin::Admin;
pub use extension::ExtensionSection;
pub use identity::IdentityHeaders;
pub use listener::Listener;
pub use log::Logs;
pub use name::Name;
pub use page::Pages;
pub use policy::Policy;
pub use provider::Provider;
pub use route::Route;
pub use runtime::Runtime;
pub use secret::Secret;
pub use session::Sessions;
pub use template::Template;
pub use upstream::Upstream;
pub use with::{With, WithRefused};

/// A whole configuration that passed every check.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where clients connect. At least one.
    pub listeners: Vec<Listener>,
    /// The issuers whose people and tokens are accepted, by name.
    pub providers: BTreeMap<Name, Arc<Provider>>,
    /// The named rules that decide who may enter.
    pub policies: BTreeMap<Name, Policy>,
    /// Groups of servers, by name. A route that wrote an address instead of a name has a group of its own here,
    /// named after the address.
    pub upstreams: BTreeMap<Name, Arc<Upstream>>,
    /// In the order of the file, which never decides anything.
    pub routes: Vec<Route>,
    /// The login session.
    pub sessions: Sessions,
    /// What the upstream is told about the caller.
    pub identity: IdentityHeaders,
    /// Which extensions run, in the order of the file.
    pub extensions: Vec<ExtensionSection>,
    /// Access log.
    pub logs: Logs,
    /// Pages for people.
    pub pages: Pages,
    /// Where the operator and Prometheus connect.
    pub admin: Admin,
    /// Threads, drain, state folder.
    pub runtime: Runtime,
    /// SHA-256 of the text that was read, as lower-case hex; shown in metrics and `status`.
    pub hash: String,
}
