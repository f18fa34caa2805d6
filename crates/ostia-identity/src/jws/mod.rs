//! Signed tokens in compact form (RFC 7515), read by a small strict reader of our own.

pub(crate) mod algorithm;
mod base64url;
mod header;
pub(crate) mod token;

pub(crate) use base64url::{decode, encode};
pub(crate) use header::same_type;
