//! The examination of a whole request head.

use http::header::HOST;
use http::{HeaderMap, Method, Version};

use crate::reading::{self, Readings, TooManyReadings};
use crate::target::{self, Target};
use crate::{Body, HeadRefused, Host, TargetForm, Upgrade, field, framing};

#[cfg(test)]
mod tests;

/// A request head as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The version of HTTP.
    pub version: Version,
    /// The method.
    pub method: &'a Method,
    /// The target as received: the second word of a request line, or `:path` of HTTP/2.
    pub target: &'a [u8],
    /// `:authority` of HTTP/2. `None` in HTTP/1, and where the library has made a `Host` of it.
    pub authority: Option<&'a str>,
    /// The fields.
    pub headers: &'a HeaderMap,
}

/// Bounds of a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fields. Default 100; more is 431.
    pub fields: usize,
    /// Bytes of the target. Default 8 KiB; more is 414.
    pub target_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fields: 100, target_bytes: 8 * 1024 }
    }
}

/// A request head that has one reading: who makes one of it, did the examination.
#[derive(Clone, Debug)]
pub struct Examined<'a> {
    host: Host<'a>,
    target: Target<'a>,
    body: Body,
    upgrade: Upgrade,
}

/// Examines a request head. The first thing that is done with a request, before any of it is believed.
///
/// Allocates only for upper-case letters in the host and for IPv6 hosts.
///
/// # Errors
/// [`HeadRefused`] says what is wrong and with which status to answer.
pub fn examine<'a>(head: &Head<'a>, limits: &Limits) -> Result<Examined<'a>, HeadRefused> {
    if !matches!(head.version, Version::HTTP_10 | Version::HTTP_11 | Version::HTTP_2) {
        return Err(HeadRefused::Version);
    }
    if is_refused_method(head.method) {
        return Err(HeadRefused::Method);
    }
    if head.target.len() > limits.target_bytes {
        return Err(HeadRefused::TargetTooLong);
    }
    field::examine(head.version, head.headers, limits.fields)?;
    let target = target::examine(head.target)?;
    let host = host(head, target.authority)?;
    let (body, upgrade) = framing::examine(head.version, head.method, head.headers)?;
    Ok(Examined { host, target, body, upgrade })
}

impl<'a> Examined<'a> {
    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host<'a> {
        &self.host
    }

    /// The path, byte for byte; begins with `/`.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.path
    }

    /// What follows the first `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.target.query
    }

    /// The form in which the target came.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        self.target.form
    }

    /// The announced body.
    #[must_use]
    pub fn body(&self) -> Body {
        self.body
    }

    /// What the connection is to become.
    #[must_use]
    pub fn upgrade(&self) -> Upgrade {
        self.upgrade
    }

    /// Path and query for the upstream when they are not the target as received: the origin form of an absolute one
    /// (RFC 9112 3.2.2). `None`: send the target on, byte for byte.
    #[must_use]
    pub fn rewritten_target(&self) -> Option<String> {
        (self.target.form == TargetForm::Absolute).then(|| match self.target.query {
            Some(query) => format!("{}?{query}", self.target.path),
            None => self.target.path.to_owned(),
        })
    }

    /// Whether the path has no usual reading but the literal one (letter case apart). Known since the examination.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.target.is_plain
    }

    /// The other usual readings of the path; none, and no work, for a plain one.
    ///
    /// # Errors
    /// [`TooManyReadings`] when there are more than anybody honest needs.
    pub fn readings(&self) -> Result<Readings, TooManyReadings> {
        if self.target.is_plain { Ok(Readings::default()) } else { reading::readings(self.target.path) }
    }
}

fn is_refused_method(method: &Method) -> bool {
    method == Method::CONNECT || method == Method::TRACE || method.as_str() == "TRACK"
}

/// The one host that `Host`, `:authority` and the absolute form agree on.
fn host<'a>(head: &Head<'a>, absolute: Option<&'a [u8]>) -> Result<Host<'a>, HeadRefused> {
    let mut fields = head.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(HeadRefused::HostRepeated);
    }
    // In HTTP/1 a request needs its Host whatever the target says (RFC 9112 3.2); in HTTP/2 `:authority` is enough.
    if field.is_none() && head.version != Version::HTTP_2 {
        return Err(HeadRefused::HostMissing);
    }
    let named = [field.map(|value| value.as_bytes()), head.authority.map(str::as_bytes), absolute];
    let mut named = named.into_iter().flatten();
    let host = Host::parse(named.next().ok_or(HeadRefused::HostMissing)?)?;
    for other in named {
        if Host::parse(other)? != host {
            return Err(HeadRefused::HostDisagrees);
        }
    }
    Ok(host)
}
