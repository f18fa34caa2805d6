//! Whether the engine took a request over, or refused it by itself.
//!
//! Pingora answers some heads with 400 before it asks the application anything: two hosts, a length that is no
//! number. No hook runs, so nobody would count or log them. The application says when it begins ([`request_begins`]);
//! a request that ends without that was refused by the engine.

use std::cell::Cell;
use std::future::Future;

tokio::task_local! {
    static BEGAN: Cell<bool>;
}

/// Says that the request path has the request that this task works on. Call it where Pingora asks for a context;
/// elsewhere it does nothing.
pub fn request_begins() {
    let _ = BEGAN.try_with(|began| began.set(true));
}

/// Runs the engine on one request; whether the request path saw it.
pub(crate) async fn run<T>(request: impl Future<Output = T>) -> (T, bool) {
    let watched = async {
        let outcome = request.await;
        (outcome, BEGAN.with(Cell::get))
    };
    BEGAN.scope(Cell::new(false), watched).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_request_that_the_application_took_over_has_begun() {
        let (answer, began) = run(async { 1 }).await;
        assert_eq!((answer, began), (1, false));
        let (answer, began) = run(async {
            tokio::task::yield_now().await;
            request_begins();
            2
        })
        .await;
        assert_eq!((answer, began), (2, true));
        // Elsewhere it does nothing.
        request_begins();
        assert!(!run(async {}).await.1);
    }
}
