//! Ostia's own paths, on every host: nothing under `/.ostia/` ever reaches an upstream.

pub(crate) mod acme;
pub(crate) mod back_channel;
pub(crate) mod callback;
mod form_post;
mod front_channel;
pub(crate) mod https;
mod initiate_login;
pub(crate) mod keys;
mod login;
pub(crate) mod logout;
pub(crate) mod posted;
mod signed_out;
pub(crate) mod verify;
mod whoami;

use http::{Method, StatusCode};
use ostia_request::is_form;

use self::posted::BodyRefused;
use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::kept_form;
use crate::proxy::Front;
use crate::stage::kept::Kept;
use crate::stage::receive::Arrived;

/// The longest form of a browser that is read: a code, a state, an issuer.
pub(crate) const MOST_FORM_BYTES: usize = 16 * 1024;

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
    /// Another site starts a sign-in.
    InitiateLogin,
    /// Posts a form that was kept over a sign-in.
    Resend,
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
            Some("/initiate-login") => Some(Self::InitiateLogin),
            Some("/resend") => Some(Self::Resend),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(Self::Unknown),
            _ if arrived.examined.is_plain() => None,
            _ => reads_as_own(arrived).then_some(Self::Unknown),
        }
    }

    /// Whether it waits for the body of this request: a form.
    #[must_use]
    pub(crate) fn takes_form(self, arrived: &Arrived<'_>) -> bool {
        matches!(self, Self::Callback | Self::InitiateLogin)
            && arrived.request.method == Method::POST
            && is_form(&arrived.request.headers)
    }

    /// The answer to a form.
    pub(crate) async fn answer_form(
        self,
        front: &Front,
        kept: &Kept,
        exchange: &mut Exchange,
        form: Result<String, BodyRefused>,
    ) -> Answer {
        let Some(arrived) = kept.arrived() else {
            return Answer::empty(StatusCode::BAD_REQUEST, "bad_request");
        };
        match (form, self) {
            (Err(refused), _) => refuse(&arrived, exchange, refused.refusal()),
            (Ok(form), Self::Callback) => callback::form(front, &arrived, exchange, &form).await,
            (Ok(form), _) => initiate_login::initiate(front, &arrived, exchange, &form).await,
        }
    }

    /// The answer.
    pub(crate) async fn answer(
        self,
        front: &Front,
        arrived: &Arrived<'_>,
        exchange: &mut Exchange,
    ) -> Answer {
        let query = arrived.examined.query().unwrap_or_default();
        match self {
            Self::Callback => callback::address(front, arrived, exchange, query).await,
            Self::InitiateLogin => initiate_login::initiate(front, arrived, exchange, query).await,
            Self::Resend => resend(arrived, exchange, query),
            Self::Login => login::login(front, arrived, exchange).await,
            Self::Logout => logout::logout(front, arrived, exchange).await,
            Self::FrontChannel => front_channel::logout(front, arrived, exchange),
            Self::SignedOut => signed_out::page(front, arrived, exchange).await,
            Self::Whoami => whoami::whoami(front, arrived, exchange).await,
            // The letter of the back channel is in the body: `admit` has it read.
            Self::BackChannel | Self::Unknown => not_found(arrived, exchange),
        }
    }
}

/// Posts again where some route of this host keeps forms.
fn resend(arrived: &Arrived<'_>, exchange: &Exchange, query: &str) -> Answer {
    let keeps = exchange.snapshot.routes.iter().any(|route| route.handling.keeps_forms);
    match callback::single(query, "to").filter(|to| keeps && ostia_session::is_return_path(to)) {
        Some(target) => kept_form::resend(&target),
        None => not_found(arrived, exchange),
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
