//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// Probes until the answer is `Some`, and returns it.
///
/// # Panics
/// When `deadline` has passed; the message names `what`.
pub async fn eventually<T>(what: &str, deadline: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(started.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
