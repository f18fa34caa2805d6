//! `retry`: when a request is tried at another server.

use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::scalar::{RetryCause, Share};
use crate::upstream::{OnError, Retry};
use crate::value::{Bytes, FromText};

/// What Pingora keeps of a request body at most.
const MOST_BODY: u64 = 64 * 1024;

static SHARE: Grammar = <Share as FromText>::GRAMMAR;
static CAUSE: Grammar = <RetryCause as FromText>::GRAMMAR;

pub(crate) static RETRY: Section = Section {
    title: "`upstreams.*.retry`",
    doc: "Trying another server, each time one that was not tried. Only where nothing was sent, or the request is \
          idempotent (RFC 9110 section 9.2.2) and no byte of an answer reached the client. The number of attempts \
          stands in the access log; servers are not told.",
    keys: &[
        Key::new("attempts", Shape::Integer { min: 0, max: 5 }, "Attempts after the first.").default("1"),
        Key::new(
            "on_error",
            Shape::List(&Shape::Text(&CAUSE)),
            "What another server is tried for: `connect` (no connection, so nothing was sent: any request), `reset` \
             (broken off before the answer), `timeout` (`first_byte` passed), and statuses of 400 to 599.",
        )
        .default("[connect, reset]")
        .example("retry: { on_error: [connect, reset, \"503\"] }"),
        Key::new(
            "budget",
            Shape::Text(&SHARE),
            "Retries are at most this share of the upstream's requests of the last 10 s (but three are always allowed, \
             unless it is `0%`), so that they never multiply the load of a group that is failing.",
        )
        .default("20%"),
        Key::new(
            "per_try_timeout",
            Shape::millis(10, 3_600_000),
            "A try whose answer does not begin within this time is given up for another server, where `attempts` are \
             left and the request is idempotent. The last try has `first_byte`.",
        )
        .absent("every try has `first_byte`"),
        Key::new(
            "body_bytes",
            Shape::Size { min: 0, max: MOST_BODY },
            "How much of an idempotent request's body is kept for another try; one with more is sent once.",
        )
        .default("64KiB"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Retry {
    let causes: Vec<RetryCause> = fields.get("on_error");
    let mut on_error = OnError::default();
    for cause in causes {
        match cause {
            RetryCause::Connect => on_error.connect = true,
            RetryCause::Reset => on_error.reset = true,
            RetryCause::Timeout => on_error.timeout = true,
            RetryCause::Status(status) => on_error.statuses.push(status),
        }
    }
    let (Share(budget), Bytes(body_bytes)) = (fields.get("budget"), fields.get("body_bytes"));
    Retry {
        attempts: fields.get("attempts"),
        on_error,
        budget,
        per_try_timeout: fields.optional("per_try_timeout"),
        body_bytes,
    }
}
