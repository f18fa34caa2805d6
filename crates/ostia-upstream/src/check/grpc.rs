//! A check by gRPC: `grpc.health.v1.Health/Check`, with its two messages written and read by hand.

use bytes::Bytes;
use http::Request;
use pingora_core::protocols::Stream;

use super::http2::{Answer, exchange};

/// `HealthCheckResponse.ServingStatus.SERVING`.
const SERVING: u64 = 1;

pub(super) async fn ask(stream: Stream, service: &str, scheme: &str, authority: &str) -> Result<(), String> {
    let request = Request::post(format!("{scheme}://{authority}/grpc.health.v1.Health/Check"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "ostia-health-check")
        .body(())
        .map_err(|_| "cannot be sent".to_owned())?;
    let answer = exchange(stream, request, Some(question(service)), true).await?;
    judge(&answer)
}

/// `HealthCheckRequest { service }` in a gRPC frame: not compressed, its length, the message.
fn question(service: &str) -> Bytes {
    let mut message = Vec::with_capacity(service.len() + 4);
    // The default value of a field is not written (proto3).
    if !service.is_empty() {
        message.push(0x0a);
        write_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(&message);
    frame.into()
}

fn judge(answer: &Answer) -> Result<(), String> {
    let status = answer.head.status().as_u16();
    if status != 200 {
        return Err(format!("status {status}"));
    }
    let trailers = answer.trailers.as_ref().unwrap_or(answer.head.headers());
    match trailers.get("grpc-status").map(http::HeaderValue::as_bytes) {
        Some(b"0") => {}
        Some(b"5") => return Err("gRPC: the service is not known".to_owned()),
        Some(b"12") => return Err("gRPC: the server has no health service".to_owned()),
        Some(code) => return Err(format!("gRPC status {}", String::from_utf8_lossy(code).escape_default())),
        None => return Err("gRPC: no status".to_owned()),
    }
    match serving_status(&answer.body) {
        Some(SERVING) => Ok(()),
        Some(0) => Err("gRPC: status unknown".to_owned()),
        Some(2) => Err("gRPC: not serving".to_owned()),
        Some(3) => Err("gRPC: the service is not known".to_owned()),
        Some(_) | None => Err("gRPC: an answer that cannot be read".to_owned()),
    }
}

/// `HealthCheckResponse.status` of a gRPC frame; `None` when it is malformed.
pub(crate) fn serving_status(frame: &[u8]) -> Option<u64> {
    let (&[is_compressed, a, b, c, d], message) = frame.split_first_chunk()?;
    if is_compressed != 0 || usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()? != message.len() {
        return None;
    }
    let (mut rest, mut status) = (message, 0);
    while !rest.is_empty() {
        let key = read_varint(&mut rest)?;
        match (key >> 3, key & 7) {
            (1, 0) => status = read_varint(&mut rest)?,
            (_, 0) => drop(read_varint(&mut rest)?),
            (_, 1) => rest = rest.get(8..)?,
            (_, 2) => {
                let length = usize::try_from(read_varint(&mut rest)?).ok()?;
                rest = rest.get(length..)?;
            }
            (_, 5) => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn write_varint(buffer: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        buffer.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    buffer.push(u8::try_from(number).unwrap_or_default());
}

/// At most ten bytes (Protocol Buffers, encoding).
fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_written_as_protobuf_says() {
        assert_eq!(&*question(""), &[0, 0, 0, 0, 0]);
        assert_eq!(&*question("a.B"), &[0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
        let long = "x".repeat(300);
        assert_eq!(question(&long).get(..8), Some(&[0, 0, 0, 1, 47, 0x0a, 0xac, 2][..]));
    }

    #[test]
    fn the_status_is_read_and_what_is_malformed_is_not() {
        for (frame, status) in [
            (&[0, 0, 0, 0, 2, 8, 1][..], Some(1)),
            (&[0, 0, 0, 0, 2, 8, 2], Some(2)),
            (&[0, 0, 0, 0, 0], Some(0)),
            // Fields of a later version are skipped.
            (&[0, 0, 0, 0, 6, 0x12, 2, 0xff, 0xff, 8, 1], Some(1)),
            (&[0, 0, 0, 0, 7, 0x1d, 1, 2, 3, 4, 8, 1], Some(1)),
            (&[], None),
            (&[0, 0, 0, 0], None),
            (&[1, 0, 0, 0, 2, 8, 1], None),
            (&[0, 0, 0, 0, 3, 8, 1], None),
            (&[0, 0, 0, 0, 1, 8], None),
            (&[0, 0, 0, 0, 3, 0x12, 9, 0], None),
            (&[0, 0, 0, 0, 1, 0x0b], None),
            (&[0, 0, 0, 0, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], None),
        ] {
            assert_eq!(serving_status(frame), status, "{frame:?}");
        }
    }
}
