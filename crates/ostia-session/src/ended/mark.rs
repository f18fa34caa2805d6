//! What an ending names, as a digest.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};

use ostia_identity::Identity;

use crate::record;
use crate::session::{Session, SessionId};

/// What can be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended<'a> {
    /// One session of ours.
    Session(SessionId),
    /// What goes back to one session at the issuer (`sid`).
    IssuerSession {
        /// `iss`.
        issuer: &'a str,
        /// `sid`.
        session: &'a str,
    },
    /// One access token (`jti`).
    Token {
        /// `iss`.
        issuer: &'a str,
        /// `jti`.
        id: &'a str,
    },
    /// Every session of a person.
    Subject {
        /// `iss`.
        issuer: &'a str,
        /// `sub`.
        subject: &'a str,
    },
    /// Every session of an issuer.
    Issuer(&'a str),
    /// Every session.
    Everybody,
    /// A logout token that has been used (`jti`); names no session.
    LogoutToken {
        /// `iss`.
        issuer: &'a str,
        /// `jti`.
        id: &'a str,
    },
}

/// 128 bits of the SHA-256 digest of what is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub(crate) [u8; 16]);

impl Mark {
    /// The mark of what is named.
    #[must_use]
    pub fn of(ended: Ended<'_>) -> Self {
        match ended {
            Ended::Session(id) => Self::digest("session", &[&id.0]),
            Ended::IssuerSession { issuer, session } => {
                Self::digest("sid", &[issuer.as_bytes(), session.as_bytes()])
            }
            Ended::Token { issuer, id } => Self::digest("token", &[issuer.as_bytes(), id.as_bytes()]),
            Ended::Subject { issuer, subject } => {
                Self::digest("sub", &[issuer.as_bytes(), subject.as_bytes()])
            }
            Ended::Issuer(issuer) => Self::digest("iss", &[issuer.as_bytes()]),
            Ended::Everybody => Self::digest("all", &[]),
            Ended::LogoutToken { issuer, id } => Self::digest("jti", &[issuer.as_bytes(), id.as_bytes()]),
        }
    }

    /// The kind and every part with its length in front, so that no two names have the same bytes.
    fn digest(kind: &str, parts: &[&[u8]]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(b"ostia ended 1");
        for part in std::iter::once(&kind.as_bytes()).chain(parts) {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut mark = [0; 16];
        for (to, from) in mark.iter_mut().zip(digest.finish().as_ref()) {
            *to = *from;
        }
        Self(mark)
    }

    /// Its bytes; a good shard key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads what [`fmt::Display`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 32 || !text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|bits| Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// The marks that a session is known by, and when it began. Made once, when its cookie is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    session: Mark,
    issuer_session: Option<Mark>,
    subject: Mark,
    issuer: Mark,
    everybody: Mark,
    begun_at: u64,
}

impl Marks {
    /// The marks of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let identity = &session.identity;
        let issuer: &str = &identity.issuer;
        let sid = identity.claims.string("sid");
        let issuer_session = sid.map(|session| Mark::of(Ended::IssuerSession { issuer, session }));
        Self {
            session: Mark::of(Ended::Session(session.id)),
            issuer_session,
            subject: Mark::of(Ended::Subject { issuer, subject: &identity.subject }),
            issuer: Mark::of(Ended::Issuer(issuer)),
            everybody: Mark::of(Ended::Everybody),
            begun_at: record::seconds(session.created_at),
        }
    }

    /// The marks of an access token, which is ended as the sessions of its subject are: by its `sid`, by the subject,
    /// the issuer, with everybody. `issued_at` stands for the beginning.
    #[must_use]
    pub fn of_token(identity: &Identity, issued_at: SystemTime) -> Self {
        let issuer: &str = &identity.issuer;
        let subject = Mark::of(Ended::Subject { issuer, subject: &identity.subject });
        let itself = identity.claims.string("jti").map(|id| Mark::of(Ended::Token { issuer, id }));
        let sid = identity.claims.string("sid");
        Self {
            session: itself.unwrap_or(subject),
            issuer_session: sid.map(|session| Mark::of(Ended::IssuerSession { issuer, session })),
            subject,
            issuer: Mark::of(Ended::Issuer(issuer)),
            everybody: Mark::of(Ended::Everybody),
            begun_at: record::seconds(issued_at),
        }
    }

    /// The mark of the session itself.
    #[must_use]
    pub fn session(&self) -> Mark {
        self.session
    }

    /// When the session began, in seconds since 1970.
    #[must_use]
    pub fn begun_at(&self) -> u64 {
        self.begun_at
    }

    /// The mark of its issuer.
    #[must_use]
    pub fn issuer(&self) -> Mark {
        self.issuer
    }

    /// The marks that name few sessions: itself, the session at the issuer, the person.
    pub fn narrow(&self) -> impl Iterator<Item = Mark> + use<> {
        std::iter::once(self.session).chain(self.issuer_session).chain(std::iter::once(self.subject))
    }

    /// Every mark that can end this session, the narrowest first.
    pub fn all(&self) -> impl Iterator<Item = Mark> + use<> {
        self.narrow().chain([self.issuer, self.everybody])
    }
}
