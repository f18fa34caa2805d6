//! Certificates that an authority issues by itself (ACME, RFC 8555).
//!
//! Whatever must outlive the process, or reach the other nodes that share the folder, is a file: accounts, certificates
//! with their keys, and the answers to challenges. So any node can answer for any other, and the certificates come into
//! use as every changed file does (`renewal`).

mod authority;
mod challenge;
mod folder;
mod keeper;
mod plan;

pub use authority::AcmeRefused;
pub use folder::http_answer;

pub(crate) use challenge::{ALPN, certificate as challenge_certificate, is_challenge};
pub(crate) use folder::Folder;
pub(crate) use keeper::Keeper;
