//! What lines of every log say alike: the request that was asked, and who asked it.

use std::net::IpAddr;

use crate::access_log::json::Object;
use crate::access_log::subject::{Shown, Subjects};

/// A request by its name and its head, as every log tells it.
///
/// There is no field for the query, for a header or for a claim: what has no place cannot leak.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request's name, one in all logs and on error pages.
    pub request_id: &'a str,
    /// The method as it came.
    pub method: &'a str,
    /// The host that was asked for.
    pub host: &'a str,
    /// The path as it came, without the query: codes and states live there.
    pub path: &'a str,
}

impl Asked<'_> {
    pub(crate) fn write_to(&self, line: &mut Object<'_>) {
        line.text("request.id", self.request_id);
        line.text("http.request.method", self.method);
        line.text("server.address", self.host);
        line.text("url.path", self.path);
    }
}

impl Object<'_> {
    /// The client, as far as trusted peers tell.
    pub(crate) fn client(&mut self, client: Option<IpAddr>) {
        if let Some(client) = client {
            self.display("client.address", client);
        }
    }

    /// A person, in the form that the configuration asks for, and the provider that knows them.
    pub(crate) fn person(&mut self, subjects: &Subjects, provider: Option<&str>, subject: Option<&str>) {
        match subject.and_then(|subject| subjects.shown(provider.unwrap_or(""), subject)) {
            Some(Shown::Plain(subject)) => self.text("user.id", subject),
            Some(Shown::Hash(hash)) => self.written("user.id", |buffer| buffer.extend_from_slice(&hash)),
            None => {}
        }
        self.text_if("ostia.provider", provider);
    }

    /// What was decided about a request.
    pub(crate) fn decision(&mut self, is_allowed: bool) {
        self.word("ostia.decision", if is_allowed { "allow" } else { "deny" });
    }
}
