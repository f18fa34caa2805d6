//! The protocol against a provider that misbehaves on demand.
//!
//! Tests that play a module of the OpenID Foundation's relying-party certification bear its name:
//! `oidcc-client-test-invalid-aud` is [`conformance::oidcc_client_test_invalid_aud`].

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error here is a failure of the test")]

mod bearer;
mod bound;
mod callback;
mod client_key;
mod conformance;
mod discovery;
mod introspected;
mod introspection;
mod issuer;
mod key;
mod keys;
mod login;
mod presets;
mod refresh;
mod strict;
mod wire;
