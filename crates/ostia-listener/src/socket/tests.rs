use std::io::IoSlice;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::held::HOLD;

async fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, peer) = listener.accept().await.unwrap();
    (Socket::new(tcp, peer), client)
}

#[tokio::test]
async fn small_writes_wait_for_the_flush_and_leave_together() {
    let (mut socket, mut client) = pair().await;
    socket.write_all(b"head ").await.unwrap();
    socket.write_all(b"body").await.unwrap();
    assert_eq!(socket.held.as_slice(), b"head body", "sent too early");
    socket.flush().await.unwrap();
    let mut bytes = [0; 64];
    assert_eq!(client.read(&mut bytes).await.unwrap(), 9);
    assert_eq!(&bytes[..9], b"head body");
    assert_eq!(socket.held.capacity(), 0, "an idle connection holds no buffer");
}

#[tokio::test]
async fn a_large_write_takes_the_waiting_bytes_along_in_order() {
    let (mut socket, mut client) = pair().await;
    socket.write_all(b"head ").await.unwrap();
    socket.write_all(&[b'x'; HOLD]).await.unwrap();
    let mut bytes = vec![0; HOLD + 5];
    client.read_exact(&mut bytes).await.unwrap();
    assert!(bytes.starts_with(b"head xxx") && bytes.ends_with(b"xxx"));
}

#[tokio::test]
async fn every_byte_arrives_once_at_a_reader_that_is_slow() {
    let (mut socket, mut client) = pair().await;
    socket2::SockRef::from(&socket.tcp).set_send_buffer_size(4096).unwrap();
    let sizes = [1, 700, 1460, 1461, 3, 40_000, 0, 759, 9, 100_000, 1459, 2, 5000];
    let expected: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|n| (n % 251) as u8).collect();
    let sent = expected.clone();
    let writing = tokio::spawn(async move {
        let mut rest = &sent[..];
        for (turn, size) in sizes.into_iter().enumerate() {
            let (mut now, later) = rest.split_at(size);
            rest = later;
            while !now.is_empty() {
                let (one, two) = now.split_at(now.len() / 2);
                let written = socket.write_vectored(&[IoSlice::new(one), IoSlice::new(two)]).await.unwrap();
                now = &now[written..];
            }
            if turn % 3 == 0 {
                socket.flush().await.unwrap();
            }
        }
        socket.flush().await.unwrap();
    });
    let mut received = Vec::new();
    let mut chunk = [0; 333];
    loop {
        match client.read(&mut chunk).await.unwrap() {
            0 => break,
            read => received.extend_from_slice(&chunk[..read]),
        }
    }
    writing.await.unwrap();
    assert!(received == expected, "{} of {} bytes", received.len(), expected.len());
}

#[tokio::test]
async fn a_drop_sends_what_is_held() {
    let (mut socket, mut client) = pair().await;
    socket.write_all(b"last").await.unwrap();
    drop(socket);
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"last");
}

#[tokio::test]
async fn the_peer_is_known_without_asking_the_kernel() {
    let (socket, client) = pair().await;
    let digest = socket.get_socket_digest().unwrap();
    let peer = digest.peer_addr.get().cloned().flatten().unwrap();
    assert_eq!(peer.as_inet(), Some(&client.local_addr().unwrap()));
}

#[tokio::test]
async fn what_was_said_last_arrives_although_the_client_is_still_sending() {
    let (mut socket, mut client) = pair().await;
    client.write_all(&[b'x'; 100_000]).await.unwrap();
    socket.read_exact(&mut [0; 10]).await.unwrap();
    socket.write_all(b"413, and a reason").await.unwrap();
    drop(socket);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("no reset");
    assert_eq!(answer, "413, and a reason");
}

#[tokio::test]
async fn bytes_that_are_put_back_are_read_first_in_their_order() {
    let (mut socket, mut client) = pair().await;
    client.write_all(b" the rest").await.unwrap();
    socket.unread(BytesMut::from(&b"second"[..]));
    socket.unread(BytesMut::from(&b"first "[..]));
    let mut bytes = [0; 21];
    socket.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"first second the rest");
    assert_eq!(socket.unread.capacity(), 0, "an idle connection holds no buffer");
}
