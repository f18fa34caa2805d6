//! The name of a gRPC service.

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// A service such as `api.v1.Orders`; nothing at all for the server as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CheckedService(pub(crate) String);

impl FromText for CheckedService {
    const GRAMMAR: Grammar =
        Grammar { name: "a gRPC service such as `api.v1.Orders`", pattern: "^[A-Za-z0-9_.]{0,200}$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let is_name = text.len() <= 200
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
        if is_name {
            return Ok(Self(text.to_owned()));
        }
        Err(Wrong::new("is no name of a gRPC service").help("package and service: `api.v1.Orders`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_a_name_or_nothing() {
        for text in ["", "Health", "api.v1.Orders"] {
            assert_eq!(CheckedService::from_text(text), Ok(CheckedService(text.to_owned())));
        }
        for text in ["/api.v1.Orders", "a b", &"x".repeat(201)] {
            assert!(CheckedService::from_text(text).is_err(), "{text}");
        }
    }
}
