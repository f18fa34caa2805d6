//! Q10: floods of forged tokens, of one address and of many.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ostia_testkit::{Ostia, Signer, raw};
use serde_json::json;

use crate::world::World;

fn request(token: &str) -> String {
    format!("GET /orders HTTP/1.1\r\nHost: api.localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
}

async fn ask(port: u16, token: &str) -> raw::Answer {
    raw::send(port, request(token)).await.unwrap()
}

/// Asks with each of these tokens, as a client of this address that keeps its connection.
async fn ask_from(client: Ipv4Addr, port: u16, tokens: impl Iterator<Item = String>) -> Vec<raw::Answer> {
    let mut connection = raw::Connection::open_from(client, port).await.unwrap();
    let mut answers = Vec::new();
    for token in tokens {
        connection.send(request(&token).as_bytes()).await;
        answers.push(connection.answer().await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_sends_forged_tokens_is_told_to_wait_and_known_tokens_go_on() {
    let (world, node, _) = World::with_node().await;
    let good = world.provider.access_token("robot", json!({}));
    assert_eq!(ask(node.port(), &good).await.status, 200);
    let claims = |number: usize| world.provider.access_claims("robot", json!({ "jti": number.to_string() }));
    let stranger = Signer::new("key-1");
    let forged = |number| stranger.sign(&stranger.header("at+jwt"), &claims(number));
    let mut refused = None;
    for number in 0..1000 {
        let answer = ask(node.port(), &forged(number)).await;
        match answer.status {
            401 => assert_eq!(answer.json()["code"].as_str(), Some("signature_invalid")),
            _ => refused = Some((number, answer)),
        }
        if refused.is_some() {
            break;
        }
    }
    let (number, answer) = refused.expect("the budget ends");
    assert!(number >= 50, "{number} is too few");
    assert_eq!((answer.status, answer.json()["code"].as_str()), (429, Some("signature_budget_spent")));
    assert!(answer.field("retry-after").is_some());
    assert_eq!(ask(node.port(), &good).await.status, 200, "a token that was accepted before is not affected");
    assert_eq!(world.app.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_token_sent_again_and_again_shuts_nobody_out() {
    let (world, node, _) = World::with_node().await;
    let stranger = Signer::new("key-1");
    let wrong = stranger.sign(&stranger.header("at+jwt"), &world.provider.access_claims("robot", json!({})));
    for _ in 0..150 {
        assert_eq!(ask(node.port(), &wrong).await.json()["code"].as_str(), Some("signature_invalid"));
    }
    let fresh = world.provider.access_token("robot", json!({}));
    assert_eq!(ask(node.port(), &fresh).await.status, 200);
}

/// Addresses of the flood, how many forged tokens each sends without pause, and how many send at a time.
const FLOODERS: usize = 300;
const TOKENS_EACH: usize = 20;
const AT_A_TIME: usize = 16;

/// Who floods first, and so has nothing left.
const FIRST_FLOODER: Ipv4Addr = Ipv4Addr::new(127, 10, 0, 0);

/// What the flood was told.
#[derive(Default)]
struct Flood {
    next: AtomicUsize,
    is_over: AtomicBool,
    looked_at: AtomicUsize,
    refused_unseen: AtomicUsize,
    /// How long the addresses took, together.
    milliseconds: AtomicUsize,
}

impl Flood {
    /// Sends for one address after the other, until all have sent.
    async fn send(&self, port: u16, signed_part: &str) {
        loop {
            let flooder = self.next.fetch_add(1, Ordering::Relaxed);
            if flooder >= FLOODERS {
                return;
            }
            let client = Ipv4Addr::from_bits(FIRST_FLOODER.to_bits() + u32::try_from(flooder).unwrap());
            // A signature in the right form, which nobody made, and never the same twice.
            let forged = |number: usize| format!("{signed_part}.{:B>85}A", flooder * TOKENS_EACH + number);
            let began = Instant::now();
            for answer in ask_from(client, port, (0..TOKENS_EACH).map(forged)).await {
                let body = answer.json();
                let told = (answer.status, body["code"].as_str().unwrap_or_default());
                if told == (429, "signature_budget_spent") {
                    assert!(answer.field("retry-after").is_some());
                    self.refused_unseen.fetch_add(1, Ordering::Relaxed);
                } else {
                    assert_eq!(told, (401, "signature_invalid"));
                    self.looked_at.fetch_add(1, Ordering::Relaxed);
                }
            }
            let took = usize::try_from(began.elapsed().as_millis()).unwrap();
            self.milliseconds.fetch_add(took, Ordering::Relaxed);
        }
    }
}

/// A client whose token is known asks all the time, from the very address of a flooder, and one after the other that
/// nobody has seen, with a token that nobody has seen. How many requests it were.
async fn good_clients(world: &World, node: &Ostia, flood: &Flood, known: &str) -> usize {
    let mut asked = 0;
    while asked < 20 || !flood.is_over.load(Ordering::Relaxed) {
        let again = ask_from(FIRST_FLOODER, node.port(), [known.to_owned()].into_iter()).await;
        assert_eq!(again[0].status, 200, "a known token: {}", again[0].text());
        let client = Ipv4Addr::from_bits(0x7f1e_0000 + asked);
        let fresh = world.provider.access_token(&format!("new-{asked}"), json!({}));
        let first = ask_from(client, node.port(), [fresh].into_iter()).await;
        assert_eq!(first[0].status, 200, "a new client with a good token: {}", first[0].text());
        asked += 1;
    }
    2 * usize::try_from(asked).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_tokens_from_many_addresses_is_refused_unseen_and_good_clients_are_served() {
    let (world, node, _) = World::with_node().await;
    let flood = Arc::new(Flood::default());
    let known = world.provider.access_token("known", json!({}));
    assert_eq!(ask(node.port(), &known).await.status, 200);
    let signed_part = known.rsplit_once('.').unwrap().0.to_owned();
    let began = Instant::now();
    let senders: Vec<_> = (0..AT_A_TIME)
        .map(|_| {
            let (flood, signed_part, port) = (Arc::clone(&flood), signed_part.clone(), node.port());
            tokio::spawn(async move { flood.send(port, &signed_part).await })
        })
        .collect();
    let flooding = async {
        for sender in senders {
            sender.await.unwrap();
        }
        flood.is_over.store(true, Ordering::Relaxed);
        began.elapsed()
    };
    let (took, served) = tokio::join!(flooding, good_clients(&world, &node, &flood, &known));
    assert_eq!(world.app.count(), 1 + served, "nothing forged arrives");

    let [looked_at, unseen] =
        [&flood.looked_at, &flood.refused_unseen].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(looked_at + unseen, FLOODERS * TOKENS_EACH);
    let of_addresses = Duration::from_millis(flood.milliseconds.load(Ordering::Relaxed) as u64);
    let most = most_looked_at(took, of_addresses);
    assert!(looked_at <= most, "{looked_at} of at most {most} in {took:?}");
}

/// Outside of a flood the node looks at 500 wrong signatures at once and 100 a second; in a flood at three of each
/// address, at one that is over, and at one more for each second that the address sends.
fn most_looked_at(took: Duration, of_addresses: Duration) -> usize {
    let outside = 500 + AT_A_TIME + took.as_millis() as usize / 10;
    outside + 4 * FLOODERS + of_addresses.as_secs() as usize + 1
}
