//! What happened to a session, as one line: a sign-in, a refresh, a sign-out, a revocation; done, or failed and why.

use std::net::IpAddr;
use std::time::SystemTime;

use super::Audit;
use crate::access_log::json::Object;
use crate::access_log::subject::Subjects;
use crate::access_log::timestamp;
use crate::asked::Asked;
use crate::log::Line;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Somebody came back from the provider.
    Login,
    /// The provider was asked for new tokens.
    Refresh,
    /// Somebody was to be signed out: here, by the issuer.
    Logout,
    /// The operator ended sessions, or a token was given back to its issuer (RFC 7009).
    Revocation,
}

/// The words with what they say; the reference page is made from it.
pub(crate) const EVENTS: &[(&str, &str)] = &[
    ("login", "a sign-in came to its end: a session began, or none did"),
    (
        "refresh",
        "a provider was asked for new tokens of a session: they came, the session goes on without, or it is over",
    ),
    ("logout", "somebody was signed out in their browser or by the issuer, or that was refused"),
    ("revocation", "the operator ended sessions, or a token of a session that was signed out was given back"),
];

impl SessionEvent {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Login, Self::Refresh, Self::Logout, Self::Revocation];

    fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::Revocation => "revocation",
        }
    }
}

/// A request and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct WhoAsked<'a> {
    /// The request.
    pub asked: Asked<'a>,
    /// The client, as far as trusted peers tell.
    pub client: Option<IpAddr>,
    /// The listener's name.
    pub listener: &'a str,
}

/// What is told of it. What is not known stays `None` and is left out of the line.
#[derive(Clone, Copy, Debug)]
pub struct SessionLine<'a> {
    /// When.
    pub at: SystemTime,
    /// What happened.
    pub event: SessionEvent,
    /// The request that did it; `None` where it was the operator, or nobody waited for it.
    pub who: Option<WhoAsked<'a>>,
    /// The subject; written as `logs.audit.subject` says.
    pub subject: Option<&'a str>,
    /// The provider that knows the subject.
    pub provider: Option<&'a str>,
    /// A digest of the session's name, never the name.
    pub session: Option<u128>,
    /// Whether it was done.
    pub is_done: bool,
    /// How it was done, where there are several ways.
    pub way: Option<&'a str>,
    /// Why: a word of a closed set.
    pub reason: &'a str,
}

impl WhoAsked<'_> {
    pub(crate) fn write_to(&self, line: &mut Object<'_>) {
        self.asked.write_to(line);
        line.client(self.client);
        line.text("ostia.listener", self.listener);
    }
}

impl Line<Audit> for SessionLine<'_> {
    fn write_to(&self, buffer: &mut Vec<u8>, subjects: &Subjects) {
        let mut line = Object::begin(buffer);
        line.written("timestamp", |buffer| timestamp::write(buffer, self.at));
        line.word("event", self.event.word());
        if let Some(who) = &self.who {
            who.write_to(&mut line);
        }
        line.person(subjects, self.provider, self.subject);
        if let Some(session) = self.session {
            line.display("ostia.session", format_args!("{session:032x}"));
        }
        line.word("ostia.outcome", if self.is_done { "done" } else { "failed" });
        line.text_if("ostia.way", self.way);
        line.text("ostia.reason", self.reason);
        line.end();
    }
}
