//! What a route does with its requests besides sending them on, compiled.

use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_ENCODING, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use ostia_config::handling::OwnAnswer;
use ostia_extension::{Extension, RequestView};
use ostia_request::Body;

use crate::answer::{Answer, Refusal};
use crate::builtin::{self, rate_limit::RateLimiter};
use crate::exchange::Exchange;
use crate::fill;
use crate::rewrite::Rewrite;
use crate::stage::receive::Arrived;

/// The level of Pingora's compression: fast, and most of what there is to gain.
const COMPRESSION_LEVEL: u32 = 3;

/// What a route does with its requests besides sending them on.
pub struct RouteHandling {
    /// Its keys that are extensions.
    pub(crate) extensions: Box<[Arc<dyn Extension>]>,
    pub(crate) limiter: Option<Arc<RateLimiter>>,
    answer: Option<OwnAnswer>,
    rewrite: Option<Rewrite>,
    is_compressed: bool,
    /// A form that is posted without a session is kept over the login.
    pub(crate) keeps_forms: bool,
    /// The most bytes of a body, beside what the listener takes.
    pub(crate) body_bytes: Option<u64>,
}

impl RouteHandling {
    /// Compiles it. `before`: what the running configuration has for the same route; an equal limit goes on counting.
    #[must_use]
    pub(crate) fn new(section: &ostia_config::handling::Handling, before: Option<&Self>) -> Self {
        let limiter = section.rate_limit.as_ref().map(|limit| {
            let known = before.and_then(|before| before.limiter.as_ref());
            let known = known.filter(|known| known.section == *limit).cloned();
            known.unwrap_or_else(|| Arc::new(RateLimiter::new(limit)))
        });
        Self {
            extensions: builtin::of_route(section, limiter.as_ref()),
            limiter,
            answer: section.answer.clone(),
            rewrite: Rewrite::new(section),
            is_compressed: section.compression,
            keeps_forms: section.keep_form,
            body_bytes: section.body_bytes,
        }
    }

    /// The level at which the answer may be compressed: where the route asks for it and the client takes it.
    #[must_use]
    pub(crate) fn compression_level(&self, headers: &HeaderMap) -> Option<u32> {
        (self.is_compressed && takes_codings(headers)).then_some(COMPRESSION_LEVEL)
    }

    /// Path and query for the upstream; `None`: as they came.
    ///
    /// # Errors
    /// The answer to a path that readers do not agree about.
    pub(crate) fn target(
        &self,
        arrived: &Arrived<'_>,
        exchange: &Exchange,
    ) -> Result<Option<String>, Answer> {
        let Some(rewrite) = &self.rewrite else { return Ok(arrived.examined.rewritten_target()) };
        let target = rewrite.target(&arrived.examined).map_err(|_| {
            let refusal = Refusal::new(
                StatusCode::BAD_REQUEST,
                "prefix_unclear",
                "The path can be read in more than one way",
            )
            .advise("Its readings do not all begin with the prefix that is cut off here, so the request is refused.");
            refuse(&refusal, arrived, exchange)
        })?;
        Ok(target.or_else(|| arrived.examined.rewritten_target()))
    }

    /// Refuses a body that is announced as larger than the route takes.
    ///
    /// # Errors
    /// 413.
    pub(crate) fn check_length(&self, arrived: &Arrived<'_>, exchange: &Exchange) -> Result<(), Answer> {
        match (arrived.examined.body(), self.body_bytes) {
            (Body::Length(length), Some(most)) if length > most => Err(refuse(
                &Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    "The request's body is too large",
                ),
                arrived,
                exchange,
            )),
            _ => Ok(()),
        }
    }

    /// What the route answers itself.
    #[must_use]
    pub(crate) fn own_answer(&self, arrived: &Arrived<'_>, exchange: &Exchange) -> Option<Answer> {
        match self.answer.as_ref()? {
            OwnAnswer::Respond { status, body } if body.is_empty() => Some(Answer::empty(*status, "respond")),
            OwnAnswer::Respond { status, body } => {
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                Some(Answer::text(*status, "respond", plain, body.clone().into_bytes()))
            }
            OwnAnswer::Redirect { to, status } => {
                let examined = &arrived.examined;
                let view = RequestView::new(
                    &arrived.request.method,
                    examined.path(),
                    &arrived.request.headers,
                    None,
                )
                .with_query(examined.query())
                .with_route(examined.host().name(), "");
                let location = fill::text(to, &view).and_then(|text| HeaderValue::from_str(&text).ok());
                Some(match location {
                    Some(location) => Answer::redirect(*status, "redirect", location),
                    None => {
                        let title = "The address is too long to lead on";
                        refuse(
                            &Refusal::new(StatusCode::URI_TOO_LONG, "redirect_too_long", title),
                            arrived,
                            exchange,
                        )
                    }
                })
            }
        }
    }
}

/// Whether the answer may be coded: every coding that the client lists may be used, and it asks neither for a part of a
/// whole nor for a stream of events, which would wait in the compressor. Pingora takes the first coding of the list whatever
/// its weight, so a list with something refused in it (`q=0`, RFC 9110 section 12.4.2) or unusual is answered plainly.
fn takes_codings(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(ACCEPT_ENCODING).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return false };
    let is_stream =
        |accepts: &HeaderValue| accepts.to_str().is_ok_and(|text| text.contains("text/event-stream"));
    if headers.contains_key(RANGE) || headers.get_all(ACCEPT).iter().any(is_stream) {
        return false;
    }
    let is_usual = |item: &str| {
        let (coding, weight) = match item.split_once(';') {
            Some((coding, weight)) => (coding.trim(), Some(weight.trim())),
            None => (item, None),
        };
        let is_name =
            !coding.is_empty() && coding.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let weight =
            weight.map(|weight| weight.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()));
        is_name && weight.is_none_or(|weight| weight.is_some_and(|weight| weight > 0.0 && weight <= 1.0))
    };
    field.to_str().is_ok_and(|list| list.split(',').map(str::trim).all(is_usual))
}

fn refuse(refusal: &Refusal<'_>, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    Answer::refuse(refusal, arrived.reader(), &exchange.snapshot.pages, exchange.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_usual_list_of_codings_is_taken_at_its_word() {
        for (field, takes) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, gzip; q=0.5", true),
            ("", false),
            ("gzip;q=0", false),
            ("br, gzip;q=0.000", false),
            ("*", false),
            ("gzip;q=2", false),
            ("gzip;x=1", false),
            ("gzip,,br", false),
            ("g\"zip", false),
        ] {
            let headers: HeaderMap =
                [(ACCEPT_ENCODING, HeaderValue::from_static(field))].into_iter().collect();
            assert_eq!(takes_codings(&headers), takes, "{field}");
        }
        assert!(!takes_codings(&HeaderMap::new()));
        for (name, value) in [(RANGE, "bytes=0-1"), (ACCEPT, "text/event-stream")] {
            let headers: HeaderMap = [(ACCEPT_ENCODING, "gzip"), (name, value)]
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .into_iter()
                .collect();
            assert!(!takes_codings(&headers), "{value}");
        }
    }
}
