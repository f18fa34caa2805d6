//! `/.well-known/acme-challenge/…`: what an authority asks for before it issues a certificate (RFC 8555 section 8.3).

use http::StatusCode;
use ostia_listener::acme::http_answer;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::stage::receive::Arrived;

const PREFIX: &str = "/.well-known/acme-challenge/";

/// The answer of this node or of one that shares its folder. `None` where `acme` is not used or the token is not ours:
/// applications have challenges of their own.
#[must_use]
pub(crate) fn answer(arrived: &Arrived<'_>, exchange: &Exchange) -> Option<Answer> {
    let folders = &exchange.snapshot.acme_folders;
    if folders.is_empty() {
        return None;
    }
    let token = arrived.examined.path().strip_prefix(PREFIX)?;
    let answer = folders.iter().find_map(|folder| http_answer(folder, token))?;
    Some(Answer::octets(StatusCode::OK, "acme_challenge", answer))
}
