//! A check by HTTP/2.

use bytes::Bytes;
use h2::client;
use http::{HeaderMap, Request, Response};
use ostia_config::upstream::HealthAsk;
use pingora_core::protocols::Stream;

use super::{MOST_BODY, judge};

pub(super) async fn ask(
    stream: Stream,
    ask: &HealthAsk,
    scheme: &str,
    authority: &str,
) -> Result<(), String> {
    let HealthAsk::Http { method, path, host, body, .. } = ask else { return Ok(()) };
    let uri = format!("{scheme}://{}{path}", host.as_deref().unwrap_or(authority));
    let request =
        Request::builder().method(method.clone()).uri(uri).header("user-agent", "ostia-health-check");
    let request = request.body(()).map_err(|_| "cannot be sent".to_owned())?;
    let answer = exchange(stream, request, None, body.is_some()).await?;
    judge(ask, answer.head.status().as_u16(), &answer.body)
}

/// What came back.
pub(super) struct Answer {
    pub(super) head: Response<()>,
    /// Its beginning.
    pub(super) body: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
}

/// One request on a connection of its own. The connection is driven here, so it ends with the check, however that ends.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<()>,
    body: Option<Bytes>,
    wants_body: bool,
) -> Result<Answer, String> {
    let (sender, connection) = client::handshake(stream).await.map_err(|error| words(&error))?;
    let exchange = async {
        let mut sender = sender.ready().await?;
        let (answer, mut upload) = sender.send_request(request, body.is_none())?;
        if let Some(body) = body {
            upload.send_data(body, true)?;
        }
        let (head, mut received) = answer.await?.into_parts();
        let mut begin = Vec::new();
        let mut trailers = None;
        while wants_body && begin.len() < MOST_BODY {
            let Some(bytes) = received.data().await else {
                trailers = received.trailers().await?;
                break;
            };
            let bytes = bytes?;
            begin.extend_from_slice(&bytes);
            received.flow_control().release_capacity(bytes.len())?;
        }
        Ok(Answer { head: Response::from_parts(head, ()), body: begin, trailers })
    };
    tokio::select! {
        biased;
        answer = exchange => answer.map_err(|error: h2::Error| words(&error)),
        ended = connection => Err(ended.err().map_or("connection closed".to_owned(), |error| words(&error))),
    }
}

fn words(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => format!("HTTP/2 {}", reason.description()),
        None => "no HTTP/2".to_owned(),
    }
}
