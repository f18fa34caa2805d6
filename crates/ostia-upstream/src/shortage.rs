//! Want of descriptors, ports or memory: no connection can be made, which says nothing about the server.

use std::error::Error as StdError;
use std::io;

use pingora_error::Error;

/// Whether a connection failed for want of what this machine has to give. Nobody else is at fault, and another server
/// would not be reached either.
#[must_use]
pub fn is_own_shortage(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error.root_cause());
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(is_shortage) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL)
    )
}

#[cfg(test)]
mod tests {
    use pingora_error::ErrorType;

    use super::*;
    use crate::wire::DialFailed;

    #[test]
    fn want_of_descriptors_or_ports_is_ours_and_a_refusal_is_the_servers() {
        for (code, is_ours) in [
            (libc::EMFILE, true),
            (libc::ENFILE, true),
            (libc::EADDRNOTAVAIL, true),
            (libc::ECONNREFUSED, false),
            (libc::ECONNRESET, false),
            (libc::ENETUNREACH, false),
        ] {
            let failed = || io::Error::from_raw_os_error(code);
            let ours = Box::<Error>::from(DialFailed::of_connect(failed()));
            assert_eq!(is_own_shortage(&ours), is_ours, "{code} from our own dial");
            let inner = Error::because(ErrorType::SocketError, "a socket", failed());
            let pingoras = Error::because(ErrorType::InternalError, "connecting", inner);
            assert_eq!(is_own_shortage(&pingoras), is_ours, "{code} from Pingora's");
        }
        assert!(!is_own_shortage(&Error::new(ErrorType::ConnectError)), "without a cause");
    }
}
