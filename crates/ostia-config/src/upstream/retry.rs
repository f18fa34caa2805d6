//! When a request is tried at another server.

use std::time::Duration;

/// Trying another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// `attempts` after the first. Default 1, at most 5. Only where nothing was sent, or the request is idempotent
    /// and no byte of an answer came.
    pub attempts: u32,
    /// `on_error`. Default `[connect, reset]`.
    pub on_error: OnError,
    /// `budget`: retries are at most this share of the requests of the last 10 s. Default 0.2.
    pub budget: f64,
    /// `per_try_timeout`: a try that is not answered in this time is given up for another one.
    pub per_try_timeout: Option<Duration>,
    /// `body_bytes`: of the body of an idempotent request, what is kept for another try. Default and most 64 KiB.
    pub body_bytes: u64,
}

/// What another server is tried for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnError {
    /// `connect`: there was no connection, so nothing was sent: any request.
    pub connect: bool,
    /// `reset`: the connection broke before a byte of the answer: idempotent requests.
    pub reset: bool,
    /// `timeout`: `first_byte` passed: idempotent requests.
    pub timeout: bool,
    /// Statuses of 4xx and 5xx: idempotent requests.
    pub statuses: Vec<u16>,
}

impl OnError {
    /// The words in the configuration.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let named = [(self.connect, "connect"), (self.reset, "reset"), (self.timeout, "timeout")];
        let named = named.into_iter().filter(|(is_on, _)| *is_on).map(|(_, word)| word.to_owned());
        named.chain(self.statuses.iter().map(u16::to_string)).collect()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            on_error: OnError { connect: true, reset: true, ..OnError::default() },
            budget: 0.2,
            per_try_timeout: None,
            body_bytes: 64 * 1024,
        }
    }
}
