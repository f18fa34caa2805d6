//! Against a real server: the script means what the entry means, and endings reach everybody.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_testkit::{RedisServer, eventually};
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Channel, OnEnding, RefreshAttempt, SharedStore, StoreFailed, StoreKind, StoreSettings};
use crate::ended::{Ended, Ending, Mark};
use crate::refresh_entry::{Current, RefreshEntry, Taken};
use crate::session::SessionId;

fn settings(server: &RedisServer) -> StoreSettings {
    StoreSettings {
        servers: vec![("127.0.0.1".to_owned(), server.port())],
        tls: false,
        ca_pem: None,
        database: 0,
        username: None,
        password: None,
        kind: StoreKind::Single,
        prefix: "ostia:".to_owned(),
        budget: Duration::from_secs(2),
    }
}

/// A store that is connected, with the endings that it hears.
async fn store(settings: &StoreSettings, known: Vec<Ending>) -> (Arc<SharedStore>, Arc<Mutex<Vec<Ending>>>) {
    let store = SharedStore::new(settings).unwrap();
    let heard: Arc<Mutex<Vec<Ending>>> = Arc::default();
    let hears = Arc::clone(&heard);
    store.keep(OnEnding {
        take: Box::new(move |ending, _| hears.lock().push(ending)),
        known: Box::new(move |channel| if channel == Channel::Vouched { known.clone() } else { Vec::new() }),
    });
    reachable(&store).await;
    (store, heard)
}

async fn reachable(store: &SharedStore) {
    eventually("the store is reachable", Duration::from_secs(20), async || {
        store.is_reachable().then_some(())
    })
    .await;
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Take,
    Renew,
    Spend,
    Land,
    GiveBack(bool),
    End,
    Begin,
    Current,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<(Operation, u32, u128, u64)>> {
    let operation = prop_oneof![
        3 => Just(Operation::Take),
        1 => Just(Operation::Renew),
        3 => Just(Operation::Spend),
        2 => Just(Operation::Land),
        1 => any::<bool>().prop_map(Operation::GiveBack),
        1 => Just(Operation::End),
        1 => Just(Operation::Begin),
        2 => Just(Operation::Current),
        1 => Just(Operation::Close),
    ];
    prop::collection::vec((operation, 0..3_u32, 1..4_u128, 0..8_u64), 1..40)
}

/// One sequence on the entry and on the server: equal answers all the way.
async fn agree(store: &SharedStore, session: SessionId, steps: &[(Operation, u32, u128, u64)]) {
    let mut entry = RefreshEntry::<Vec<u8>>::default();
    let mut now = 1_000_000;
    for (step, (operation, generation, holder, later)) in steps.iter().copied().enumerate() {
        now += later;
        let keep = Duration::from_secs(60);
        let attempt = RefreshAttempt { session, generation, holder, keep };
        let value = vec![0xff, u8::try_from(step).unwrap()];
        let context = format!("step {step} of {steps:?}");
        if let Operation::Take = operation {
            let (word, landed, _): (String, Vec<u8>, u64) =
                store.run_at("take", attempt, "10", now).await.unwrap();
            let expected = match entry.take(generation, holder, now, 10) {
                Taken::Lease { is_doubtful: false } => ("lease", Vec::new()),
                Taken::Lease { is_doubtful: true } => ("doubtful", Vec::new()),
                Taken::Landed(value) => ("landed", value),
                Taken::Ended => ("ended", Vec::new()),
                Taken::Busy => ("busy", Vec::new()),
                Taken::Lost => ("lost", Vec::new()),
                Taken::Paused => ("paused", Vec::new()),
            };
            assert_eq!((word.as_str(), landed), expected, "{context}");
            continue;
        }
        if let Operation::Current = operation {
            assert_eq!(store.current(session).await.unwrap(), entry.current(), "{context}");
            continue;
        }
        let (answer, expected): (bool, bool) = match operation {
            Operation::Begin => (
                store.run_at("begin", attempt, value.as_slice(), now).await.unwrap(),
                entry.begin(generation, value),
            ),
            Operation::Close => {
                entry.close();
                (store.run_at("close", attempt, "", now).await.unwrap(), true)
            }
            Operation::Renew => {
                (store.run_at("renew", attempt, "10", now).await.unwrap(), entry.renew(holder, now, 10))
            }
            Operation::Spend => {
                (store.run_at("spend", attempt, "", now).await.unwrap(), entry.spend(generation, holder, now))
            }
            Operation::Land => (
                store.run_at("land", attempt, value.as_slice(), now).await.unwrap(),
                entry.land(generation, holder, value),
            ),
            Operation::GiveBack(was_sent) => (
                store.run_at("give_back", attempt, if was_sent { "-5" } else { "5" }, now).await.unwrap(),
                entry.give_back(generation, holder, was_sent, now + 5),
            ),
            _ => (store.run_at("end", attempt, "", now).await.unwrap(), entry.end(generation, holder)),
        };
        assert_eq!(answer, expected, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_the_store_means_what_the_entry_means() {
    let server = RedisServer::start().await;
    let (store, _) = store(&settings(&server), Vec::new()).await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let number = std::cell::Cell::new(0_u128);
        let mut runner = TestRunner::new(Config { cases: 200, ..Config::default() });
        let checked = runner.run(&steps(), |steps| {
            number.set(number.get() + 1);
            runtime.block_on(agree(&store, SessionId(number.get().to_be_bytes()), &steps));
            Ok(())
        });
        checked.unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_session_is_kept_as_long_as_it_is_used_and_gone_when_it_is_closed() {
    let server = RedisServer::start().await;
    let (store, _) = store(&settings(&server), Vec::new()).await;
    let (id, other) = (SessionId([1; 16]), SessionId([2; 16]));
    let (short, long) = (Duration::from_millis(1500), Duration::from_secs(60));
    assert_eq!(store.current(id).await, Ok(Current::Nothing));
    assert_eq!(store.touch(id, long).await, Ok(false));
    for session in [id, other] {
        assert_eq!(store.begin(session, 0, b"sealed", short).await, Ok(true));
    }
    assert_eq!(store.current(id).await, Ok(Current::Session(b"sealed".to_vec())));
    assert_eq!(store.touch(id, long).await, Ok(true));
    eventually("the one that is not used is gone", Duration::from_secs(10), async || {
        (store.current(other).await == Ok(Current::Nothing)).then_some(())
    })
    .await;
    assert_eq!(store.current(id).await, Ok(Current::Session(b"sealed".to_vec())));
    store.close(id, long).await.unwrap();
    assert_eq!(store.current(id).await, Ok(Current::Ended));
    assert_eq!(store.begin(id, 5, b"again", long).await, Ok(false), "nothing brings it back");
    assert_eq!(store.current(id).await, Ok(Current::Ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_reaches_every_node_and_a_node_that_comes_later() {
    let server = RedisServer::start().await;
    let (first, _) = store(&settings(&server), Vec::new()).await;
    let (_second, heard) = store(&settings(&server), Vec::new()).await;
    let ending = Ending { mark: Mark::of(Ended::Everybody), begun_by: 10, until: 4_000_000_000 };
    first.publish(ending, Channel::Vouched).await.unwrap();
    let hears = async |heard: &Mutex<Vec<Ending>>| {
        eventually("the ending is heard", Duration::from_secs(10), async || {
            heard.lock().contains(&ending).then_some(())
        })
        .await;
    };
    hears(&heard).await;
    let (_late, heard) = store(&settings(&server), Vec::new()).await;
    hears(&heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgot_everything_is_told_again() {
    let mut server = RedisServer::start().await;
    let ending = Ending { mark: Mark::of(Ended::Everybody), begun_by: 10, until: 4_000_000_000 };
    let (_first, _) = store(&settings(&server), vec![ending]).await;
    server.forget_everything().await;
    let (_late, heard) = store(&settings(&server), Vec::new()).await;
    eventually("the new node hears of it", Duration::from_secs(20), async || {
        heard.lock().contains(&ending).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_is_used_once_on_all_nodes_together() {
    let server = RedisServer::start().await;
    let (first, _) = store(&settings(&server), Vec::new()).await;
    let (second, _) = store(&settings(&server), Vec::new()).await;
    let now = SystemTime::now();
    let until = now + Duration::from_secs(60);
    let mark = Mark::of(Ended::LogoutToken { issuer: "https://a.example", id: "1" });
    assert_eq!(first.use_once(mark, until, now).await, Ok(true));
    assert_eq!(second.use_once(mark, until, now).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stands_still_costs_its_budget_once_and_then_nothing() {
    let server = RedisServer::start().await;
    let settings = StoreSettings { budget: Duration::from_millis(200), ..settings(&server) };
    let (store, _) = store(&settings, Vec::new()).await;
    let attempt = RefreshAttempt {
        session: SessionId([1; 16]),
        generation: 0,
        holder: 1,
        keep: Duration::from_secs(60),
    };
    server.freeze();
    let began = std::time::Instant::now();
    assert_eq!(store.take(attempt, Duration::from_secs(1)).await.unwrap_err(), StoreFailed::Slow);
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(store.take(attempt, Duration::from_secs(1)).await.unwrap_err(), StoreFailed::Down);
    }
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    server.thaw();
    reachable(&store).await;
    assert_eq!(
        store.take(attempt, Duration::from_secs(1)).await.unwrap().taken,
        Taken::Lease { is_doubtful: false }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_no_connection_and_is_never_told() {
    let server = RedisServer::start_with(&["--requirepass", "open sesame"]).await;
    let secret = |text: &str| Some(ostia_config::Secret::new(text.to_owned()));
    let good = StoreSettings { password: secret("open sesame"), ..settings(&server) };
    let (_store, _) = store(&good, Vec::new()).await;
    let wrong = SharedStore::new(&StoreSettings { password: secret("open barley"), ..good }).unwrap();
    wrong.look_after().await;
    assert!(!wrong.is_reachable());
    assert!(!format!("{wrong:?}").contains("barley"));
}
