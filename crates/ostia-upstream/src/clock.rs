//! Moments as numbers, so that atomics can hold them.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the process first asked; at least 1, so that 0 can stand for "never".
pub(crate) fn millis(at: Instant) -> u64 {
    let since = at.saturating_duration_since(*START);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Seconds since 1970.
pub(crate) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
