//! Which group of servers gets a request: by policy, then by weight, the same for the same subject.

use std::net::IpAddr;

use ostia_config::Name;
use ostia_config::route::{Destination, Route};
use ostia_identity::Identity;

use crate::compile::{Policies, PolicyRefused};
use crate::facts::Facts;
use crate::gate::Gate;

/// The `upstream` of one route, where there is something to choose.
#[derive(Debug)]
pub struct Choice {
    /// Of the last one every request holds.
    branches: Box<[Branch]>,
}

#[derive(Debug)]
struct Branch {
    /// `None`: everybody.
    when: Option<Gate>,
    split: Split,
}

/// Groups with their weights, as upper ends on a line from 0 to their sum.
#[derive(Debug)]
struct Split {
    ends: Box<[(u64, Name)]>,
    total: u64,
}

impl Choice {
    /// Compiles the destinations of a route; `None` where there is one group and no choice.
    ///
    /// # Errors
    /// A name without a policy.
    pub fn compile(route: &Route, policies: &Policies) -> Result<Option<Self>, PolicyRefused> {
        let branch = |destination: &Destination| {
            let when = match destination.when.as_slice() {
                [] => None,
                names => Some(Gate::of_policies(route, names, policies)?),
            };
            Ok(Branch { when, split: Split::new(&destination.to) })
        };
        let branches: Box<[Branch]> = route.destinations.iter().map(branch).collect::<Result<_, _>>()?;
        Ok((!branches.is_empty()).then_some(Self { branches }))
    }

    /// The group for a caller who may enter. The same subject of the same issuer comes to the same one, on every node
    /// and after a restart, as long as names and weights stay; more weight for the last group in the order of their
    /// names moves nobody who was there. Without an identity the client's address stands for the subject.
    #[must_use]
    pub fn choose(&self, identity: Option<&Identity>, facts: &Facts<'_>) -> Option<&Name> {
        let holds = |gate: &Gate| gate.decide(identity, facts).allowed;
        let branch = self.branches.iter().find(|branch| branch.when.as_ref().is_none_or(holds))?;
        branch.split.choose(|| match identity {
            Some(identity) => Point::begin().and(identity.issuer.as_bytes()).and(identity.subject.as_bytes()),
            None => match facts.source {
                IpAddr::V4(address) => Point::begin().and(&address.octets()),
                IpAddr::V6(address) => Point::begin().and(&address.octets()),
            },
        })
    }
}

impl Split {
    fn new(groups: &[(Name, u32)]) -> Self {
        let mut total = 0;
        let ends = groups.iter().filter(|(_, weight)| *weight > 0).map(|(name, weight)| {
            total += u64::from(*weight);
            (total, name.clone())
        });
        Self { ends: ends.collect(), total }
    }

    fn choose(&self, point: impl FnOnce() -> Point) -> Option<&Name> {
        if let [(_, only)] = &*self.ends {
            return Some(only);
        }
        let at = point().within(self.total);
        self.ends.iter().find(|(end, _)| at < *end).map(|(_, name)| name)
    }
}

/// FNV-1a of 64 bits, finished by the mixer of SplitMix64. Part of what nodes agree on: never to be changed.
#[derive(Clone, Copy)]
struct Point(u64);

impl Point {
    fn begin() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// A part, and its end: `ab` + `c` is not `a` + `bc`.
    fn and(self, part: &[u8]) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(step(part.iter().fold(self.0, |hash, byte| step(hash, *byte)), 0xff))
    }

    /// A place on a line of this length.
    fn within(self, length: u64) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let scaled = (u128::from(mixed) * u128::from(length)) >> 64;
        u64::try_from(scaled).unwrap_or_default()
    }
}
