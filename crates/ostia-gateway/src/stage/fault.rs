//! Faults on purpose (`insecure_faults`), for tests of what stands around Ostia.

use ostia_upstream::is_hit;
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
