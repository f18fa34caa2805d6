//! The login session: sealed cookies, key ring, lifetimes.
//!
//! A [`Session`] lives in the browser, sealed with a key that only the nodes have: any node with the same key file opens
//! it, and nothing is stored. [`SessionCookies`] turns a request's cookies into a session and a session into
//! `Set-Cookie` fields. By choice it lives in a store that nodes share, and its cookie holds a [`Ticket`].
//!
//! [`FlowCookies`] does the same for sign-ins in progress: any node ends what another one began.
//!
//! Whatever does not open to the last bit is no session: a flipped bit, a missing chunk, chunks of two sessions, a
//! cookie of another host, of another name, or of a provider that has another issuer or client now.
//!
//! [`EndedSessions`] remembers what was signed out before its cookie ended.
//!
//! This crate knows neither sockets nor the OpenID protocol; `now` and the host come in as arguments. Random bytes come
//! from aws-lc-rs, because a nonce that a caller chooses is a nonce that a caller repeats.

mod chunk;
mod cookie;
mod ended;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), expect(dead_code, reason = "the fuzz targets take a part of it"))]
mod fixture;
mod flow;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod key_ring;
mod local_refreshes;
mod names;
mod random;
mod realm;
mod record;
mod refresh_entry;
mod refresh_flight;
mod return_path;
mod rounds;
mod seal;
mod server_cookie;
mod session;
mod set_cookie;
mod slot;
mod state;
mod store;
mod stored;
mod ticket;
mod token;

pub use chunk::Presented;
pub use cookie::{
    Dropped, Opened, OpenedSession, SealRefused, SealedSession, SessionCookies, SessionRefused,
};
pub use ended::{Ended, EndedFile, EndedFileRefused, EndedSessions, Ending, Mark, Marks};
pub use flow::{Flow, FlowCookies, FlowRefused, OpenedFlow, Started};
pub use key_ring::{KEY_BYTES, KeyId, KeyRing, KeyRingRefused, MAX_KEYS};
pub use local_refreshes::LocalRefreshes;
pub use names::CookieNameRefused;
pub use random::{NoRandomness, random_bytes};
pub use refresh_entry::{Current, Holder, RefreshEntry, Taken};
pub use refresh_flight::{Ask, Came, Outcome, Presented as ProviderAnswer, RefreshFlight};
pub use return_path::{MAX_RETURN_PATH_BYTES, is_return_path};
pub use seal::OpenRefused;
pub use server_cookie::{ServerCookies, ServerTicket};
pub use session::{Grant, Lifetimes, Liveness, Session, SessionId, SignedIn};
pub use slot::{SessionPlace, SessionSlot};
pub use state::Destination;
pub use store::{
    Channel, OnEnding, RefreshAttempt, SharedStore, StoreFailed, StoreKind, StoreRefused, StoreSettings,
    StoreTaken,
};
pub use ticket::{OpenedTicket, Ticket};
pub use token::Token;
