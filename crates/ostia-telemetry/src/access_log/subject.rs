//! How a subject stands in a line: as it is, hashed, or not at all.

use std::io;

use aws_lc_rs::{hmac, rand};
use ostia_config::log::SubjectForm;

/// Writes subjects in the form of the configuration.
#[derive(Debug)]
pub enum Subjects {
    /// As they are.
    Plain,
    /// Under a key.
    Hashed(Box<hmac::Key>),
    /// Not at all.
    None,
}

/// A subject as it is written.
pub(crate) enum Shown<'a> {
    Plain(&'a str),
    Hash([u8; 32]),
}

impl Subjects {
    pub(crate) fn new(form: SubjectForm) -> io::Result<Self> {
        Ok(match form {
            SubjectForm::Plain => Self::Plain,
            SubjectForm::None => Self::None,
            SubjectForm::Hashed => {
                let mut key = [0; 32];
                rand::fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
                Self::hashed(&key)
            }
        })
    }

    /// Under this key.
    pub(crate) fn hashed(key: &[u8; 32]) -> Self {
        Self::Hashed(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// A subject is one only together with its provider (OpenID Connect Core section 5.7).
    pub(crate) fn shown<'a>(&self, provider: &str, subject: &'a str) -> Option<Shown<'a>> {
        match self {
            Self::Plain => Some(Shown::Plain(subject)),
            Self::None => None,
            Self::Hashed(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(&(provider.len() as u64).to_be_bytes());
                context.update(provider.as_bytes());
                context.update(subject.as_bytes());
                Some(Shown::Hash(hex_of_half(context.sign().as_ref())))
            }
        }
    }
}

/// The first 16 bytes as 32 digits.
fn hex_of_half(bytes: &[u8]) -> [u8; 32] {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
    let mut hex = [b'0'; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
    }
    hex
}
