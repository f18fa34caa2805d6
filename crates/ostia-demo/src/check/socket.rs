//! A WebSocket through the session.

use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::visit::{Reason, Visit, expect};
use crate::browser::{Browser, Connection, Sender, connect};

const DEADLINE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<Box<dyn Connection>>;

pub(super) async fn socket_echoes(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let refused = open(visit, &visit.stranger()).await?;
    let status = refused.err().map_or(101, |status| status);
    expect(status == 401, || format!("without a session: status {status} instead of 401"))?;
    let socket = open(visit, &visit.ana).await?;
    let socket = socket.map_err(|status| Reason::Unexpected(format!("with a session: status {status}")))?;
    let talk = tokio::time::timeout(DEADLINE, talk(socket)).await;
    let talk = talk.map_err(|_| Reason::Unexpected("no answer in 10 s".to_owned()))?;
    let (greeting, echo) = talk.map_err(|problem| Reason::Unexpected(problem.to_string()))?;
    expect(greeting.contains("\"user\":\"ana\""), || format!("the greeting is {greeting}"))?;
    expect(echo == "hello", || format!("the echo is {echo}"))?;
    Ok("echo as ana; 401 without a session".to_owned())
}

/// The open socket, or the status of the refusal.
async fn open(visit: &Visit<'_>, browser: &Browser) -> Result<Result<Socket, u16>, Reason> {
    let url = visit.url("/ws")?;
    let unexpected = |problem: Error| Reason::Unexpected(problem.to_string());
    let address = url.as_str().replacen("http", "ws", 1);
    let mut request = address.into_client_request().map_err(unexpected)?;
    let cookie = browser.cookies.field(&url, Sender::SameSite, SystemTime::now());
    let fields = [("Origin", Some(visit.base.origin().ascii_serialization())), ("Cookie", cookie)];
    for (name, value) in fields {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    let connection = connect(&url, &visit.trust).await?;
    let handshake = tokio::time::timeout(DEADLINE, client_async(request, connection)).await;
    match handshake.map_err(|_| Reason::Unexpected("no handshake in 10 s".to_owned()))? {
        Ok((socket, _)) => Ok(Ok(socket)),
        Err(Error::Http(answer)) => Ok(Err(answer.status().as_u16())),
        Err(problem) => Err(unexpected(problem)),
    }
}

async fn talk(mut socket: Socket) -> Result<(String, String), Error> {
    let greeting = next_text(&mut socket).await?;
    socket.send(Message::text("hello")).await?;
    let echo = next_text(&mut socket).await?;
    socket.close(None).await?;
    Ok((greeting, echo))
}

async fn next_text(socket: &mut Socket) -> Result<String, Error> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            return Ok(text.to_string());
        }
    }
    Err(Error::ConnectionClosed)
}
