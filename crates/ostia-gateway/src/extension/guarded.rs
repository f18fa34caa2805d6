//! Code of others, called so that a panic or an endless wait costs one request and not the process.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;

/// How an extension failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It panicked.
    Panicked,
    /// It took longer than its deadline.
    TimedOut,
}

impl Failed {
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Panicked => "extension_panicked",
            Self::TimedOut => "extension_timed_out",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Calls. What the code had in hand when it panicked is thrown away with the request.
pub(crate) fn call<T>(code: impl FnOnce() -> T) -> Result<T, Failed> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| Failed::Panicked)
}

/// Waits, no longer than `deadline`.
pub(crate) async fn wait<T>(deadline: Duration, code: impl Future<Output = T>) -> Result<T, Failed> {
    let mut code = pin!(code);
    let guarded = poll_fn(|context| match call(|| code.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(failed) => Poll::Ready(Err(failed)),
    });
    tokio::time::timeout(deadline, guarded).await.unwrap_or(Err(Failed::TimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panic_and_endless_wait_are_failures_of_one_call() {
        let silent = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let zero = std::hint::black_box(0);
        let panicked = [call(|| 1 / zero), wait(Duration::from_secs(5), async { 1 / zero }).await];
        std::panic::set_hook(silent);
        assert_eq!(panicked, [Err(Failed::Panicked); 2]);
        assert_eq!(
            wait(Duration::from_millis(1), std::future::pending::<i32>()).await,
            Err(Failed::TimedOut)
        );
        assert_eq!((call(|| 1), wait(Duration::from_secs(5), async { 2 }).await), (Ok(1), Ok(2)));
    }
}
