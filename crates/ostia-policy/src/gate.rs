//! The `allow` of one route.

use std::sync::Arc;

use ostia_config::Name;
use ostia_config::route::{Allow, Route};
use ostia_identity::Identity;

use crate::asked::Asked;
use crate::compile::{Policies, PolicyRefused};
use crate::decision::{Decision, Reason};
use crate::explain::Explanation;
use crate::facts::Facts;
use crate::rule::{Rule, StepUpWanted};
use crate::truth::Truth;

/// Decides for one route.
#[derive(Debug)]
pub struct Gate {
    pub(crate) providers: Box<[Name]>,
    pub(crate) allow: Allowed,
    has_step_up: bool,
    /// `scopes` of the route: all of them, beside what `allow` asks.
    scopes: Box<[String]>,
}

#[derive(Debug)]
pub(crate) enum Allowed {
    Anyone,
    Authenticated,
    /// Any of these, at least one.
    Policies(Arc<Rule>, Box<[Arc<Rule>]>),
}

impl Gate {
    /// Compiles the `allow` of a route.
    ///
    /// # Errors
    /// A name without a policy; an empty list of policies.
    pub fn compile(route: &Route, policies: &Policies) -> Result<Self, PolicyRefused> {
        match &route.allow {
            Allow::Anyone => Ok(Self::new(route, Allowed::Anyone)),
            Allow::Authenticated => Ok(Self::new(route, Allowed::Authenticated)),
            Allow::Policies(names) => Self::of_policies(route, names, policies),
        }
    }

    /// A gate for the callers of a route that asks other policies than its `allow`.
    ///
    /// # Errors
    /// As [`Gate::compile`].
    pub fn of_policies(route: &Route, names: &[Name], policies: &Policies) -> Result<Self, PolicyRefused> {
        let rules = names.iter().map(|name| policies.rule(name)).collect::<Result<Box<[_]>, _>>()?;
        let first = rules.first().ok_or_else(|| PolicyRefused::NoPolicy { route: route.name.clone() })?;
        Ok(Self::new(route, Allowed::Policies(Arc::clone(first), rules)))
    }

    fn new(route: &Route, allow: Allowed) -> Self {
        let has_step_up = match &allow {
            Allowed::Policies(_, rules) => rules.iter().any(|rule| rule.has_step_up()),
            Allowed::Anyone | Allowed::Authenticated => false,
        };
        let scopes = route.scopes.clone().into();
        Self { providers: route.providers.clone().into(), allow, has_step_up, scopes }
    }

    /// Whether the route is open to the world, so that no identity needs to be looked for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.allow, Allowed::Anyone)
    }

    /// May this request pass? Some tens of nanoseconds, no allocation.
    #[must_use]
    pub fn decide(&self, identity: Option<&Identity>, facts: &Facts<'_>) -> Decision<'_> {
        let decision = |policy, reason: Reason| Decision {
            allowed: reason.allows(),
            policy,
            reason,
            step_up: None,
            deciding: None,
        };
        let rules = match &self.allow {
            Allowed::Anyone => return decision("anyone", Reason::Anyone),
            Allowed::Authenticated => None,
            Allowed::Policies(first, rules) => Some((first, rules)),
        };
        let asked = rules.map_or("authenticated", |(first, _)| first.name.as_str());
        let Some(identity) = identity else { return decision(asked, Reason::NoIdentity) };
        if !self.providers.iter().any(|name| name.as_str() == &*identity.provider) {
            return decision(asked, Reason::ProviderOther);
        }
        if !self.scopes.iter().all(|scope| identity.scopes.contains(scope)) {
            return decision(asked, Reason::ScopeMissing);
        }
        match rules {
            None => decision(asked, Reason::Authenticated),
            Some((_, rules)) => {
                let asked = Asked::new(identity, facts);
                let decision = first_that_holds(rules, asked);
                let may_help = self.has_step_up && !decision.allowed;
                may_help.then(|| stepping_up(rules, asked)).flatten().unwrap_or(decision)
            }
        }
    }

    /// The decision with everything that led to it, for people. Allocates; shows values of claims, so it is for the
    /// operator, not for the caller.
    #[must_use]
    pub fn explain(&self, identity: Option<&Identity>, facts: &Facts<'_>) -> Explanation {
        Explanation::of(self, identity, facts)
    }
}

/// The policy that holds, else the one whose denial comes nearest.
fn first_that_holds<'g>(rules: &'g [Arc<Rule>], asked: Asked<'_>) -> Decision<'g> {
    let mut nearest: Option<Decision<'g>> = None;
    for rule in rules {
        let verdict = rule.judge(asked);
        let allowed = verdict.truth == Truth::Yes;
        let reason = verdict.reason;
        let decision = Decision {
            allowed,
            policy: rule.name.as_str(),
            reason,
            step_up: None,
            deciding: verdict.deciding,
        };
        if allowed {
            return Decision { reason: Reason::PolicyHeld, deciding: None, ..decision };
        }
        if nearest.is_none_or(|best| reason > best.reason) {
            nearest = Some(decision);
        }
    }
    nearest.unwrap_or(Decision {
        allowed: false,
        policy: "",
        reason: Reason::ClaimMissing,
        step_up: None,
        deciding: None,
    })
}

/// The denial by a policy that would hold if the caller signed in again in the way it wants.
fn stepping_up<'g>(rules: &'g [Arc<Rule>], asked: Asked<'_>) -> Option<Decision<'g>> {
    let after = Asked { stepped_up: true, ..asked };
    let rule = rules.iter().find(|rule| rule.judge(after).truth == Truth::Yes)?;
    let mut wanted = StepUpWanted::default();
    rule.step_up(asked, &mut wanted);
    let deciding = wanted.deciding?;
    let reason = deciding.judge(asked).reason;
    Some(Decision {
        allowed: false,
        policy: rule.name.as_str(),
        reason,
        step_up: Some(wanted.step_up),
        deciding: Some(deciding),
    })
}
