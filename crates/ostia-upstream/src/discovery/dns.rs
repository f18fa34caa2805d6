//! Servers by DNS: addresses of a name, or the targets of its SRV records.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use ostia_config::upstream::{Server, Source};

use super::{Found, LookupFailed};

/// Of one question to one name server.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Questions before a lookup has failed.
const ATTEMPTS: usize = 2;
/// The greatest weight of a server.
const HEAVIEST: u32 = 1000;
/// What an SRV weight counts beside one of 0, which RFC 2782 gives a very small chance.
const BESIDE_ZERO: u32 = 100;

pub(super) struct Lookup {
    resolver: TokioResolver,
    question: Question,
}

enum Question {
    Addresses { name: String, port: u16 },
    Services { name: String },
}

/// A service of an SRV record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

impl Lookup {
    pub(super) fn new(source: &Source, nameservers: &[SocketAddr]) -> Result<Self, LookupFailed> {
        // A trailing dot: never with a search domain.
        let question = match source {
            Source::Dns { name, port } => Question::Addresses { name: format!("{name}."), port: *port },
            Source::Srv { name } => Question::Services { name: format!("{name}.") },
            Source::File { .. } => return Err(LookupFailed::Failed("a file is not looked up".to_owned())),
        };
        Ok(Self {
            resolver: resolver(nameservers).map_err(|error| LookupFailed::Failed(error.to_string()))?,
            question,
        })
    }

    pub(super) async fn find(&self) -> Result<Found, LookupFailed> {
        match &self.question {
            Question::Addresses { name, port } => {
                let (addresses, until) = self.addresses(name).await?;
                let servers =
                    addresses.into_iter().map(|ip| Server::at(SocketAddr::new(ip, *port))).collect();
                found(servers, until)
            }
            Question::Services { name } => self.services(name).await,
        }
    }

    /// Every address of a name. One kind of record is enough, where the other does not exist; but when the lookup of one
    /// kind breaks off, half of the servers must not seem gone.
    async fn addresses(&self, name: &str) -> Result<(BTreeSet<IpAddr>, Instant), LookupFailed> {
        let (v4, v6) = tokio::join!(self.ask(name, RecordType::A), self.ask(name, RecordType::AAAA));
        let (mut addresses, mut until) = (BTreeSet::new(), None);
        for answer in [v4, v6] {
            match answer {
                Ok((records, valid)) => {
                    addresses.extend(records.iter().filter_map(address));
                    until = Some(until.map_or(valid, |until: Instant| until.min(valid)));
                }
                Err(LookupFailed::NoRecords) => {}
                Err(failed) => return Err(failed),
            }
        }
        until.map(|until| (addresses, until)).ok_or(LookupFailed::NoRecords)
    }

    async fn services(&self, name: &str) -> Result<Found, LookupFailed> {
        let (records, mut until) = self.ask(name, RecordType::SRV).await?;
        let services: Vec<Service> = records.iter().filter_map(service).collect();
        let mut addresses = BTreeMap::new();
        for target in services.iter().map(|service| &service.target).collect::<BTreeSet<_>>() {
            match self.addresses(target).await {
                Ok((ips, valid)) => {
                    until = until.min(valid);
                    addresses.insert(target.clone(), ips);
                }
                // A target that is gone while its record is not yet.
                Err(LookupFailed::NoRecords) => {}
                Err(failed) => return Err(failed),
            }
        }
        found(servers_of(&services, &addresses), until)
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<(Vec<RData>, Instant), LookupFailed> {
        match self.resolver.lookup(name, kind).await {
            Ok(answer) => {
                let records = answer.answers().iter().map(|record| record.data.clone()).collect();
                // hickory counts from its arrival; a cache of its own is off.
                Ok((records, answer.valid_until()))
            }
            Err(NetError::Timeout) => Err(LookupFailed::TimedOut),
            Err(error) if error.is_no_records_found() => Err(LookupFailed::NoRecords),
            Err(error) => Err(LookupFailed::Failed(error.to_string())),
        }
    }
}

fn resolver(nameservers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = if nameservers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = nameservers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            server
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    builder.build()
}

fn found(servers: Vec<Server>, until: Instant) -> Result<Found, LookupFailed> {
    if servers.is_empty() {
        return Err(LookupFailed::Empty);
    }
    Ok(Found { servers, valid_for: until.saturating_duration_since(Instant::now()) })
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(a.0.into()),
        RData::AAAA(aaaa) => Some(aaaa.0.into()),
        _ => None,
    }
}

/// `None` for what is no service: another record, or the target `.`, which says that there is none (RFC 2782).
fn service(data: &RData) -> Option<Service> {
    let RData::SRV(srv) = data else { return None };
    let target = srv.target.to_ascii();
    let is_one = target != "." && srv.port != 0;
    is_one.then_some(Service { priority: srv.priority, weight: srv.weight, port: srv.port, target })
}

/// The servers of SRV records. Those of the lowest priority serve; the others stand in for them, in their order.
fn servers_of(services: &[Service], addresses: &BTreeMap<String, BTreeSet<IpAddr>>) -> Vec<Server> {
    let mut servers: BTreeMap<SocketAddr, (u16, u16)> = BTreeMap::new();
    let mut sorted: Vec<&Service> = services.iter().collect();
    sorted.sort();
    let priorities: BTreeSet<u16> = services.iter().map(|service| service.priority).collect();
    for service in sorted {
        for ip in addresses.get(&service.target).into_iter().flatten() {
            let rank = priorities.range(..service.priority).count();
            let rank = u16::try_from(rank).unwrap_or(u16::MAX);
            servers.entry(SocketAddr::new(*ip, service.port)).or_insert((rank, service.weight));
        }
    }
    let scale = Scale::of(servers.values().map(|(_, weight)| *weight));
    let server = |(address, (priority, weight)): (SocketAddr, (u16, u16))| Server {
        weight: scale.weight(weight),
        priority,
        ..Server::at(address)
    };
    servers.into_iter().map(server).collect()
}

/// Brings SRV weights, 0 to 65,535, into the range of ours.
struct Scale {
    factor: u32,
    divisor: u32,
}

impl Scale {
    fn of(weights: impl Iterator<Item = u16> + Clone) -> Self {
        let heaviest = weights.clone().map(u32::from).max().unwrap_or(0);
        let factor = if weights.clone().any(|weight| weight == 0) && heaviest > 0 { BESIDE_ZERO } else { 1 };
        Self { factor, divisor: (heaviest * factor).div_ceil(HEAVIEST).max(1) }
    }

    fn weight(&self, weight: u16) -> u16 {
        let scaled = u32::from(weight) * self.factor / self.divisor;
        u16::try_from(scaled.clamp(1, HEAVIEST)).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16, port: u16, target: &str) -> Service {
        Service { priority, weight, port, target: target.to_owned() }
    }

    fn shown(services: &[Service]) -> Vec<(String, u16, u16)> {
        let addresses = [("a.", "10.0.0.1"), ("b.", "10.0.0.2"), ("c.", "10.0.0.3")]
            .map(|(name, ip)| (name.to_owned(), BTreeSet::from([ip.parse().unwrap()])));
        let servers = servers_of(services, &addresses.into());
        servers.iter().map(|server| (server.address.to_string(), server.weight, server.priority)).collect()
    }

    fn expected(servers: &[(&str, u16, u16)]) -> Vec<(String, u16, u16)> {
        servers
            .iter()
            .map(|(address, weight, priority)| ((*address).to_owned(), *weight, *priority))
            .collect()
    }

    #[test]
    fn priority_and_weight_of_srv_are_kept() {
        let services = [service(10, 60, 80, "a."), service(10, 20, 81, "b."), service(20, 5, 80, "c.")];
        let servers = [("10.0.0.1:80", 60, 0), ("10.0.0.2:81", 20, 0), ("10.0.0.3:80", 5, 1)];
        assert_eq!(shown(&services), expected(&servers));
    }

    #[test]
    fn large_weights_are_scaled_and_a_weight_of_nothing_gets_a_very_small_chance() {
        for (weights, scaled) in [
            ([65_535, 32_768], [992, 496]),
            ([65_535, 1], [992, 1]),
            ([0, 0], [1, 1]),
            ([0, 1], [1, 100]),
            ([0, 65_535], [1, 999]),
        ] {
            let services = [service(0, weights[0], 80, "a."), service(0, weights[1], 80, "b.")];
            let found: Vec<u16> = shown(&services).into_iter().map(|(_, weight, _)| weight).collect();
            assert_eq!(found, scaled, "{weights:?}");
        }
    }

    #[test]
    fn a_server_that_is_named_twice_counts_with_its_better_priority_and_a_target_without_address_not_at_all()
    {
        let services = [service(20, 9, 80, "a."), service(10, 1, 80, "a."), service(10, 1, 80, "nowhere.")];
        assert_eq!(shown(&services), expected(&[("10.0.0.1:80", 1, 0)]));
    }
}
