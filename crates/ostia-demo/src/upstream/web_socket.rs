//! `/ws`: a WebSocket that says who came, then echoes (RFC 6455).

use std::io;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::answer::{Answer, head};
use super::received::Received;

/// Whether this request belongs here: by its path, so that a broken handshake is told.
pub(super) fn is_wanted(request: &Received) -> bool {
    request.path() == "/ws" && request.header("upgrade").is_some()
}

pub(super) async fn serve(
    mut stream: TcpStream,
    early: Vec<u8>,
    request: &Received,
    server: &str,
) -> io::Result<()> {
    let is_websocket = request.header("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let key = request.header("sec-websocket-key").filter(|_| is_websocket && request.method == "GET");
    let Some(key) = key else {
        let answer = Answer::text(400, "not a WebSocket handshake").with("Connection", "close");
        return stream.write_all(&answer.bytes(server, &request.method)).await;
    };
    let fields = [
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "Upgrade".to_owned()),
        ("Sec-WebSocket-Accept", derive_accept_key(key.as_bytes())),
    ];
    stream.write_all(format!("{}\r\n", head(101, server, &fields)).as_bytes()).await?;
    let mut socket = WebSocketStream::from_partially_read(stream, early, Role::Server, None).await;
    let user = request.header("x-forwarded-user");
    let greeting = json!({ "server": server, "user": user }).to_string();
    talk(&mut socket, greeting).await.map_err(io::Error::other)
}

async fn talk(socket: &mut WebSocketStream<TcpStream>, greeting: String) -> Result<(), Error> {
    socket.send(Message::text(greeting)).await?;
    while let Some(message) = socket.next().await {
        // Pings are answered by the library.
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}
