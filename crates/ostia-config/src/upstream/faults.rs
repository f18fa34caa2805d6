//! Faults on purpose, for tests of what stands before or behind Ostia.

use std::time::Duration;

/// `insecure_faults` of an upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// `abort`: this share of the requests is answered by Ostia, 0 to 1. Default 0.
    pub abort: f64,
    /// `status` of such an answer. Default 503.
    pub status: u16,
    /// `delay`: this share of the requests waits before it goes on, 0 to 1. Default 0.
    pub delay: f64,
    /// `delay_time`. Default 100 ms.
    pub delay_time: Duration,
}
