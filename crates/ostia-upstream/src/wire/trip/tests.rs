use std::time::Instant;

use ostia_config::upstream::{KeepAlive, ServerAddress};
use pingora_core::protocols::l4::socket::SocketAddr as PingoraAddress;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::wire::LineCounters;

const PATIENT: Patience =
    Patience { first_byte: Duration::from_secs(20), between_bytes: Duration::from_secs(20) };

struct Stage {
    listener: TcpListener,
    line: Arc<Line>,
    counters: Arc<LineCounters>,
}

impl Stage {
    async fn new(keep_alive: KeepAlive) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = ServerAddress::Ip(listener.local_addr().unwrap());
        let counters = Arc::<LineCounters>::default();
        let line = Arc::new(Line::new(address, Duration::from_secs(5), None, &keep_alive, &counters));
        Self { listener, line, counters }
    }

    /// A trip, its socket, and the server's end.
    async fn depart(&self, patience: Patience) -> (Arc<Trip>, Stream, tokio::net::TcpStream) {
        let trip = Trip::new(&self.line, patience, None, false);
        trip.request_complete();
        let (stream, server) = tokio::join!(connect(&trip), self.listener.accept());
        (trip, stream, server.unwrap().0)
    }
}

async fn connect(trip: &Arc<Trip>) -> Stream {
    let nowhere = PingoraAddress::Inet(([127, 0, 0, 1], 0).into());
    trip.connect(&nowhere).await.unwrap()
}

/// An exchange to the end, as Pingora makes one; `is_good` is whether it would keep the connection.
async fn exchange(trip: &Trip, mut stream: Stream, server: &mut tokio::net::TcpStream, is_good: bool) {
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut request = [0; 18];
    server.read_exact(&mut request).await.unwrap();
    server.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
    let mut answer = [0; 19];
    stream.read_exact(&mut answer).await.unwrap();
    trip.head_arrived();
    if is_good {
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "Pingora is told that it is closed");
    } else {
        stream.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_goes_back_only_after_a_whole_exchange_that_may_be_repeated() {
    for (is_good, spoil, rests) in [(true, false, 1), (false, false, 0), (true, true, 0)] {
        let stage = Stage::new(KeepAlive::default()).await;
        let (trip, stream, mut server) = stage.depart(PATIENT).await;
        if spoil {
            trip.spoil();
        }
        exchange(&trip, stream, &mut server, is_good).await;
        assert_eq!(stage.line.resting(), rests, "{is_good} {spoil}");
        assert_eq!(stage.counters.open(), rests as u64);
    }
}

#[tokio::test]
async fn the_next_trip_takes_the_connection_that_waits_unless_the_server_closed_it_or_spoke_unasked() {
    for (then, reused) in [("waits", true), ("closes", false), ("speaks", false)] {
        let stage = Stage::new(KeepAlive::default()).await;
        let (trip, stream, mut server) = stage.depart(PATIENT).await;
        exchange(&trip, stream, &mut server, true).await;
        match then {
            "closes" => drop(server),
            "speaks" => server.write_all(b"HTTP/1.1 408 Late\r\n\r\n").await.unwrap(),
            _ => {}
        }
        // Until what the server did has arrived here.
        tokio::time::timeout(Duration::from_secs(5), async {
            while !reused && stage.line.resting() > 0 {
                stage.line.tidy();
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let next = Trip::new(&stage.line, PATIENT, None, false);
        let _stream = connect(&next).await;
        assert_eq!(next.was_reused(), reused, "{then}");
    }
}

#[tokio::test]
async fn more_connections_than_may_wait_are_closed_the_oldest_first() {
    let stage = Stage::new(KeepAlive { connections: 2, ..KeepAlive::default() }).await;
    let mut under_way = Vec::new();
    for _ in 0..5 {
        under_way.push(stage.depart(PATIENT).await);
    }
    for (trip, stream, mut server) in under_way {
        exchange(&trip, stream, &mut server, true).await;
    }
    assert_eq!((stage.line.resting(), stage.counters.open(), stage.counters.opened()), (2, 2, 5));
}

#[tokio::test]
async fn a_proxy_header_binds_a_connection_to_its_client() {
    let stage = Stage::new(KeepAlive::default()).await;
    let trip_of = |client: &[u8]| Trip::new(&stage.line, PATIENT, Some(client.into()), false);
    let trip = trip_of(b"PROXY one\r\n");
    let (stream, server) = tokio::join!(connect(&trip), stage.listener.accept());
    let mut server = server.unwrap().0;
    let mut header = [0; 11];
    server.read_exact(&mut header).await.unwrap();
    assert_eq!(&header, b"PROXY one\r\n");
    exchange(&trip, stream, &mut server, true).await;
    let (other, same) = (trip_of(b"PROXY two\r\n"), trip_of(b"PROXY one\r\n"));
    let _streams = (connect(&other).await, connect(&same).await);
    assert_eq!((other.was_reused(), same.was_reused()), (false, true));
}

#[tokio::test]
async fn each_silence_has_its_own_time() {
    let short = Duration::from_millis(60);
    let long = Duration::from_secs(20);
    for (patience, sent, waited) in [
        (Patience { first_byte: short, between_bytes: long }, &b""[..], Waited::FirstByte),
        (
            Patience { first_byte: short, between_bytes: long },
            b"HTTP/1.1 103 Early\r\n\r\n",
            Waited::FirstByte,
        ),
        (Patience { first_byte: long, between_bytes: short }, b"HTTP/1.1 200 OK\r\n", Waited::BetweenBytes),
    ] {
        let stage = Stage::new(KeepAlive::default()).await;
        let (trip, mut stream, mut server) = stage.depart(patience).await;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        server.write_all(sent).await.unwrap();
        let mut buffer = vec![0; sent.len()];
        stream.read_exact(&mut buffer).await.unwrap();
        let began = Instant::now();
        let error = stream.read(&mut [0; 64]).await.unwrap_err();
        assert_eq!((error.kind(), trip.waited()), (std::io::ErrorKind::TimedOut, Some(waited)), "{sent:?}");
        assert!(began.elapsed() >= short && began.elapsed() < long, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn while_the_client_speaks_the_server_is_not_late() {
    let stage = Stage::new(KeepAlive::default()).await;
    let short = Duration::from_millis(50);
    let trip = Trip::new(&stage.line, Patience { first_byte: short, between_bytes: short }, None, false);
    let (mut stream, _server) = tokio::join!(connect(&trip), stage.listener.accept());
    stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n").await.unwrap();
    let read = tokio::time::timeout(short * 6, stream.read(&mut [0; 64])).await;
    assert!(read.is_err(), "{read:?}");
    trip.request_complete();
    stream.write_all(b"the body.").await.unwrap();
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn what_moves_is_never_too_late_and_the_timer_is_kept_for_the_next_trip() {
    let stage = Stage::new(KeepAlive::default()).await;
    let patience =
        Patience { first_byte: Duration::from_millis(400), between_bytes: Duration::from_millis(400) };
    let (trip, mut stream, mut server) = stage.depart(patience).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let server = tokio::spawn(async move {
        for _ in 0..10 {
            server.write_all(b"x").await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    });
    let mut bytes = [0; 10];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!((trip.waited(), &bytes), (None, b"xxxxxxxxxx"), "a second in all, but never silent for long");
    trip.head_arrived();
    let _server = server.await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    drop(stream);
    let next = Trip::new(&stage.line, patience, None, false);
    next.request_complete();
    let mut stream = connect(&next).await;
    assert!(next.was_reused());
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn the_first_read_of_a_tunnel_waits_one_turn_and_its_connection_is_never_kept() {
    let stage = Stage::new(KeepAlive::default()).await;
    let trip = Trip::new(&stage.line, PATIENT, None, true);
    let (stream, server) = tokio::join!(connect(&trip), stage.listener.accept());
    let (mut stream, mut server) = (stream, server.unwrap().0);
    server.write_all(b"x").await.unwrap();
    let mut turns = 0;
    let mut bytes = [0; 8];
    let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
    std::future::poll_fn(|context| {
        turns += 1;
        tokio::io::AsyncRead::poll_read(std::pin::Pin::new(&mut stream), context, &mut buffer)
    })
    .await
    .unwrap();
    assert!(turns >= 2, "read at turn {turns}");
    trip.head_arrived();
    drop(stream);
    assert_eq!(stage.line.resting(), 0);
}

#[tokio::test]
async fn warm_connections_are_made_in_advance_and_idle_ones_closed() {
    let stage =
        Stage::new(KeepAlive { min_idle: 2, idle: Duration::from_millis(50), ..KeepAlive::default() }).await;
    stage.line.warm_up().await;
    assert_eq!((stage.line.resting(), stage.counters.opened()), (2, 2));
    tokio::time::sleep(Duration::from_millis(60)).await;
    stage.line.tidy();
    assert_eq!((stage.line.resting(), stage.counters.open()), (0, 0));
}
