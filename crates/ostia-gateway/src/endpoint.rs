//! Ostia's own paths, on every host: nothing under `/.ostia/` ever reaches an upstream.

pub(crate) mod acme;
pub(crate) mod back_channel;
mod callback;
mod front_channel;
pub(crate) mod https;
pub(crate) mod keys;
mod login;
mod logout;
mod signed_out;
pub(crate) mod verify;
mod whoami;

use http::StatusCode;

use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::stage::receive::Arrived;

/// The folder of Ostia's own paths.
const FOLDER: &str = "/.ostia";

/// One of Ostia's own paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// The provider sends the browser back here.
    Callback,
    /// Starts a sign-in.
    Login,
    /// Signs out.
    Logout,
    /// The issuer ends sessions by a logout token.
    BackChannel,
    /// The issuer ends a session through a frame.
    FrontChannel,
    /// The page after signing out.
    SignedOut,
    /// Who the session says the caller is.
    Whoami,
    /// Nothing is there.
    Unknown,
}

impl Own {
    /// The own path that a request asks for, if it is one. Every usual reading counts, so that no spelling of the
    /// folder reaches an upstream.
    #[must_use]
    pub(crate) fn of(arrived: &Arrived<'_>) -> Option<Self> {
        let path = arrived.examined.path();
        match path.strip_prefix(FOLDER) {
            Some("/callback") => Some(Self::Callback),
            Some(rest) if rest.starts_with("/callback/") => Some(Self::Callback),
            Some("/login") => Some(Self::Login),
            Some("/logout") => Some(Self::Logout),
            Some("/back-channel-logout") => Some(Self::BackChannel),
            Some("/front-channel-logout") => Some(Self::FrontChannel),
            Some("/signed-out") => Some(Self::SignedOut),
            Some("/whoami") => Some(Self::Whoami),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(Self::Unknown),
            _ if arrived.examined.is_plain() => None,
            _ => reads_as_own(arrived).then_some(Self::Unknown),
        }
    }

    /// The answer.
    pub(crate) async fn answer(
        self,
        front: &Front,
        arrived: &Arrived<'_>,
        exchange: &mut Exchange,
    ) -> Answer {
        match self {
            Self::Callback => callback::callback(front, arrived, exchange).await,
            Self::Login => login::login(front, arrived, exchange).await,
            Self::Logout => logout::logout(front, arrived, exchange).await,
            Self::FrontChannel => front_channel::logout(front, arrived, exchange),
            Self::SignedOut => signed_out::page(exchange),
            Self::Whoami => whoami::whoami(front, arrived, exchange).await,
            // The letter of the back channel is in the body: `admit` has it read.
            Self::BackChannel | Self::Unknown => not_found(arrived, exchange),
        }
    }
}

fn reads_as_own(arrived: &Arrived<'_>) -> bool {
    let Ok(readings) = arrived.examined.readings() else { return false };
    readings.iter().any(|reading| {
        let bytes: &[u8] = &reading.bytes;
        bytes.get(..FOLDER.len()).is_some_and(|start| start.eq_ignore_ascii_case(FOLDER.as_bytes()))
            && matches!(bytes.get(FOLDER.len()), None | Some(b'/'))
    })
}

fn not_found(arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    refuse(
        arrived,
        exchange,
        Refusal::new(StatusCode::NOT_FOUND, "no_own_path", "There is nothing at this address"),
    )
}

fn refuse(arrived: &Arrived<'_>, exchange: &Exchange, refusal: Refusal<'_>) -> Answer {
    Answer::refuse(&refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}
