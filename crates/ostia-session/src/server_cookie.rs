//! Cookies that lead a browser back to its server (`affinity: { cookie: … }`).
//!
//! The value names the server, a random key for the ring in case the server is gone, and when it was set. It is sealed:
//! nobody learns the servers of an upstream from it, and nobody chooses one.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;

use crate::key_ring::KeyRing;
use crate::random::{NoRandomness, random_bytes};
use crate::seal::{self, Binding, OVERHEAD_BYTES, Purpose};

/// Server, key, time: eight bytes each.
const TEXT_BYTES: usize = 24;
/// The length of every value.
const VALUE_CHARACTERS: usize = (OVERHEAD_BYTES + TEXT_BYTES).div_ceil(3) * 4 - PADDING;
/// Characters of base64 that are left out at the end.
const PADDING: usize = (3 - (OVERHEAD_BYTES + TEXT_BYTES) % 3) % 3;

/// What such a cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerTicket {
    /// The server, by a number that is the same on every node.
    pub server: u64,
    /// What the ring hashes when the server is gone.
    pub key: [u8; 8],
    /// When it was set, in whole seconds: what began before a drain may go on.
    pub since: SystemTime,
}

impl ServerTicket {
    /// A ticket for a server with a fresh key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(server: u64, since: SystemTime) -> Result<Self, NoRandomness> {
        Ok(Self { server, key: random_bytes()?, since })
    }
}

/// Opens and seals these cookies. A value is bound to the cookie's name and to the upstream.
#[derive(Clone, Debug)]
pub struct ServerCookies {
    ring: Arc<KeyRing>,
}

impl ServerCookies {
    /// With the keys of the node.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring }
    }

    /// What a cookie says; `None` unless this node, or one with the same keys, set it for this upstream. About 1 µs.
    #[must_use]
    pub fn open(&self, name: &str, upstream: &str, value: &[u8]) -> Option<ServerTicket> {
        if value.len() != VALUE_CHARACTERS {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        let plain = seal::open(&self.ring, binding(name, upstream), &mut bytes).ok()?;
        let (server, rest) = plain.text.split_first_chunk()?;
        let (key, since) = rest.split_first_chunk()?;
        let since = u64::from_be_bytes(since.try_into().ok()?);
        let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since))?;
        Some(ServerTicket { server: u64::from_be_bytes(*server), key: *key, since })
    }

    /// A `Set-Cookie` field, for the time that the browser is open; `None` only if the ring has no key or the system no
    /// random bytes. `is_secure`: the client came by TLS, so the cookie need never go by anything else.
    #[must_use]
    pub fn seal(
        &self,
        name: &str,
        upstream: &str,
        ticket: ServerTicket,
        is_secure: bool,
    ) -> Option<HeaderValue> {
        let since = ticket.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = [ticket.server.to_be_bytes(), ticket.key, since.to_be_bytes()].concat();
        let nonce = random_bytes().ok()?;
        let sealed = seal::seal(&self.ring, binding(name, upstream), 1, nonce, &text)?;
        let mut field =
            format!("{name}={}; Path=/; HttpOnly; SameSite=Lax", URL_SAFE_NO_PAD.encode_to_string(&sealed));
        if is_secure {
            // Writing to a String does not fail.
            let _ = write!(field, "; Secure");
        }
        let mut field = HeaderValue::try_from(field).ok()?;
        field.set_sensitive(true);
        Some(field)
    }
}

fn binding<'a>(name: &'a str, upstream: &'a str) -> Binding<'a> {
    Binding { purpose: Purpose::Server, name, host: upstream }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn cookies(seed: u8) -> ServerCookies {
        ServerCookies::new(fixture::ring(&[seed]))
    }

    fn ticket() -> ServerTicket {
        ServerTicket::new(42, SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)).unwrap()
    }

    fn value(field: &HeaderValue) -> Vec<u8> {
        let text = field.to_str().unwrap();
        text.split(['=', ';']).nth(1).unwrap().as_bytes().to_vec()
    }

    #[test]
    fn a_cookie_opens_for_its_name_and_upstream_under_its_key_only() {
        let (ours, others, ticket) = (cookies(0), cookies(7), ticket());
        let field = ours.seal("server", "portal", ticket, true).unwrap();
        let value = value(&field);
        assert_eq!(ours.open("server", "portal", &value), Some(ticket));
        assert_eq!(ours.open("other", "portal", &value), None);
        assert_eq!(ours.open("server", "api", &value), None);
        assert_eq!(others.open("server", "portal", &value), None);
    }

    #[test]
    fn a_cookie_that_was_changed_is_none() {
        let ours = cookies(0);
        let value = value(&ours.seal("server", "portal", ticket(), false).unwrap());
        for place in 0..value.len() {
            let mut changed = value.clone();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(ours.open("server", "portal", &changed), None, "{place}");
            assert_eq!(ours.open("server", "portal", &value[..place]), None);
        }
        assert_eq!(ours.open("server", "portal", &[value, b"A".to_vec()].concat()), None);
    }

    #[test]
    fn the_field_says_secure_for_clients_that_came_by_tls() {
        for (is_secure, end) in
            [(true, "; Path=/; HttpOnly; SameSite=Lax; Secure"), (false, "; Path=/; HttpOnly; SameSite=Lax")]
        {
            let field = cookies(0).seal("server", "portal", ticket(), is_secure).unwrap();
            assert!(field.to_str().unwrap().ends_with(end));
            assert!(field.is_sensitive());
        }
    }
}
