//! How a provider signs ID tokens: as it should, and in the ways that certification tries.

use std::sync::Arc;

use serde_json::Value;

use crate::rsa_signer::RsaSigner;
use crate::signer::{Signer, signing_input};

/// How ID tokens are signed.
#[derive(Clone, Debug, Default)]
pub enum IdTokenSigning {
    /// By the provider's key, which its header names.
    #[default]
    Usual,
    /// By the provider's key, which its header does not name.
    WithoutKeyId,
    /// Not at all: `alg` is `none`.
    None,
    /// By this RSA key, which is in the key set.
    Rsa(Arc<RsaSigner>),
    /// The same, and then another claim is put in.
    RsaThenChanged(Arc<RsaSigner>),
}

impl IdTokenSigning {
    /// The key that it adds to the key set.
    pub(super) fn jwk(&self) -> Option<Value> {
        match self {
            Self::Rsa(key) | Self::RsaThenChanged(key) => Some(key.jwk()),
            Self::Usual | Self::WithoutKeyId | Self::None => None,
        }
    }

    pub(super) fn sign(&self, own: &Signer, claims: &Value) -> String {
        let mut header = own.header("JWT");
        match self {
            Self::Usual => own.sign(&header, claims),
            Self::WithoutKeyId => {
                header.as_object_mut().unwrap().remove("kid");
                own.sign(&header, claims)
            }
            Self::None => {
                header["alg"] = "none".into();
                format!("{}.", signing_input(&header, claims))
            }
            Self::Rsa(key) => key.sign(Some("JWT"), claims),
            Self::RsaThenChanged(key) => {
                let signed = key.sign(Some("JWT"), claims);
                let mut changed = claims.clone();
                changed["groups"] = "everybody".into();
                let other = key.sign(Some("JWT"), &changed);
                let (_, signature) = signed.rsplit_once('.').unwrap();
                let (input, _) = other.rsplit_once('.').unwrap();
                format!("{input}.{signature}")
            }
        }
    }
}
