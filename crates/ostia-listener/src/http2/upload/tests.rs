use std::sync::Arc;

use pingora_core::protocols::Digest;
use pingora_core::protocols::http::v2::server::{H2Accept, H2Options, HttpSession, handshake};
use tokio::sync::oneshot;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A stream on which the client has begun to upload, and the client's side of the body.
async fn upload() -> (Upload, h2::SendStream<Bytes>) {
    let (inside, outside) = tokio::io::duplex(64 * 1024);
    let (begun, accepted) = oneshot::channel();
    tokio::spawn(async move {
        let mut connection = handshake(Box::new(inside), Some(H2Options::default())).await.unwrap();
        let accept = async |connection: &mut _| {
            HttpSession::from_h2_conn(connection, Arc::new(Digest::default())).await
        };
        let Ok(Some(H2Accept::Session(stream))) = accept(&mut connection).await else { panic!("no stream") };
        let _ = begun.send(stream);
        // Drives the connection.
        while let Ok(Some(_)) = accept(&mut connection).await {}
    });
    let (sender, connection) = h2::client::handshake(outside).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://a.example/x").body(()).unwrap();
    let (_answer, body) = sender.ready().await.unwrap().send_request(request, false).unwrap();
    (Upload::new(accepted.await.unwrap(), PATIENCE), body)
}

#[tokio::test(start_paused = true)]
async fn a_body_that_pauses_for_too_long_is_a_timeout() {
    let (mut upload, mut body) = upload().await;
    body.send_data(Bytes::from_static(b"half"), false).unwrap();
    assert_eq!(upload.read_body_bytes().await.unwrap().unwrap(), "half");
    let began = tokio::time::Instant::now();
    let refused = upload.read_body_bytes().await.unwrap_err();
    assert_eq!(*refused.etype(), ErrorType::ReadTimedout);
    assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_empty_frame_is_no_piece_of_a_body_and_no_life_sign() {
    let (mut upload, mut body) = upload().await;
    for text in ["", "", "one", "", "two"] {
        body.send_data(Bytes::from_static(text.as_bytes()), false).unwrap();
    }
    body.send_data(Bytes::new(), true).unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = upload.read_body_bytes().await.unwrap() {
        assert!(!piece.is_empty());
        pieces.extend_from_slice(&piece);
    }
    assert_eq!(pieces, b"onetwo");
    assert!(upload.is_body_done());
}
