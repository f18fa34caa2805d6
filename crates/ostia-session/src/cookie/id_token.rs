//! The ID token of a session: a hint for the provider's logout, in a cookie of its own.

use zeroize::Zeroizing;

use super::{SealRefused, SealedSession, SessionCookies, not_sealed};
use crate::chunk::{self, Gathered, NotWritten, Place, Presented};
use crate::names::ID_TOKEN_CHUNKS;
use crate::seal::{self, Binding, Purpose};
use crate::session::SessionId;
use crate::set_cookie::{Attributes, OWN_ENDPOINTS};
use crate::slot::{SessionPlace, SessionSlot};
use crate::token::Token;

impl SessionCookies {
    /// The ID token of a session. Only requests under `/.ostia/` carry it. That of another session is none.
    ///
    /// A session that moved into a slot of its own, because its host signs people in at several providers since, may
    /// have left its token with the plain name.
    pub fn id_token<'a, 'p>(
        &self,
        cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])> + Clone,
        place: impl Into<SessionPlace<'p>>,
        session: SessionId,
    ) -> Option<Token> {
        let place = place.into();
        let plain = SessionPlace { slot: SessionSlot::ONLY, ..place };
        let here = self.id_token_in(cookies.clone(), place, session);
        here.or_else(|| self.id_token_in(cookies, plain, session))
    }

    fn id_token_in<'a>(
        &self,
        cookies: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        place: SessionPlace<'_>,
        session: SessionId,
    ) -> Option<Token> {
        let name = self.names.id_token_in(place.slot);
        let mut chunks = Gathered::<ID_TOKEN_CHUNKS>::NONE;
        cookies.into_iter().for_each(|(candidate, value)| chunks.offer(&name, candidate, value));
        let mut sealed = chunks.sealed().ok()?;
        let plain = seal::open(&self.ring, bound(&name, place.host), &mut sealed).ok()?;
        let (of_session, token) = plain.text.split_first_chunk()?;
        if *of_session != session.0 {
            return None;
        }
        Token::from_kept(token)
    }

    pub(super) fn seal_id_token(
        &self,
        session: SessionId,
        token: &Token,
        place: SessionPlace<'_>,
        attributes: Attributes,
        to: &mut SealedSession,
    ) -> Result<(), SealRefused> {
        let text = Zeroizing::new([session.0.as_slice(), token.kept()].concat());
        let name = self.names.id_token_in(place.slot);
        let attributes = Attributes { path: OWN_ENDPOINTS, ..attributes };
        let place = Place { binding: bound(&name, place.host), limit: ID_TOKEN_CHUNKS, attributes };
        match chunk::write(&self.ring, place, &text, Presented::ALL, &mut to.set_cookies) {
            Err(NotWritten::TooLarge(_)) => {
                to.dropped.id_token = true;
                Ok(())
            }
            written => written.map_err(not_sealed),
        }
    }
}

fn bound<'a>(name: &'a str, host: &'a str) -> Binding<'a> {
    Binding { purpose: Purpose::IdToken, name, host }
}
