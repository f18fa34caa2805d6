//! Each section of the language: its table, and the way from its map to the model.

pub(crate) mod acme;
pub(crate) mod admin;
pub(crate) mod extension;
mod fixed;
pub(crate) mod identity;
pub(crate) mod listener;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod policy;
pub(crate) mod provider;
pub(crate) mod root;
pub(crate) mod route;
pub(crate) mod runtime;
pub(crate) mod session;
pub(crate) mod tls;
pub(crate) mod upstream;

use crate::Name;
use crate::describe::{Grammar, Shape};
use crate::policy::ClaimPath;
use crate::scalar::{AnyUrl, ClaimName, FileName};
use crate::tree::{Entry, Node};
use crate::value::Context;
use crate::value::{FromText, Place};

// The grammars that tables refer to.
static NAME: Grammar = <Name as FromText>::GRAMMAR;
static TEXT: Grammar = <String as FromText>::GRAMMAR;
static FILE: Grammar = <FileName as FromText>::GRAMMAR;
static URL: Grammar = <AnyUrl as FromText>::GRAMMAR;
static CLAIM_PATH: Grammar = <ClaimPath as FromText>::GRAMMAR;
static CLAIM_NAME: Grammar = <ClaimName as FromText>::GRAMMAR;

/// Reads the key of a map with free keys, such as the name of a provider.
pub(crate) fn read_key<T: FromText>(cx: &Context<'_>, entry: &Entry, path: &str) -> Option<T> {
    let node = Node { span: entry.key_span, ..Node::detached(&entry.key) };
    let place = Place { cx, node: &node, shape: Shape::Unread, path };
    T::from_text(&entry.key).map_err(|wrong| place.refuse(wrong)).ok()
}
