//! What an extension sees of a request.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ostia_identity::Identity;

/// Fields that hold credentials.
const SECRET: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// A request, read-only and without its credentials. Costs nothing to make: it borrows.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
    identity: Option<&'a Identity>,
}

impl<'a> RequestView<'a> {
    /// For the gateway, and for tests of extensions. `path` is without the query.
    #[must_use]
    pub fn new(
        method: &'a Method,
        path: &'a str,
        headers: &'a HeaderMap,
        identity: Option<&'a Identity>,
    ) -> Self {
        Self { method, path, headers, identity }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The path as the client sent it, without the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The first value of a field; `None` for fields that hold credentials.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&'a HeaderValue> {
        if SECRET.contains(name) { None } else { self.headers.get(name) }
    }

    /// All fields but those that hold credentials.
    pub fn headers(&self) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> + use<'a> {
        self.headers.iter().filter(|(name, _)| !SECRET.contains(name))
    }

    /// Who the caller is; `None` on a route that is open to anyone.
    #[must_use]
    pub fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }
}

impl std::fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestView")
            .field("method", self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderValue, PROXY_AUTHORIZATION};
    use http::{HeaderMap, Method};

    use super::RequestView;

    #[test]
    fn an_extension_sees_no_credential() {
        let mut headers = HeaderMap::new();
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, ACCEPT] {
            headers.append(name, HeaderValue::from_static("secret"));
        }
        let view = RequestView::new(&Method::GET, "/a", &headers, None);
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
            assert_eq!(view.header(&name), None, "{name}");
        }
        assert_eq!(view.header(&ACCEPT), Some(&HeaderValue::from_static("secret")));
        assert_eq!(view.headers().map(|(name, _)| name).collect::<Vec<_>>(), [ACCEPT]);
        assert_eq!((view.method(), view.path(), view.identity()), (&Method::GET, "/a", None));
        assert!(!format!("{view:?}").contains("secret"));
    }
}
