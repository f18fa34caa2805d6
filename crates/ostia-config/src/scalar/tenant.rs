//! The name of a tenant, as the claim `tid` says it.

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// A tenant's GUID, in lower case as tokens have it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantId(pub(crate) String);

impl FromText for TenantId {
    const GRAMMAR: Grammar = Grammar {
        name: "the GUID of a tenant",
        pattern: "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
    };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !hex || lengths != [8, 4, 4, 4, 12] {
            return Err(Wrong::new("is not the GUID of a tenant")
                .help("as in `11111111-2222-3333-4444-555555555555`; a domain name will not do, tokens have the GUID"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}
