//! From the policies of the configuration to rules that need no look-up.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use ostia_config::{Name, policy};
use thiserror::Error;

use crate::condition::{Claim, Condition};
use crate::rule::{Rule, Rules};

/// How deep policies may name each other.
pub const MAX_DEPTH: usize = 16;
/// How many conditions one policy may have, those of the policies it names counted as often as they are named.
pub const MAX_CONDITIONS: usize = 10_000;

/// All policies of a configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    rules: BTreeMap<Name, Compiled>,
}

#[derive(Clone, Debug)]
struct Compiled {
    rule: Arc<Rule>,
    depth: usize,
    conditions: usize,
}

/// Why a policy was not compiled. A checked configuration gives no cause for the first four.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyRefused {
    /// A name without a policy.
    #[error("there is no policy `{name}`")]
    Unknown {
        /// The name.
        name: Name,
    },
    /// A policy names itself, perhaps through others.
    #[error("the policy `{name}` rests on itself")]
    Circular {
        /// Its name.
        name: Name,
    },
    /// No condition at all would let everybody pass; a claim without values nobody.
    #[error("the policy `{name}` has no condition")]
    Empty {
        /// Its name.
        name: Name,
    },
    /// A route without policies.
    #[error("the route `{route}` allows nobody")]
    NoPolicy {
        /// Its name.
        route: Name,
    },
    /// Deeper than [`MAX_DEPTH`].
    #[error("the policy `{name}` is nested deeper than {MAX_DEPTH} policies")]
    TooDeep {
        /// Its name.
        name: Name,
    },
    /// More than [`MAX_CONDITIONS`].
    #[error("the policy `{name}` has more than {MAX_CONDITIONS} conditions")]
    TooLarge {
        /// Its name.
        name: Name,
    },
}

impl PolicyRefused {
    /// The reason as logs know it.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "policy_unknown",
            Self::Circular { .. } => "policy_circular",
            Self::Empty { .. } => "policy_empty",
            Self::NoPolicy { .. } => "policy_none",
            Self::TooDeep { .. } => "policy_too_deep",
            Self::TooLarge { .. } => "policy_too_large",
        }
    }
}

impl Policies {
    /// Compiles all of them.
    ///
    /// # Errors
    /// The first policy that cannot be compiled, in the order of their names.
    pub fn compile(policies: &BTreeMap<Name, policy::Policy>) -> Result<Self, PolicyRefused> {
        let mut compiler = Compiler { policies, done: BTreeMap::new(), path: Vec::new() };
        for name in policies.keys() {
            compiler.compile(name)?;
        }
        Ok(Self { rules: compiler.done })
    }

    /// The rule of this name.
    pub(crate) fn rule(&self, name: &Name) -> Result<Arc<Rule>, PolicyRefused> {
        let compiled = self.rules.get(name).ok_or_else(|| PolicyRefused::Unknown { name: name.clone() })?;
        Ok(Arc::clone(&compiled.rule))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.rules.keys()
    }
}

struct Compiler<'p> {
    policies: &'p BTreeMap<Name, policy::Policy>,
    done: BTreeMap<Name, Compiled>,
    path: Vec<Name>,
}

impl Compiler<'_> {
    fn compile(&mut self, name: &Name) -> Result<Compiled, PolicyRefused> {
        if let Some(done) = self.done.get(name) {
            return Ok(done.clone());
        }
        if self.path.contains(name) {
            return Err(PolicyRefused::Circular { name: name.clone() });
        }
        if self.path.len() == MAX_DEPTH {
            return Err(PolicyRefused::TooDeep { name: name.clone() });
        }
        let policy = self.policies.get(name).ok_or_else(|| PolicyRefused::Unknown { name: name.clone() })?;
        self.path.push(name.clone());
        let compiled = self.conditions(policy)?;
        self.path.pop();
        self.done.insert(name.clone(), compiled.clone());
        Ok(compiled)
    }

    fn conditions(&mut self, policy: &policy::Policy) -> Result<Compiled, PolicyRefused> {
        let mut size = Size::default();
        let any = self.rules(&policy.any, &mut size)?;
        let all = self.rules(&policy.all, &mut size)?;
        let not = self.rules(&policy.not, &mut size)?;
        if policy.claims.iter().any(|claim| claim.values.is_empty()) {
            return Err(PolicyRefused::Empty { name: policy.name.clone() });
        }
        let mut conditions = leaves(policy);
        conditions.extend(all.into_iter().map(Condition::All));
        if !any.is_empty() {
            conditions.push(Condition::Any(any));
        }
        conditions.extend(not.into_iter().map(Condition::Not));
        let total = size.conditions.saturating_add(conditions.len());
        let name = policy.name.clone();
        match () {
            () if conditions.is_empty() => Err(PolicyRefused::Empty { name }),
            () if size.depth + 1 > MAX_DEPTH => Err(PolicyRefused::TooDeep { name }),
            () if total > MAX_CONDITIONS => Err(PolicyRefused::TooLarge { name }),
            () => {
                let rule = Arc::new(Rule { name, conditions: conditions.into() });
                Ok(Compiled { rule, depth: size.depth + 1, conditions: total })
            }
        }
    }

    fn rules(&mut self, names: &[Name], size: &mut Size) -> Result<Rules, PolicyRefused> {
        let mut rules = Vec::with_capacity(names.len());
        for name in names {
            let compiled = self.compile(name)?;
            size.depth = size.depth.max(compiled.depth);
            size.conditions = size.conditions.saturating_add(compiled.conditions);
            rules.push(compiled.rule);
        }
        Ok(rules.into())
    }
}

/// What the policies that a policy names add up to.
#[derive(Default)]
struct Size {
    depth: usize,
    conditions: usize,
}

/// The conditions that name no other policy, cheap ones first.
fn leaves(policy: &policy::Policy) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if !policy.providers.is_empty() {
        conditions.push(Condition::Provider(policy.providers.clone().into()));
    }
    if !policy.sources.is_empty() {
        conditions.push(Condition::Source(policy.sources.iter().copied().map(canonical).collect()));
    }
    conditions.extend(policy.scopes.iter().map(|scope| Condition::Scope(scope.as_str().into())));
    conditions.extend(policy.claims.iter().map(|claim| Condition::Claim(Claim::new(claim))));
    conditions
}

/// IPv4 written inside of IPv6 (`::ffff:192.0.2.0/120`) is meant as IPv4, as addresses are.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(inside) = network else { return network };
    let prefix = inside.prefix_len().checked_sub(96);
    match (inside.addr().to_ipv4_mapped(), prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}
