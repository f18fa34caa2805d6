//! A name server for one test: real packets over UDP, a zone that the test changes, and outages.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What the server does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Answers,
    Silent,
    Fails,
}

/// The TTL and the data of all records of one name and kind.
type Records = (u32, Vec<RData>);

#[derive(Debug, Default)]
struct Zone {
    records: Mutex<BTreeMap<(String, RecordType), Records>>,
    mood: Mutex<Mood>,
    questions: AtomicUsize,
}

/// A running name server; stopped when dropped.
#[derive(Debug)]
pub struct DnsServer {
    zone: Arc<Zone>,
    address: SocketAddr,
    answering: JoinHandle<()>,
}

impl DnsServer {
    /// Starts one with an empty zone.
    ///
    /// # Panics
    /// When no socket can be bound.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::new(Zone::default());
        let answering = tokio::spawn(answer(socket, Arc::clone(&zone)));
        Self { zone, address, answering }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Questions so far.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.zone.questions.load(SeqCst)
    }

    /// Sets the addresses of a name, of both families.
    pub fn set_addresses(&self, name: &str, ttl: u32, addresses: &[IpAddr]) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(ip) => v4.push(RData::A(A(*ip))),
                IpAddr::V6(ip) => v6.push(RData::AAAA(AAAA(*ip))),
            }
        }
        self.set(name, RecordType::A, ttl, v4);
        self.set(name, RecordType::AAAA, ttl, v6);
    }

    /// Sets the services of a name: priority, weight, port, target.
    pub fn set_services(&self, name: &str, ttl: u32, services: &[(u16, u16, u16, &str)]) {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| {
            RData::SRV(SRV::new(*priority, *weight, *port, Name::from_ascii(format!("{target}.")).unwrap()))
        };
        self.set(name, RecordType::SRV, ttl, services.iter().map(record).collect());
    }

    /// From now on no answer comes.
    pub fn keep_silent(&self) {
        *self.zone.mood.lock().unwrap() = Mood::Silent;
    }

    /// From now on every answer is SERVFAIL.
    pub fn fail(&self) {
        *self.zone.mood.lock().unwrap() = Mood::Fails;
    }

    /// Answers again.
    pub fn recover(&self) {
        *self.zone.mood.lock().unwrap() = Mood::Answers;
    }

    fn set(&self, name: &str, kind: RecordType, ttl: u32, data: Vec<RData>) {
        self.zone.records.lock().unwrap().insert((format!("{}.", name.to_lowercase()), kind), (ttl, data));
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0; 4096];
    while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
        zone.questions.fetch_add(1, SeqCst);
        let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
        if let Some(answer) = of_zone(&zone, &question) {
            socket.send_to(&answer.to_vec().unwrap(), peer).await.ok();
        }
    }
}

fn of_zone(zone: &Zone, question: &Message) -> Option<Message> {
    let mood = *zone.mood.lock().unwrap();
    if mood == Mood::Silent {
        return None;
    }
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_queries(question.queries.iter().cloned());
    if mood == Mood::Fails {
        answer.metadata.response_code = ResponseCode::ServFail;
        return Some(answer);
    }
    let query = question.queries.first()?;
    let name = query.name().to_ascii().to_lowercase();
    let records = zone.records.lock().unwrap();
    match records.get(&(name.clone(), query.query_type())) {
        Some((ttl, data)) => {
            let record = |data: &RData| Record::from_rdata(query.name().clone(), *ttl, data.clone());
            answer.add_answers(data.iter().map(record));
        }
        None if records.keys().any(|(known, _)| *known == name) => {}
        None => answer.metadata.response_code = ResponseCode::NXDomain,
    }
    Some(answer)
}
