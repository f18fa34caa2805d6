//! `/.well-known/ostia/…`: the public keys of signed statements, for upstreams, on every host.

use http::{HeaderValue, Method, StatusCode, header};
use ostia_config::identity::Preset;

use super::refuse;
use crate::answer::{Answer, Refusal};
use crate::exchange::Exchange;
use crate::stage::receive::Arrived;

/// The keys, if they are asked for and there are any.
pub(crate) fn answer(arrived: &Arrived<'_>, exchange: &Exchange) -> Option<Answer> {
    let path = arrived.examined.path().strip_prefix("/.well-known/")?;
    let keys = exchange.snapshot.assertions.keys()?;
    let (content_type, text) = match path {
        "ostia/jwks.json" => ("application/jwk-set+json", keys.set()),
        "pomerium/jwks.json" if exchange.snapshot.config.identity.preset == Some(Preset::Pomerium) => {
            ("application/jwk-set+json", keys.set())
        }
        _ => ("application/x-pem-file", keys.public_pem(path.strip_prefix("ostia/keys/")?)?),
    };
    if arrived.request.method != Method::GET && arrived.request.method != Method::HEAD {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Use GET here");
        return Some(
            refuse(arrived, exchange, refusal).with(header::ALLOW, HeaderValue::from_static("GET, HEAD")),
        );
    }
    let content_type = HeaderValue::from_static(content_type);
    // Read again within five minutes: a key that is added ten minutes before it signs is known everywhere by then.
    let kept = HeaderValue::from_static("public, max-age=300");
    let answer = Answer::text(StatusCode::OK, "assertion_keys", content_type, text.to_owned().into_bytes());
    Some(answer.with(header::CACHE_CONTROL, kept))
}
