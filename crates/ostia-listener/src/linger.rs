//! The end of a connection on which the client is still sending.
//!
//! A socket that is closed with unread bytes resets the connection, and the reset can overtake what was sent last: the
//! 413 of a body that is too large, the GOAWAY of a flood. So the writing half is closed first and the rest is read
//! for a moment (RFC 9112 section 9.6).

use std::mem::MaybeUninit;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long the rest is read.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much of it.
const BYTES: usize = 1024 * 1024;

/// Takes leave of a socket that is about to be dropped. Costs one system call where the client has nothing unread.
pub(crate) fn take_leave(tcp: &TcpStream) {
    let mut byte = [MaybeUninit::uninit()];
    if !matches!(SockRef::from(tcp).peek(&mut byte), Ok(1..)) {
        return;
    }
    let (Ok(runtime), Ok(socket)) = (Handle::try_current(), SockRef::from(tcp).try_clone()) else { return };
    // The copy registers anew with the runtime; where that fails, the connection is reset after all.
    let Ok(mut rest) = TcpStream::from_std(socket.into()) else { return };
    runtime.spawn(async move { timeout(PATIENCE, read_away(&mut rest)).await });
}

async fn read_away(rest: &mut TcpStream) {
    if rest.shutdown().await.is_err() {
        return;
    }
    let (mut buffer, mut bytes) = ([0; 4096], 0);
    while bytes < BYTES {
        match rest.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => bytes += length,
        }
    }
}
