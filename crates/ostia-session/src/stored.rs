//! A session as it is landed in a store that nodes share: sealed with a key that only its cookie has.
//!
//! The key comes from the session's id, which is nowhere but in the sealed cookie: whoever reads the store, or a copy of
//! it, opens nothing.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cookie::SessionCookies;
use crate::random::random_bytes;
use crate::record::{self, Kept};
use crate::session::{Session, SessionId};
use crate::token::Token;

/// The format; the first byte of what is stored.
const VERSION: u8 = 1;

#[derive(Deserialize, Serialize)]
struct Stored<'a> {
    record: &'a [u8],
    id_token: Option<&'a [u8]>,
}

impl SessionCookies {
    /// Seals a session for the store. `None` if its provider is gone or aws-lc-rs fails.
    #[must_use]
    pub fn seal_for_store(&self, session: &Session) -> Option<Vec<u8>> {
        let realm = self.realm_of(session).ok()?;
        let record = record::encode(session, realm.id, Kept { claims: None, access_token: true })?;
        let id_token = session.id_token.as_ref().map(Token::kept);
        let text = Zeroizing::new(postcard::to_allocvec(&Stored { record: &record, id_token }).ok()?);
        let nonce: [u8; NONCE_LEN] = random_bytes().ok()?;
        let mut value = vec![VERSION];
        value.extend_from_slice(&nonce);
        let mut secret = text.to_vec();
        let key = key_of(session.id)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound(session.id), &mut secret)
            .ok()?;
        value.extend_from_slice(&secret);
        Some(value)
    }

    /// Opens what [`SessionCookies::seal_for_store`] made of this session. `None` if it is anything else.
    #[must_use]
    pub fn open_from_store(&self, id: SessionId, value: &[u8]) -> Option<Session> {
        let (&[VERSION], rest) = value.split_first_chunk::<1>()? else { return None };
        let (nonce, secret) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut secret = Zeroizing::new(secret.to_vec());
        let key = key_of(id)?;
        let text =
            key.open_in_place(Nonce::assume_unique_for_key(*nonce), bound(id), secret.as_mut_slice()).ok()?;
        let stored: Stored<'_> = postcard::from_bytes(text).ok()?;
        let mut session = record::decode(stored.record, self.realms()).ok()?;
        session.id_token = match stored.id_token {
            Some(kept) => Some(Token::from_kept(kept)?),
            None => None,
        };
        (session.id == id).then_some(session)
    }
}

fn key_of(id: SessionId) -> Option<LessSafeKey> {
    let root = Salt::new(HKDF_SHA256, b"ostia stored session 1").extract(&id.0);
    let key = root.expand(&[b"value"], &AES_256_GCM_SIV).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

fn bound(id: SessionId) -> Aad<[u8; 17]> {
    let mut bytes = [VERSION; 17];
    bytes.iter_mut().zip(id.0).for_each(|(to, from)| *to = from);
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use crate::fixture;
    use crate::{Session, SessionId, Token};

    #[test]
    fn a_stored_session_opens_with_its_own_id_alone_and_to_the_last_bit() {
        let cookies = fixture::cookies();
        let id_token = Some(Token::new(&fixture::jwt(200)));
        let session = Session { id_token, ..fixture::session() };
        let value = cookies.seal_for_store(&session).unwrap();
        assert_eq!(cookies.open_from_store(session.id, &value).as_ref(), Some(&session));
        assert_eq!(cookies.open_from_store(SessionId([7; 16]), &value), None);
        assert_eq!(cookies.open_from_store(session.id, &[]), None);
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert_eq!(cookies.open_from_store(session.id, &changed), None, "byte {at}");
            assert_eq!(cookies.open_from_store(session.id, &value[..at]), None, "{at} bytes");
        }
    }

    #[test]
    fn a_stored_session_shows_nothing_of_itself() {
        let value = fixture::cookies().seal_for_store(&fixture::session()).unwrap();
        for word in ["alice", "login.example.com", "RuYtE0yHgl0Sd8NpDzYJ3DS2M4mJ1pWvU2xjJhqdIRM"] {
            assert!(!value.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
        }
    }
}
