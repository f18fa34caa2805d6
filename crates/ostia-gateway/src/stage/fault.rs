//! Faults on purpose (`insecure_faults`), for tests of what stands around Ostia.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use pingora_error::{Error, ErrorType, Result};

use crate::exchange::Exchange;
use crate::stage::authorize::Authorized;

/// Delays or refuses a share of the requests of an upstream that asks for it.
///
/// # Errors
/// The status of an `abort`.
pub async fn befall(authorized: &Authorized, exchange: &mut Exchange) -> Result<()> {
    let Some(faults) = &authorized.group().config().insecure_faults else { return Ok(()) };
    if is_hit(faults.delay) {
        tokio::time::sleep(faults.delay_time).await;
    }
    if is_hit(faults.abort) {
        exchange.outcome.fault = Some(faults.status);
        return Error::e_explain(ErrorType::HTTPStatus(faults.status), "a fault on purpose");
    }
    Ok(())
}

/// Whether chance, in the range of 0 to 1, hits this time.
pub(crate) fn is_hit(share: f64) -> bool {
    share > 0.0 && chance() < share
}

/// A cheap random number from 0 to 1 (xorshift64*); nothing secret rests on it.
fn chance() -> f64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_hits_as_often_as_it_says() {
        assert_eq!((0..1000).filter(|_| is_hit(0.0)).count(), 0);
        assert_eq!((0..1000).filter(|_| is_hit(1.0)).count(), 1000);
        let hits = (0..100_000).filter(|_| is_hit(0.25)).count();
        assert!((24_000..=26_000).contains(&hits), "{hits}");
    }
}
