//! One decision as one line, before it is chained.

use std::time::SystemTime;

use super::Audit;
use super::event::WhoAsked;
use crate::access_log::json::Object;
use crate::access_log::subject::Subjects;
use crate::access_log::timestamp;
use crate::log::Line;

/// How a caller proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A session.
    Session,
    /// A bearer token.
    Bearer,
}

/// What is told of a decision. What is not known stays `None` and is left out of the line.
#[derive(Clone, Copy, Debug)]
pub struct AuditLine<'a> {
    /// When the request's head was complete.
    pub at: SystemTime,
    /// Who asked for what.
    pub who: WhoAsked<'a>,
    /// The route's name.
    pub route: &'a str,
    /// The subject; written as `logs.audit.subject` says.
    pub subject: Option<&'a str>,
    /// The provider that knows the subject.
    pub provider: Option<&'a str>,
    /// How the subject was proved.
    pub proof: Option<Proof>,
    /// Whether the request was let in.
    pub is_allowed: bool,
    /// The policy that decided.
    pub policy: Option<&'a str>,
    /// Why: the slug of the decision or refusal.
    pub reason: &'a str,
    /// The condition that decided: the path of a claim, a scope, a key of a policy.
    pub condition: Option<&'a str>,
}

/// The names of a line in its order, with what they say; the reference page is made from it.
pub const FIELDS: &[(&str, &str)] = &[
    (
        "prev",
        "the SHA-256 of the line before, without its line break, as 64 hexadecimal digits; zeros in the first",
    ),
    ("seq", "the number of the line in its chain, from 1"),
    (
        "timestamp",
        "when the head of the request was complete, or when the event was: RFC 3339, UTC, milliseconds",
    ),
    ("event", "`decision`, what happened to a session or to the log itself, see below"),
    ("request.id", "the name of the request, as in the access log and on error pages"),
    ("http.request.method", "the method as it came"),
    ("server.address", "the host that was asked for"),
    ("url.path", "the path as it came, without the query"),
    ("client.address", "the client, as far as trusted proxies tell"),
    ("ostia.listener", "the name of the listener"),
    ("http.route", "the name of the route"),
    ("user.id", "the subject, as `logs.audit.subject` says: plain, hashed, not at all"),
    ("ostia.provider", "the provider that knows the subject"),
    (
        "ostia.session",
        "a digest of the session's name, the same in all its lines and on all nodes; it opens nothing",
    ),
    ("ostia.credential", "`session` or `bearer`; absent where nobody was recognised"),
    ("ostia.decision", "`allow` or `deny`"),
    ("ostia.policy", "the policy that decided; absent where no policy was asked"),
    ("ostia.outcome", "of what happened to a session: `done` or `failed`"),
    (
        "ostia.way",
        "how: `local`, `back_channel`, `front_channel`, `displaced` (by a later session in the same browser); by `sid`, `subject`, `provider`, `all`; of a token: `refresh_token`",
    ),
    ("ostia.reason", "why, in a word"),
    (
        "ostia.condition",
        "the condition that decided: the path of a claim, a scope, or the key of another condition",
    ),
];

/// What happens to the log itself.
pub(crate) const EVENTS: &[(&str, &str)] = &[
    ("opened", "Ostia began to write into this file; with `cut`, after a line that a crash had cut"),
    ("rotated", "the file was moved away and closed; the chain goes on in the next one"),
    ("closed", "Ostia ended in an orderly way"),
    ("lost", "`lines` lines could not be written since the line before: the disk was full or too slow"),
];

impl Line<Audit> for AuditLine<'_> {
    fn write_to(&self, buffer: &mut Vec<u8>, subjects: &Subjects) {
        let mut line = Object::begin(buffer);
        line.written("timestamp", |buffer| timestamp::write(buffer, self.at));
        line.word("event", "decision");
        self.who.write_to(&mut line);
        line.text("http.route", self.route);
        line.person(subjects, self.provider, self.subject);
        match self.proof {
            Some(Proof::Session) => line.word("ostia.credential", "session"),
            Some(Proof::Bearer) => line.word("ostia.credential", "bearer"),
            None => {}
        }
        line.decision(self.is_allowed);
        line.text_if("ostia.policy", self.policy);
        line.text("ostia.reason", self.reason);
        line.text_if("ostia.condition", self.condition);
        line.end();
    }
}
