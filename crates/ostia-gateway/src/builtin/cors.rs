//! `cors`: which pages of other sites may read answers, by the rules of the Fetch standard.
//!
//! A preflight of a listed origin is answered here, before anybody asks who the caller is: browsers send none of their
//! credentials with it. Everything else goes its way, and its answer gets the fields that let the page read it. An
//! origin that is not listed gets nothing, so the browser keeps the answer from it.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use ostia_extension::{Configured, Edits, Extension, Reply, RequestView, ResponseView, Verdict};
use serde::Deserialize;

/// What stands under `with`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Origins whose pages may read answers, as browsers write them; `*` for all, without credentials.
    origins: Vec<String>,
    #[serde(default = "usual_methods")]
    methods: Vec<String>,
    /// Fields that pages may send.
    #[serde(default)]
    headers: Vec<String>,
    /// Fields that pages may read.
    #[serde(default)]
    expose: Vec<String>,
    #[serde(default)]
    credentials: bool,
    /// Seconds that a browser remembers a preflight.
    #[serde(default = "ten_minutes")]
    max_age: u32,
    /// Routes that it holds for; without it all.
    #[serde(default)]
    routes: Option<Vec<String>>,
}

fn usual_methods() -> Vec<String> {
    ["GET", "HEAD", "POST"].map(str::to_owned).to_vec()
}

fn ten_minutes() -> u32 {
    u32::try_from(Duration::from_secs(600).as_secs()).unwrap_or_default()
}

/// The rules, ready to be written.
#[derive(Debug)]
pub(crate) struct Cors {
    /// `None`: every origin.
    origins: Option<Box<[String]>>,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
    routes: Option<Box<[String]>>,
}

impl Configured for Cors {
    const NAME: &'static str = "cors";
    type Config = Config;

    fn configured(config: Config) -> Result<Self, String> {
        if config.origins.is_empty() {
            return Err("`origins` is an empty list: name at least one".to_owned());
        }
        let all = config.origins.iter().any(|origin| origin == "*");
        if all && config.origins.len() > 1 {
            return Err("`*` stands beside other origins, which then decide nothing".to_owned());
        }
        if all && config.credentials {
            return Err(
                "with `credentials: true` every origin could act as the caller: list the origins".to_owned()
            );
        }
        if let Some(wrong) = config.origins.iter().find(|origin| !all && !is_origin(origin)) {
            return Err(format!(
                "`{wrong}` is no origin: scheme and host without a path, such as `https://app.example.com`"
            ));
        }
        let methods: Option<Vec<Method>> =
            config.methods.iter().map(|method| Method::from_bytes(method.as_bytes()).ok()).collect();
        let methods =
            methods.filter(|list| !list.is_empty()).ok_or("`methods` lists something that is no method")?;
        let methods: Vec<&str> = methods.iter().map(Method::as_str).collect();
        Ok(Self {
            origins: (!all).then(|| config.origins.into()),
            methods: joined(&methods)?.ok_or("`methods` is an empty list")?,
            headers: joined(&names(&config.headers)?)?,
            expose: joined(&names(&config.expose)?)?,
            credentials: config.credentials,
            max_age: HeaderValue::from(config.max_age),
            routes: config.routes.map(Vec::into),
        })
    }
}

/// `https://host` or `https://host:port`, as RFC 6454 section 6.2 writes it; nothing that a comparison could get wrong.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(is_plain)
    })
}

fn names(list: &[String]) -> Result<Vec<&str>, String> {
    let name = |text: &String| HeaderName::from_bytes(text.as_bytes()).is_ok();
    match list.iter().find(|text| !name(text)) {
        Some(wrong) => Err(format!("`{wrong}` is no field name")),
        None => Ok(list.iter().map(String::as_str).collect()),
    }
}

fn joined<T: AsRef<str>>(list: &[T]) -> Result<Option<HeaderValue>, String> {
    let text = list.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    if text.is_empty() {
        return Ok(None);
    }
    HeaderValue::from_str(&text).map(Some).map_err(|_| "a list is too long or not plain".to_owned())
}

impl Cors {
    /// The origin that may read the answer, as it is to be written.
    fn allowed(&self, request: &RequestView<'_>) -> Option<HeaderValue> {
        if self.routes.as_ref().is_some_and(|routes| !routes.iter().any(|route| route == request.route())) {
            return None;
        }
        let origin = request.header(&ORIGIN)?;
        match &self.origins {
            None => Some(HeaderValue::from_static("*")),
            Some(origins) => {
                origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
            }
        }
    }
}

impl Extension for Cors {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn on_request(&self, request: &RequestView<'_>) -> Verdict {
        let is_preflight =
            request.method() == Method::OPTIONS && request.header(&ACCESS_CONTROL_REQUEST_METHOD).is_some();
        if !is_preflight || self.allowed(request).is_none() {
            return Verdict::Continue;
        }
        let mut reply = Reply::status(StatusCode::NO_CONTENT)
            .because("cors_preflight")
            .with(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone())
            .with(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        if let Some(headers) = &self.headers {
            reply = reply.with(ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
        }
        reply.into()
    }

    fn on_response(&self, request: &RequestView<'_>, response: &ResponseView<'_>, edits: &mut Edits) {
        if self.origins.is_some() {
            // An answer for one origin must not be kept for another.
            edits.set(VARY, vary(response));
        }
        let Some(origin) = self.allowed(request) else { return };
        edits.set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            edits.set(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            edits.set(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }
}

fn vary(response: &ResponseView<'_>) -> HeaderValue {
    let fields = response.headers().filter(|(name, _)| **name == VARY);
    let mut named: Vec<&str> = fields.filter_map(|(_, value)| value.to_str().ok()).collect();
    let has = |wanted: &str| {
        named.iter().flat_map(|field| field.split(',')).any(|name| name.trim().eq_ignore_ascii_case(wanted))
    };
    if !has("origin") && !has("*") {
        named.push("Origin");
    }
    HeaderValue::from_str(&named.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("*"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use ostia_extension::Edit;
    use serde_json::json;

    use super::*;

    fn cors(with: serde_json::Value) -> Result<Cors, String> {
        Cors::configured(serde_json::from_value(with).unwrap())
    }

    #[test]
    fn rules_that_would_open_too_much_or_nothing_are_refused() {
        for with in [
            json!({ "origins": [] }),
            json!({ "origins": ["*", "https://a.example"] }),
            json!({ "origins": ["*"], "credentials": true }),
            json!({ "origins": ["a.example"] }),
            json!({ "origins": ["https://a.example/"] }),
            json!({ "origins": ["https://A.example"] }),
            json!({ "origins": ["null"] }),
            json!({ "origins": ["https://*.example"] }),
            json!({ "origins": ["https://a.example"], "methods": [] }),
            json!({ "origins": ["https://a.example"], "methods": ["GE T"] }),
            json!({ "origins": ["https://a.example"], "headers": ["x y"] }),
        ] {
            assert!(cors(with.clone()).is_err(), "{with}");
        }
    }

    #[test]
    fn only_a_listed_origin_gets_an_answer_to_its_preflight() {
        let listed = cors(json!({ "origins": ["https://a.example"], "routes": ["app"] })).unwrap();
        for (origin, asks, method, route, is_answered) in [
            (Some("https://a.example"), true, Method::OPTIONS, "app", true),
            (Some("https://a.example"), true, Method::OPTIONS, "other", false),
            (Some("https://a.example"), false, Method::OPTIONS, "app", false),
            (Some("https://a.example"), true, Method::GET, "app", false),
            (Some("https://a.example.evil"), true, Method::OPTIONS, "app", false),
            (Some("null"), true, Method::OPTIONS, "app", false),
            (None, true, Method::OPTIONS, "app", false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            if asks {
                headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
            }
            let request = RequestView::new(&method, "/", &headers, None).with_route("", route);
            let answered = matches!(listed.on_request(&request), Verdict::Answer(_));
            assert_eq!(answered, is_answered, "{origin:?} {asks} {method} {route}");
        }
    }

    #[test]
    fn answer_says_who_may_read_it_and_that_it_varies() {
        let (listed, headers) = (
            cors(json!({ "origins": ["https://a.example"], "credentials": true })).unwrap(),
            HeaderMap::new(),
        );
        let response = ResponseView::new(StatusCode::OK, &headers, false);
        let mut own = HeaderMap::new();
        own.insert(ORIGIN, HeaderValue::from_static("https://a.example"));
        for (request, expected) in [(&own, 3), (&headers, 1)] {
            let mut edits = Edits::default();
            listed.on_response(&RequestView::new(&Method::GET, "/", request, None), &response, &mut edits);
            let edits: Vec<Edit> = edits.into_iter().collect();
            assert_eq!(edits.len(), expected, "{edits:?}");
            assert_eq!(edits[0], Edit::Set(VARY, HeaderValue::from_static("Origin")));
        }
    }
}
