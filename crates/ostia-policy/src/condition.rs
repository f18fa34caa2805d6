//! One condition of a policy, and whether a request meets it.

pub(crate) mod certificate;
pub(crate) mod claim;
pub(crate) mod path;
pub(crate) mod step_up;
pub(crate) mod time;

use std::sync::Arc;

use http::Method;
use ipnet::IpNet;
use ostia_config::Name;
use ostia_config::route::HostPattern;

use crate::asked::Asked;
use crate::decision::Reason;
use crate::expression::Expression;
use crate::rule::Rule;
use crate::truth::Truth;
use certificate::Certificate;
use claim::Claim;
use path::Path;
use time::Window;

/// What a policy asks for.
#[derive(Debug)]
pub(crate) enum Condition {
    /// The request has one of these methods.
    Method(Box<[Method]>),
    /// The identity is of one of these.
    Provider(Box<[Name]>),
    /// The request comes from one of these.
    Source(Box<[IpNet]>),
    /// The request is for one of these.
    Host(Box<[HostPattern]>),
    /// The path is under one of these.
    Path(Box<[Path]>),
    /// This scope was granted.
    Scope(Box<str>),
    /// One of these methods took part in signing in.
    Amr(Box<[Box<str>]>),
    /// A claim has one of some values.
    Claim(Claim),
    /// The client's certificate says something.
    Certificate(Certificate),
    /// It is one of these times.
    Time(Box<[Window]>),
    /// An expression is true.
    When(Expression),
    /// The caller signed in by one of these classes.
    Acr(Box<[String]>),
    /// The caller signed in no longer ago than this.
    MaxAge(std::time::Duration),
    /// This policy holds.
    All(Arc<Rule>),
    /// One of these policies holds.
    Any(Box<[Arc<Rule>]>),
    /// This policy is known not to hold.
    Not(Arc<Rule>),
}

/// A condition's truth, with the reason and the leaf that account for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict<'r> {
    pub(crate) truth: Truth,
    pub(crate) reason: Reason,
    pub(crate) deciding: Option<&'r Condition>,
}

impl Verdict<'_> {
    pub(crate) const HELD: Self = Self { truth: Truth::Yes, reason: Reason::PolicyHeld, deciding: None };
}

impl Condition {
    /// Allocates nothing, but for expressions and paths that can be read in several ways; short-circuits where the rest
    /// cannot change the truth.
    pub(crate) fn judge<'r>(&'r self, asked: Asked<'_>) -> Verdict<'r> {
        let Asked { identity, facts, .. } = asked;
        let (truth, reason) = match self {
            Self::Method(methods) => {
                (methods.iter().any(|method| method.as_str() == facts.method).into(), Reason::MethodOther)
            }
            Self::Provider(names) => {
                (names.iter().any(|name| name.as_str() == &*identity.provider).into(), Reason::ProviderOther)
            }
            Self::Source(networks) => {
                (networks.iter().any(|network| network.contains(&facts.source)).into(), Reason::SourceOutside)
            }
            Self::Host(patterns) => {
                (patterns.iter().any(|pattern| is_host(pattern, facts.host)).into(), Reason::HostOther)
            }
            Self::Path(paths) => (path::judge(paths, facts.path), Reason::PathOther),
            Self::Scope(scope) => {
                (identity.scopes.iter().any(|granted| **granted == **scope).into(), Reason::ScopeMissing)
            }
            Self::Amr(methods) => (step_up::amr(methods, identity), Reason::AmrNotMet),
            Self::Claim(claim) => claim.judge(identity),
            Self::Certificate(certificate) => certificate.judge(facts.certificate),
            Self::Time(windows) => (time::judge(windows, facts.now), Reason::TimeOutside),
            Self::When(expression) => expression.judge(identity, facts),
            Self::Acr(classes) => (step_up::acr(classes, asked), Reason::AcrNotMet),
            Self::MaxAge(most) => (step_up::max_age(*most, asked), Reason::MaxAgeExceeded),
            Self::All(rule) => return rule.judge(asked),
            Self::Any(rules) => return any(rules, asked),
            Self::Not(rule) => {
                let inner = rule.judge(asked);
                match inner.truth {
                    Truth::Yes => (Truth::No, Reason::Excluded),
                    Truth::No => return Verdict::HELD,
                    Truth::Unknown => return inner,
                }
            }
        };
        Verdict { truth, reason, deciding: Some(self) }
    }

    /// Its name for logs and pages.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Claim(claim) => Some(claim.path.as_str()),
            Self::Scope(scope) => Some(scope),
            Self::All(rule) | Self::Not(rule) => Some(rule.name.as_str()),
            Self::Method(_) => Some("method"),
            Self::Host(_) => Some("host"),
            Self::Path(_) => Some("path"),
            Self::Amr(_) => Some("amr"),
            Self::Acr(_) => Some("acr"),
            Self::MaxAge(_) => Some("max_age"),
            Self::Certificate(_) => Some("client_certificate"),
            Self::Time(_) => Some("time"),
            Self::When(_) => Some("when"),
            Self::Provider(_) | Self::Source(_) | Self::Any(_) => None,
        }
    }
}

fn is_host(pattern: &HostPattern, host: &str) -> bool {
    match pattern {
        HostPattern::Exact(own) => own == host,
        HostPattern::Wildcard(suffix) => host
            .strip_suffix(suffix.as_str())
            .and_then(|labels| labels.strip_suffix('.'))
            .is_some_and(|labels| !labels.is_empty()),
        HostPattern::Any => true,
    }
}

/// The first policy that holds; else unknown if one is. Of several the nearest reason accounts for it.
fn any<'r>(rules: &'r [Arc<Rule>], asked: Asked<'_>) -> Verdict<'r> {
    // Compilation makes no empty list; it would hold for nobody.
    let mut nearest = Verdict { truth: Truth::No, reason: Reason::NoIdentity, deciding: None };
    for rule in rules {
        let verdict = rule.judge(asked);
        if verdict.truth == Truth::Yes {
            return verdict;
        }
        if (verdict.truth, verdict.reason) > (nearest.truth, nearest.reason) {
            nearest = verdict;
        }
    }
    nearest
}
