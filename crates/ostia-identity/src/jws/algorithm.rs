//! The signature algorithms that are accepted, under their JOSE names.

use aws_lc_rs::digest;
use thiserror::Error;

/// A JWS signature algorithm. There is no `none` and nothing symmetric: a key of an issuer is always public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 7518 section 3.5).
    Ps256,
    /// ECDSA on P-256 with SHA-256; the signature is `r || s` (RFC 7518 section 3.4).
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes.
    Ps512,
    /// ECDSA on P-521 with SHA-512; costs twenty times as much as RS256 to check.
    Es512,
    /// Ed25519: `EdDSA` of RFC 8037 section 3.1, `Ed25519` of RFC 9864 section 2.2.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// Reads an `alg` value; names are case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES512" => Self::Es512,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// The JOSE name; `EdDSA` for both names of Ed25519.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash inside, as `at_hash` uses it (OpenID Connect Core section 3.1.3.6); SHA-512 for Ed25519.
    pub(crate) fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa => &digest::SHA512,
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// The algorithms that a provider's section allows (`signing_algorithms`). The list comes from the configuration,
/// never from a token (RFC 8725 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

/// A name that is no accepted algorithm.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA")]
pub struct UnknownAlgorithm(pub String);

impl AlgorithmSet {
    /// Everything that is supported.
    #[must_use]
    pub fn all() -> Self {
        Algorithm::ALL.into_iter().collect()
    }

    /// Reads JOSE names.
    ///
    /// # Errors
    /// The first name that is not supported.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownAlgorithm> {
        names
            .into_iter()
            .map(|name| Algorithm::from_name(name).ok_or_else(|| UnknownAlgorithm(name.to_owned())))
            .collect()
    }

    /// Whether this one is allowed.
    #[must_use]
    pub fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// The JOSE names of what is allowed.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Algorithm::ALL.into_iter().filter(move |one| self.contains(*one)).map(Algorithm::name)
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, algorithm| bits | algorithm.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_signatures_of_public_keys_are_refused() {
        for name in [
            "none", "None", "nOnE", "", "HS256", "HS512", "rs256", "RS1", "ES521", "ES256K", "Ed448",
            "RSA-OAEP", "dir",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
        assert_eq!(AlgorithmSet::from_names(["RS256", "none"]), Err(UnknownAlgorithm("none".to_owned())));
    }

    #[test]
    fn a_set_holds_what_it_was_given() {
        let set = AlgorithmSet::from_names(["ES256", "Ed25519"]).unwrap();
        let held: Vec<_> = Algorithm::ALL.into_iter().filter(|one| set.contains(*one)).collect();
        assert_eq!(held, [Algorithm::Es256, Algorithm::EdDsa]);
        assert!(AlgorithmSet::default().is_empty());
        assert!(Algorithm::ALL.into_iter().all(|one| AlgorithmSet::all().contains(one)));
        assert!(Algorithm::ALL.into_iter().all(|one| Algorithm::from_name(one.name()) == Some(one)));
    }
}
