//! Random bytes from the operating system, by way of aws-lc-rs.

use aws_lc_rs::rand;

/// The system gave no random bytes; nothing can be sealed or begun without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// `N` bytes nobody can guess.
///
/// # Errors
/// [`NoRandomness`], which aws-lc-rs reports in theory only.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
