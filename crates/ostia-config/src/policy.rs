//! `policies`: who may enter.

use std::fmt;
use std::time::Duration;

use http::Method;
use ipnet::IpNet;

use crate::Name;
use crate::route::HostPattern;

/// One named policy. Every condition that is present must hold; a policy without conditions does not exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its key under `policies`.
    pub name: Name,
    /// `claims`: every listed claim must have one of its listed values, or pass its test.
    pub claims: Vec<ClaimCondition>,
    /// `provider`: the identity comes from one of these.
    pub providers: Vec<Name>,
    /// `scope`: the token has all of these scopes. A session has the scopes that were granted at login.
    pub scopes: Vec<String>,
    /// `acr`: the caller signed in by one of these classes (OpenID Connect Core section 2).
    pub acr: Vec<String>,
    /// `amr`: one of these methods took part in signing in (RFC 8176).
    pub amr: Vec<String>,
    /// `max_age`: the caller signed in at the issuer no longer ago than this.
    pub max_age: Option<Duration>,
    /// `source`: the client's address is in one of these networks.
    pub sources: Vec<IpNet>,
    /// `client_certificate`: what the certificate of the client's connection says.
    pub client_certificate: Option<CertificateCondition>,
    /// `method`: the request has one of these.
    pub methods: Vec<Method>,
    /// `path`: the path of the request is under one of these.
    pub paths: Vec<PathPattern>,
    /// `host`: the request is for one of these.
    pub hosts: Vec<HostPattern>,
    /// `time`: it is within one of these windows.
    pub times: Vec<TimeWindow>,
    /// `when`: an expression of CEL that is true.
    pub when: Option<String>,
    /// `any`: at least one of these policies allows.
    pub any: Vec<Name>,
    /// `all`: each of these policies allows.
    pub all: Vec<Name>,
    /// `not`: none of these policies allows.
    pub not: Vec<Name>,
}

impl Policy {
    /// A policy of this name without conditions, to be filled.
    #[must_use]
    pub fn named(name: Name) -> Self {
        Self {
            name,
            claims: Vec::new(),
            providers: Vec::new(),
            scopes: Vec::new(),
            acr: Vec::new(),
            amr: Vec::new(),
            max_age: None,
            sources: Vec::new(),
            client_certificate: None,
            methods: Vec::new(),
            paths: Vec::new(),
            hosts: Vec::new(),
            times: Vec::new(),
            when: None,
            any: Vec::new(),
            all: Vec::new(),
            not: Vec::new(),
        }
    }

    /// The policies that it names.
    pub fn parts(&self) -> impl Iterator<Item = &Name> {
        self.any.iter().chain(&self.all).chain(&self.not)
    }
}

/// One claim and what it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimCondition {
    /// Where the claim is.
    pub claim: ClaimPath,
    /// What one of its values must be.
    pub test: ValueTest,
}

/// What a value must be; every part that is present must hold of the same value. At least one is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueTest {
    /// `is`, or a value or list of values in the short form: a text equal to one of these.
    pub values: Vec<String>,
    /// `prefix`: a text that begins with one of these.
    pub prefixes: Vec<String>,
    /// `suffix`: a text that ends with one of these.
    pub suffixes: Vec<String>,
    /// `glob`: a text that matches one of these, `*` for any characters and `?` for one.
    pub globs: Vec<String>,
    /// `boolean`: this truth value.
    pub boolean: Option<bool>,
    /// `at_least`: a number that is not smaller.
    pub at_least: Option<f64>,
    /// `at_most`: a number that is not greater.
    pub at_most: Option<f64>,
    /// `above`: a greater number.
    pub above: Option<f64>,
    /// `below`: a smaller number.
    pub below: Option<f64>,
    /// `separator`: a text of several values is cut here first.
    pub separator: Option<char>,
}

/// What the client's certificate must say. Every part that is present must hold; at least one is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CertificateCondition {
    /// `subject`: globs of the subject's distinguished name (RFC 4514).
    pub subjects: Vec<String>,
    /// `san`: globs of a subject alternative name.
    pub names: Vec<String>,
    /// `issuer`: globs of the issuer's distinguished name.
    pub issuers: Vec<String>,
    /// `sha256`: the digest of the certificate, as lower-case hex.
    pub sha256: Vec<String>,
}

/// A path of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// As the path of a route: `/finance/` and what begins with it; `/finance` and what begins with `/finance/`.
    Prefix(String),
    /// With `*` (within a segment), `**` (across segments) or `?`: the whole path.
    Glob(String),
}

/// A window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// `days`, Monday first.
    pub days: [bool; 7],
    /// `from`: minutes after midnight.
    pub from: u16,
    /// `to`: minutes after midnight, excluded. Not after `from`: the window ends on the next day.
    pub to: u16,
    /// `zone`: the name of a time zone.
    pub zone: String,
}

/// The way to a claim: `groups`, `realm_access.roles`, or a URL-named claim (`https://example.com/roles`), which is
/// one segment.
///
/// A path is first looked up as the name of a top-level claim as it stands, then segment by segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimPath {
    text: String,
    segments: Vec<String>,
}

impl ClaimPath {
    /// Reads a path; `None` when it is empty or has an empty segment. A path with `://` is one segment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let segments: Vec<String> = if text.contains("://") {
            vec![text.to_owned()]
        } else {
            text.split('.').map(str::to_owned).collect()
        };
        if segments.iter().any(String::is_empty) {
            return None;
        }
        Some(Self { text: text.to_owned(), segments })
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts, at least one.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Prefix(text) | Self::Glob(text)) = self;
        f.write_str(text)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl TimeWindow {
    /// The days as they are written.
    pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
}

impl fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = Self::DAYS.iter().zip(self.days).filter(|(_, on)| *on).map(|(day, _)| *day);
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let days = days.collect::<Vec<_>>().join(",");
        write!(f, "{days} {}-{} {}", clock(self.from), clock(self.to), self.zone)
    }
}
