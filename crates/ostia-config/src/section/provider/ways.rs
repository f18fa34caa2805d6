//! How the authorization request goes out and its answer comes back.

use crate::describe::Words;
use crate::fields::Fields;
use crate::provider::{LoginWays, PushedRequests, ResponseMode};

pub(super) static RESPONSE_MODE: Words = Words { now: &["query", "form_post"], later: &["jwt"] };
pub(super) static PUSHED: Words = Words { now: &["auto", "always", "never"], later: &[] };

pub(super) fn read(fields: &Fields<'_>) -> LoginWays {
    LoginWays {
        response_mode: match fields.word("response_mode") {
            "form_post" => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        },
        pushed: match fields.word("pushed_authorization_requests") {
            "always" => PushedRequests::Always,
            "never" => PushedRequests::Never,
            _ => PushedRequests::Auto,
        },
        dpop: fields.get("dpop"),
        third_party_login: fields.get("third_party_login"),
    }
}
