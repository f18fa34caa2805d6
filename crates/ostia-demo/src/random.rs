//! Secrets and identifiers from the operating system.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::Generate;

/// `N` random bytes as base64url: 16 for an identifier, 32 for a secret.
pub(crate) fn text<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(<[u8; N]>::generate())
}
