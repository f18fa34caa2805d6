//! The provider's keys: one signs, the retired ones still verify.

use serde_json::Value;

use crate::jwt::{Key, Kind};

/// At least one key; the first signs.
pub(super) struct Keys {
    signing: Key,
    old: Vec<Key>,
}

impl Keys {
    pub(super) fn generate() -> Self {
        Self { signing: Key::generate(), old: Vec::new() }
    }

    pub(super) fn rotate(&mut self) -> String {
        let retired = std::mem::replace(&mut self.signing, Key::generate());
        self.old.insert(0, retired);
        self.signing.kid().to_owned()
    }

    pub(super) fn forget_old(&mut self) {
        self.old.clear();
    }

    /// The keys as in the key set, the signing one first.
    pub(super) fn public(&self) -> Vec<Value> {
        self.iter().map(Key::public).collect()
    }

    pub(super) fn signing_kid(&self) -> &str {
        self.signing.kid()
    }

    pub(super) fn sign(&self, kind: Kind, claims: &Value) -> String {
        self.signing.sign(kind, claims)
    }

    /// The claims of a token that one of the keys signed; times are not looked at.
    pub(super) fn open(&self, kind: Kind, token: &str) -> Option<Value> {
        self.iter().find_map(|key| key.open(kind, token))
    }

    fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.signing).chain(&self.old)
    }
}
