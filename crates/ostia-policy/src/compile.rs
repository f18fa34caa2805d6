//! From the policies of the configuration to rules that need no look-up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use ostia_config::{Name, policy};
use thiserror::Error;

use crate::condition::Condition;
use crate::condition::certificate::Certificate;
use crate::condition::claim::Claim;
use crate::condition::path::Path;
use crate::condition::time::Window;
use crate::expression::{Expression, ExpressionRefused};
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

/// Why a policy was not compiled. A checked configuration gives no cause for the first three.
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
    /// A time zone that is in no database.
    #[error("the policy `{name}`: there is no time zone `{zone}`; zones are called `Europe/Berlin` or `UTC`")]
    Zone {
        /// The policy's name.
        name: Name,
        /// The zone.
        zone: String,
    },
    /// A `when` that cannot be used.
    #[error("the policy `{name}`: `when`: {source}")]
    Expression {
        /// The policy's name.
        name: Name,
        /// What is wrong with it.
        source: ExpressionRefused,
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
            Self::Zone { .. } => "policy_zone_unknown",
            Self::Expression { source, .. } => source.slug(),
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

    /// The top-level claims that they read; `None` where an expression goes through all that there are.
    #[must_use]
    pub fn claims_read(&self) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::from(["acr", "amr", "auth_time"].map(str::to_owned));
        let conditions = self.rules.values().flat_map(|compiled| &compiled.rule.conditions);
        for condition in conditions {
            match condition {
                Condition::Claim(claim) => {
                    names.insert(claim.path.as_str().to_owned());
                    names.extend(claim.path.segments().first().cloned());
                }
                Condition::When(expression) => names.extend(expression.claims_read()?.iter().cloned()),
                _ => {}
            }
        }
        Some(names)
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
        let mut conditions = leaves(policy)?;
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

/// The conditions that name no other policy, cheap ones first; those that signing in again may change come last, so that
/// nobody is asked for it in vain.
fn leaves(policy: &policy::Policy) -> Result<Vec<Condition>, PolicyRefused> {
    let name = &policy.name;
    let mut conditions = Vec::new();
    add(&mut conditions, &policy.methods, |methods| Condition::Method(methods.into()));
    add(&mut conditions, &policy.providers, |names| Condition::Provider(names.into()));
    add(&mut conditions, &policy.sources, |networks| {
        Condition::Source(networks.iter().copied().map(canonical).collect())
    });
    add(&mut conditions, &policy.hosts, |hosts| Condition::Host(hosts.into()));
    conditions.extend(policy.scopes.iter().map(|scope| Condition::Scope(scope.as_str().into())));
    for condition in &policy.claims {
        let claim = Claim::new(condition).ok_or_else(|| PolicyRefused::Empty { name: name.clone() })?;
        conditions.push(Condition::Claim(claim));
    }
    if let Some(certificate) = &policy.client_certificate {
        conditions.push(Condition::Certificate(Certificate::new(certificate)));
    }
    add(&mut conditions, &policy.paths, |paths| Condition::Path(paths.iter().map(Path::new).collect()));
    if !policy.times.is_empty() {
        let zone = |window: &policy::TimeWindow| PolicyRefused::Zone {
            name: name.clone(),
            zone: window.zone.clone(),
        };
        let windows = policy.times.iter().map(|window| Window::new(window).map_err(|_| zone(window)));
        conditions.push(Condition::Time(windows.collect::<Result<_, _>>()?));
    }
    if let Some(text) = &policy.when {
        let refused = |source| PolicyRefused::Expression { name: name.clone(), source };
        conditions.push(Condition::When(Expression::compile(text).map_err(refused)?));
    }
    add(&mut conditions, &policy.amr, |methods| {
        Condition::Amr(methods.iter().map(|method| method.as_str().into()).collect())
    });
    add(&mut conditions, &policy.acr, |classes| Condition::Acr(classes.into()));
    conditions.extend(policy.max_age.map(Condition::MaxAge));
    Ok(conditions)
}

fn add<T>(conditions: &mut Vec<Condition>, list: &[T], condition: impl FnOnce(&[T]) -> Condition) {
    if !list.is_empty() {
        conditions.push(condition(list));
    }
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
