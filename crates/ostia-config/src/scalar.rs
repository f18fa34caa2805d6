//! What is written as one word: each kind of text with its grammar.

mod address;
mod claim;
mod dns;
mod field_name;
mod file;
mod host;
mod method;
mod name;
mod path;
mod retry_cause;
mod server_name;
mod service;
mod share;
mod store_url;
mod tenant;
mod text;
mod url;

pub(crate) use address::BindAddress;
pub(crate) use claim::ClaimName;
pub(crate) use dns::{DnsName, DnsServer, Nameserver};
pub(crate) use file::FileName;
pub(crate) use path::RequestPath;
pub(crate) use retry_cause::RetryCause;
pub(crate) use server_name::ServerName;
pub(crate) use service::CheckedService;
pub(crate) use share::Share;
pub(crate) use store_url::StoreUrl;
pub(crate) use tenant::TenantId;
pub(crate) use text::{ScopeToken, Token};
pub(crate) use url::{AnyUrl, is_loopback};
