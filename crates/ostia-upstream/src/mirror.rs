//! Copies of requests: sent to a server of another upstream, their answers read and thrown away.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::group::Group;
use crate::limit::NoPlace;
use crate::picked::{Ask, Tried};

/// Bytes of an answer that are read; what is longer is cut off.
const MOST_ANSWER: usize = 16 * 1024 * 1024;

/// Why a copy did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyFailed {
    /// Nobody could take it.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// There was no connection.
    #[error("there was no connection: {0}")]
    NotConnected(&'static str),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// It took too long.
    #[error("it took too long")]
    TimedOut,
}

impl CopyFailed {
    /// The reason in logs and metrics.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::NoPlace(none) => none.slug(),
            Self::NotConnected(_) => "not_connected",
            Self::Broken(_) => "broken",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Group {
    /// Sends the bytes of one HTTP/1.1 request that says `Connection: close`, and reads the answer to its end.
    ///
    /// # Errors
    /// When it did not go out, or was not answered within `within`.
    pub async fn send_copy(&self, request: &[&[u8]], within: Duration) -> Result<(), CopyFailed> {
        let tried = Tried::default();
        let picked =
            self.place_now(&Ask { key: None, born: None, pinned: None, tried: &tried, now: Instant::now() })?;
        let exchange = async {
            let dialled = picked.server().line.dial(None).await;
            let mut wire = dialled.map_err(|failed| CopyFailed::NotConnected(failed.slug()))?;
            for part in request {
                wire.write_all(part).await.map_err(CopyFailed::Broken)?;
            }
            wire.flush().await.map_err(CopyFailed::Broken)?;
            let mut buffer = vec![0; 16 * 1024];
            let mut read = 0;
            while read < MOST_ANSWER {
                match wire.read(&mut buffer).await {
                    Ok(0) => break,
                    Ok(count) => read += count,
                    Err(error) => return Err(CopyFailed::Broken(error)),
                }
            }
            Ok(())
        };
        timeout(within, exchange).await.unwrap_or(Err(CopyFailed::TimedOut))
    }
}
