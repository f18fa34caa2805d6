//! `/.ostia/verify`: the decision for a proxy that stands in front and asks before it forwards by itself.
//!
//! NGINX (`auth_request`) tells the original request in `X-Original-URI` and `X-Original-Method` and understands 2xx, 401
//! and 403 only. Traefik and Caddy tell it in `X-Forwarded-Uri` and `X-Forwarded-Method` and hand any other answer to the
//! client. Envoy (`ext_authz` over HTTP) sends its method and puts its path behind ours. All this is believed from trusted
//! peers alone: whoever could tell us another path than the one that is served would choose the policy.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use ostia_request::{Head, is_navigation};
use pingora_http::RequestHeader;

use super::{Own, refuse};
use crate::admit;
use crate::answer::{Answer, Refusal};
use crate::exchange::{AskedAbout, Exchange};
use crate::extension::FieldEdit;
use crate::proxy::Front;
use crate::sign_in;
use crate::stage::authorize::Authorized;
use crate::stage::receive::Arrived;

const PATH: &str = "/.ostia/verify";
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const X_FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields of the question itself, or of its hop: not of the request that is asked about.
const OF_THE_QUESTION: [HeaderName; 14] = [
    X_ORIGINAL_METHOD,
    X_ORIGINAL_URI,
    X_FORWARDED_METHOD,
    X_FORWARDED_URI,
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("http2-settings"),
];

/// The request that a proxy asks about, as it tells it; not believed yet.
pub(crate) struct Asked {
    told: Result<Told, &'static str>,
}

struct Told {
    style: Style,
    method: Vec<u8>,
    target: Vec<u8>,
    /// `None`: the host of the question itself.
    host: Option<HeaderValue>,
}

/// The request that is asked about, put together.
struct Original {
    style: Style,
    request: RequestHeader,
    /// Whether a person waits for it.
    navigates: bool,
}

/// What the one who asks does with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Knows 2xx, 401 and 403.
    Statuses,
    /// Hands whatever is not 2xx to the client.
    Answers,
}

impl Asked {
    /// What is asked, if this is a question. Read before our own fields are removed from the request.
    #[must_use]
    pub(crate) fn of(request: &RequestHeader) -> Option<Self> {
        let rest = request.raw_path().strip_prefix(PATH.as_bytes())?;
        match rest.first() {
            None | Some(b'?') => Some(Self { told: told(&request.headers) }),
            Some(b'/') => {
                let method = request.method.as_str().as_bytes().to_vec();
                let target = rest.to_vec();
                Some(Self { told: Ok(Told { style: Style::Answers, method, target, host: None }) })
            }
            Some(_) => None,
        }
    }

    /// The answer.
    pub(crate) async fn answer(
        self,
        front: &Front,
        question: &Arrived<'_>,
        exchange: &mut Exchange,
    ) -> Answer {
        if !question.peer_is_trusted {
            let refusal =
                Refusal::new(StatusCode::FORBIDDEN, "verify_not_trusted", "Only known proxies may ask this")
                    .advise(
                        "The operator can list the proxy's address in `trusted_proxies` of the listener.",
                    );
            return refuse(question, exchange, refusal);
        }
        match self.told.and_then(|told| told.request(question)) {
            Ok(original) => verify(&original, front, question, exchange).await,
            Err(advice) => {
                let title = "The question cannot be understood";
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, "verify_unclear", title).advise(advice);
                refuse(question, exchange, refusal)
            }
        }
    }
}

/// One family of fields and each field of it once: of two, one is the client's own.
fn told(headers: &HeaderMap) -> Result<Told, &'static str> {
    let once = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (_, Some(_)) => Err("A field that tells the original request is there twice."),
            (value, None) => Ok(value),
        }
    };
    let of_x = (once(&X_ORIGINAL_METHOD)?, once(&X_ORIGINAL_URI)?);
    let of_forwarded = (once(&X_FORWARDED_METHOD)?, once(&X_FORWARDED_URI)?);
    let bytes = |value: &HeaderValue| value.as_bytes().to_vec();
    match (of_x, of_forwarded) {
        ((Some(method), Some(uri)), (None, None)) => {
            Ok(Told { style: Style::Statuses, method: bytes(method), target: bytes(uri), host: None })
        }
        ((None, None), (Some(method), Some(uri))) => Ok(Told {
            style: Style::Answers,
            method: bytes(method),
            target: bytes(uri),
            host: once(&X_FORWARDED_HOST)?.cloned(),
        }),
        ((None, None), _) | (_, (None, None)) => Err(
            "The proxy must set both X-Original-Method and X-Original-URI, or both X-Forwarded-Method and X-Forwarded-Uri.",
        ),
        _ => Err(
            "X-Original-* and X-Forwarded-* are both there: the proxy must remove those that it does not set.",
        ),
    }
}

impl Told {
    /// The request that is asked about: what was told, with the fields of the question.
    fn request(&self, question: &Arrived<'_>) -> Result<Original, &'static str> {
        const UNREADABLE: &str = "Method, path or host of the original request cannot be read.";
        let method = Method::from_bytes(&self.method).map_err(|_| UNREADABLE)?;
        if !self.target.starts_with(b"/") {
            return Err("The original path begins with `/`.");
        }
        let host = match &self.host {
            Some(host) => host.clone(),
            None => host_of(question).ok_or(UNREADABLE)?,
        };
        let headers = &question.request.headers;
        let mut request =
            RequestHeader::build(method, &self.target, Some(headers.len() + 1)).map_err(|_| UNREADABLE)?;
        for (name, value) in headers {
            if !OF_THE_QUESTION.contains(name) {
                request.append_header(name.clone(), value.clone()).map_err(|_| UNREADABLE)?;
            }
        }
        request.insert_header(header::HOST, host).map_err(|_| UNREADABLE)?;
        let navigates = is_navigation(&request.method, &request.headers);
        if navigates && self.style == Style::Statuses {
            // A page or a redirect would not arrive: answered as a script is.
            request.insert_header(SEC_FETCH_MODE, "cors").map_err(|_| UNREADABLE)?;
        }
        Ok(Original { style: self.style, request, navigates })
    }
}

fn host_of(question: &Arrived<'_>) -> Option<HeaderValue> {
    let field = question.request.headers.get(header::HOST).cloned();
    field.or_else(|| HeaderValue::from_str(question.request.uri.authority()?.as_str()).ok())
}

/// Examines and decides as for any other request, and tells the outcome in the style of the one who asks.
async fn verify(
    Original { style, request, navigates }: &Original,
    front: &Front,
    question: &Arrived<'_>,
    exchange: &mut Exchange,
) -> Answer {
    let head = Head {
        version: request.version,
        method: &request.method,
        target: request.raw_path(),
        authority: None,
        headers: &request.headers,
    };
    let (style, navigates) = (*style, *navigates);
    let examined = match ostia_request::examine(&head, &question.listener.head_limits) {
        Ok(examined) => examined,
        Err(found) => {
            let advice = found.to_string();
            let refusal = Refusal::new(found.status(), found.slug(), "The request cannot be understood");
            return told_in(style, refuse(question, exchange, refusal.advise(&advice)));
        }
    };
    let arrived = Arrived {
        request,
        examined,
        listener: Arc::clone(&question.listener),
        told_origin: question.told_origin.clone(),
        // The certificate of this connection is the asking proxy's own.
        client_certificate: None,
        ..*question
    };
    if Own::of(&arrived).is_some() {
        let refusal =
            Refusal::new(StatusCode::FORBIDDEN, "own_path", "This path must be sent to Ostia itself")
                .advise("Send everything under /.ostia/ to Ostia instead of asking about it.");
        return refuse(&arrived, exchange, refusal);
    }
    exchange.outcome.asked_about = Some(Box::new(AskedAbout {
        method: arrived.request.method.clone(),
        host: arrived.examined.host().name().into(),
        path: arrived.examined.path().into(),
    }));
    match admit::decide(front, &arrived, exchange).await {
        Ok(authorized) => granted(&authorized, &arrived, exchange),
        Err(answer)
            if answer.status() == StatusCode::UNAUTHORIZED && style == Style::Statuses && navigates =>
        {
            match sign_in_at(&arrived, exchange) {
                Some(location) => answer.with(header::LOCATION, location),
                None => answer,
            }
        }
        Err(answer) => told_in(style, answer),
    }
}

fn told_in(style: Style, answer: Answer) -> Answer {
    let status = answer.status();
    let known =
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || status.is_server_error();
    if style == Style::Answers || known { answer } else { answer.with_status(StatusCode::FORBIDDEN) }
}

/// Where a person signs in to come back to the original path: `auth_request` cannot hand on a redirect by itself.
fn sign_in_at(arrived: &Arrived<'_>, exchange: &Exchange) -> Option<HeaderValue> {
    exchange.outcome.route.as_ref()?.login_provider()?;
    HeaderValue::from_str(&sign_in::login_path(&sign_in::target_of(arrived))).ok()
}

/// 200 with everything that the upstream would get about the caller. A field that has nothing to say is there, too, and
/// empty: Envoy and Caddy copy only what is there, and would leave the client's own words in its place.
fn granted(authorized: &Authorized, arrived: &Arrived<'_>, exchange: &Exchange) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK, "verified");
    let host = arrived.examined.host().name();
    for (name, value) in authorized.identity_fields(host, exchange) {
        answer = answer.with(name, value);
    }
    for edit in authorized.edits() {
        if let FieldEdit::Set(name, value) = edit {
            answer = answer.with(name.clone(), value.clone());
        }
    }
    let snapshot = &exchange.snapshot;
    let of_extensions = snapshot.extensions.iter().flat_map(|running| &running.fields);
    for name in snapshot.config.identity.names().chain(of_extensions) {
        if !answer.headers().iter().any(|(said, _)| said == name) {
            answer = answer.with(name.clone(), HeaderValue::from_static(""));
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        target: &str,
        fields: &[(&'static str, &'static str)],
    ) -> Option<Result<(Style, String), &'static str>> {
        let mut request = RequestHeader::build(Method::GET, target.as_bytes(), None).unwrap();
        for (name, value) in fields {
            request.append_header(*name, *value).unwrap();
        }
        let told = Asked::of(&request)?.told;
        Some(told.map(|told| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (told.style, format!("{} {}", text(&told.method), text(&told.target)))
        }))
    }

    #[test]
    fn each_proxy_tells_the_original_request_in_its_own_way() {
        let nginx = [("x-original-method", "POST"), ("x-original-uri", "/a?b")];
        let traefik = [("x-forwarded-method", "PUT"), ("x-forwarded-uri", "/a%2Fb")];
        for (target, fields, expected) in [
            ("/.ostia/verify", &nginx[..], (Style::Statuses, "POST /a?b")),
            ("/.ostia/verify?x=1", &traefik[..], (Style::Answers, "PUT /a%2Fb")),
            ("/.ostia/verify/a/b?c", &[], (Style::Answers, "GET /a/b?c")),
            ("/.ostia/verify/", &traefik[..], (Style::Answers, "GET /")),
        ] {
            let (style, text) = expected;
            assert_eq!(asked(target, fields), Some(Ok((style, text.to_owned()))), "{target}");
        }
        for target in ["/", "/.ostia/verifyx", "/.ostia/whoami", "/x/.ostia/verify"] {
            assert_eq!(asked(target, &nginx), None, "{target}");
        }
    }

    #[test]
    fn question_that_says_too_little_or_two_things_is_refused() {
        for fields in [
            &[][..],
            &[("x-original-uri", "/a")],
            &[("x-original-method", "GET")],
            &[("x-forwarded-uri", "/a")],
            &[("x-original-method", "GET"), ("x-original-uri", "/a"), ("x-original-uri", "/b")],
            &[("x-original-method", "GET"), ("x-original-uri", "/a"), ("x-forwarded-uri", "/b")],
            &[("x-original-method", "GET"), ("x-forwarded-uri", "/a")],
            &[
                ("x-original-method", "GET"),
                ("x-original-uri", "/a"),
                ("x-forwarded-method", "GET"),
                ("x-forwarded-uri", "/a"),
            ],
        ] {
            assert!(asked("/.ostia/verify", fields).unwrap().is_err(), "{fields:?}");
        }
    }
}
