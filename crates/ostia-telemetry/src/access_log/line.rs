//! One request as one line.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use ostia_config::Name;
use ostia_config::upstream::ServerAddress;

use super::json::Object;
use super::subject::Subjects;
use super::{Access, EndReason, timestamp};
use crate::asked::Asked;
use crate::log::Line;

/// What is told of a request. What is not known stays `None` and is left out of the line.
#[derive(Clone, Copy, Debug)]
pub struct AccessLine<'a> {
    /// When the request's head was complete.
    pub received_at: SystemTime,
    /// The request.
    pub asked: Asked<'a>,
    /// `1.0`, `1.1` or `2`.
    pub protocol: &'a str,
    /// The version of TLS; `None` without.
    pub tls: Option<&'a str>,
    /// The client, as far as trusted peers tell.
    pub client: Option<IpAddr>,
    /// The status of the answer; 0 when nobody was answered.
    pub status: u16,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// The listener's name.
    pub listener: &'a str,
    /// The route's name.
    pub route: Option<&'a Name>,
    /// The subject; written as `logs.access.subject` says.
    pub subject: Option<&'a str>,
    /// The provider that knows the subject.
    pub provider: Option<&'a str>,
    /// Whether the caller was let in.
    pub allowed: Option<bool>,
    /// The policy that decided.
    pub policy: Option<&'a str>,
    /// Why: the slug of the decision or refusal.
    pub reason: Option<&'a str>,
    /// The upstream's name.
    pub upstream: Option<&'a str>,
    /// The server that was asked last.
    pub server: Option<&'a ServerAddress>,
    /// Servers that were asked.
    pub attempts: u32,
    /// How affinity came out.
    pub affinity: Option<&'static str>,
    /// From the complete head to the last byte of the answer.
    pub total: Duration,
    /// Until the request was on its way to a server, or answered.
    pub own: Duration,
    /// How it ended.
    pub end: EndReason,
}

/// The names of a line in its order, with what they say; the reference page is made from it.
pub const FIELDS: &[(&str, &str)] = &[
    ("timestamp", "when the head of the request was complete: RFC 3339, UTC, milliseconds"),
    ("request.id", "the name of the request, as on error pages"),
    ("http.request.method", "the method as it came"),
    ("server.address", "the host that was asked for"),
    ("url.path", "the path as it came, without the query"),
    ("network.protocol.version", "`1.0`, `1.1` or `2`"),
    ("tls.protocol.version", "the version of TLS; absent without"),
    ("client.address", "the client, as far as trusted proxies tell"),
    ("http.response.status_code", "the status; absent if nobody was answered"),
    ("http.response.body.size", "bytes of the answer's body"),
    ("http.request.body.size", "bytes of the request's body"),
    ("ostia.listener", "the name of the listener"),
    ("http.route", "the name of the route"),
    ("user.id", "the subject, as `logs.access.subject` says: plain, hashed, not at all"),
    ("ostia.provider", "the provider that knows the subject"),
    ("ostia.decision", "`allow` or `deny`"),
    ("ostia.policy", "the policy that decided"),
    ("ostia.reason", "why, in a word"),
    ("ostia.upstream.name", "the upstream"),
    ("ostia.upstream.address", "the server that was asked last"),
    ("ostia.upstream.attempts", "how many servers were asked; absent if none was"),
    ("ostia.affinity", "`kept`, `moved` or `new`"),
    ("ostia.duration.total", "seconds from the complete head to the last byte of the answer"),
    ("ostia.duration.own", "seconds of it until the request was on its way to a server, or answered"),
    ("ostia.end", "how the request ended, see below"),
];

impl Line<Access> for AccessLine<'_> {
    fn write_to(&self, buffer: &mut Vec<u8>, subjects: &Subjects) {
        let mut line = Object::begin(buffer);
        line.written("timestamp", |buffer| timestamp::write(buffer, self.received_at));
        self.exchange(&mut line);
        self.identity(&mut line, subjects);
        self.upstream(&mut line);
        line.seconds("ostia.duration.total", self.total);
        line.seconds("ostia.duration.own", self.own);
        line.word("ostia.end", self.end.as_str());
        line.end();
    }
}

impl AccessLine<'_> {
    fn exchange(&self, line: &mut Object<'_>) {
        self.asked.write_to(line);
        line.text("network.protocol.version", self.protocol);
        line.text_if("tls.protocol.version", self.tls);
        line.client(self.client);
        if self.status != 0 {
            line.number("http.response.status_code", self.status.into());
        }
        line.number("http.response.body.size", self.response_bytes);
        line.number("http.request.body.size", self.request_bytes);
    }

    fn identity(&self, line: &mut Object<'_>, subjects: &Subjects) {
        line.text("ostia.listener", self.listener);
        line.text_if("http.route", self.route.map(Name::as_str));
        line.person(subjects, self.provider, self.subject);
        if let Some(is_allowed) = self.allowed {
            line.decision(is_allowed);
        }
        line.text_if("ostia.policy", self.policy);
        line.text_if("ostia.reason", self.reason);
    }

    fn upstream(&self, line: &mut Object<'_>) {
        line.text_if("ostia.upstream.name", self.upstream);
        if let Some(server) = self.server {
            line.display("ostia.upstream.address", server);
        }
        if self.attempts > 0 {
            line.number("ostia.upstream.attempts", self.attempts.into());
        }
        line.text_if("ostia.affinity", self.affinity);
    }
}
