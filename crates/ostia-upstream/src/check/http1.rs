//! A check by HTTP/1.1.

use std::time::Duration;

use ostia_config::upstream::HealthAsk;
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::v1::client::HttpSession;
use pingora_error::Result;
use pingora_http::RequestHeader;

use super::{MOST_BODY, judge, reason};

pub(super) async fn ask(
    stream: Stream,
    ask: &HealthAsk,
    authority: &str,
    timeout: Duration,
) -> Result<(), String> {
    let HealthAsk::Http { method, path, host, body, .. } = ask else { return Ok(()) };
    let host = host.as_deref().unwrap_or(authority);
    let mut session = HttpSession::new(stream);
    session.read_timeout = Some(timeout);
    session.write_timeout = Some(timeout);
    let asked = async {
        session.write_request_header(Box::new(head(method, path, host)?)).await?;
        session.finish_body().await?;
        let mut status = 100;
        // Interim answers come before the one that counts (RFC 9110 section 15.2).
        while status < 200 {
            session.read_response().await?;
            status = session.get_status().map_or(0, |status| status.as_u16());
            if status == 0 || status == 101 {
                break;
            }
        }
        let mut begin = Vec::new();
        // Without a text to look for the body is not read: it may be endless.
        while body.is_some() && begin.len() < MOST_BODY {
            match session.read_body_bytes().await? {
                Some(bytes) => begin.extend_from_slice(&bytes),
                None => break,
            }
        }
        Ok((status, begin))
    };
    let (status, begin) = asked.await.map_err(|error: Box<pingora_error::Error>| reason(&error))?;
    judge(ask, status, &begin)
}

pub(super) fn head(method: &http::Method, path: &str, host: &str) -> Result<RequestHeader> {
    let mut head = RequestHeader::build(method.clone(), path.as_bytes(), Some(4))?;
    head.insert_header("Host", host)?;
    head.insert_header("User-Agent", "ostia-health-check")?;
    head.insert_header("Connection", "close")?;
    Ok(head)
}
