//! What an extension sees of a request and of an answer.

use std::net::{IpAddr, Ipv4Addr};

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ostia_identity::Identity;

/// Fields that hold credentials. `DPoP` is a proof that could be replayed for as long as it is fresh.
const SECRET: [HeaderName; 5] =
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE, HeaderName::from_static("dpop")];

/// A request, read-only and without its credentials. Costs nothing to make: it borrows.
#[derive(Clone, Copy)]
pub struct RequestView<'a> {
    method: &'a Method,
    path: &'a str,
    headers: &'a HeaderMap,
    identity: Option<&'a Identity>,
    query: Option<&'a str>,
    host: &'a str,
    route: &'a str,
    client: IpAddr,
    is_tls: bool,
    id: &'a str,
    client_certificate: Option<ClientCertificate<'a>>,
}

/// What the certificate says that the client showed in the TLS handshake. An authority of the listener signed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCertificate<'a> {
    /// Whom it names, as RFC 4514 writes it: `CN=robot,O=Example`.
    pub subject: &'a str,
    /// Who signed it, in the same form.
    pub issuer: &'a str,
    /// The subject alternative names: DNS names, mailboxes, URIs, addresses.
    pub names: &'a [String],
    /// The serial number in lower-case hex.
    pub serial: &'a str,
    /// The SHA-256 of the DER in lower-case hex.
    pub sha256: &'a str,
    /// The certificate itself.
    pub der: &'a [u8],
}

/// An answer, read-only and without cookies.
#[derive(Clone, Copy)]
pub struct ResponseView<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    is_own: bool,
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
        let client = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            method,
            path,
            headers,
            identity,
            query: None,
            host: "",
            route: "",
            client,
            is_tls: false,
            id: "",
            client_certificate: None,
        }
    }

    /// With its query.
    #[must_use]
    pub fn with_query(self, query: Option<&'a str>) -> Self {
        Self { query, ..self }
    }

    /// With the host that it is for, and the route that it takes.
    #[must_use]
    pub fn with_route(self, host: &'a str, route: &'a str) -> Self {
        Self { host, route, ..self }
    }

    /// With where it comes from.
    #[must_use]
    pub fn with_client(self, client: IpAddr, is_tls: bool) -> Self {
        Self { client, is_tls, ..self }
    }

    /// With its name.
    #[must_use]
    pub fn with_id(self, id: &'a str) -> Self {
        Self { id, ..self }
    }

    /// With the certificate that the client showed.
    #[must_use]
    pub fn with_client_certificate(self, client_certificate: Option<ClientCertificate<'a>>) -> Self {
        Self { client_certificate, ..self }
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

    /// What follows the first `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// The host, in lower case and without port.
    #[must_use]
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// The name of the route.
    #[must_use]
    pub fn route(&self) -> &'a str {
        self.route
    }

    /// The client's address, as far as trusted proxies tell.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// Whether the client came by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The certificate of the connection; `None` where the client showed none, or was not asked for one. Behind a
    /// trusted proxy that connects by TLS it is the proxy's.
    #[must_use]
    pub fn client_certificate(&self) -> Option<ClientCertificate<'a>> {
        self.client_certificate
    }

    /// The request's name in logs and in `X-Request-Id`.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.id
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

    /// Who the caller is; `None` on a route that is open to anyone, and before anybody looked.
    #[must_use]
    pub fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }
}

impl<'a> ResponseView<'a> {
    /// For the gateway, and for tests of extensions. `is_own`: Ostia's own answer, not a server's.
    #[must_use]
    pub fn new(status: StatusCode, headers: &'a HeaderMap, is_own: bool) -> Self {
        Self { status, headers, is_own }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether this is an answer of Ostia's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// The first value of a field; `None` for cookies.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&'a HeaderValue> {
        if SECRET.contains(name) { None } else { self.headers.get(name) }
    }

    /// All fields but cookies.
    pub fn headers(&self) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> + use<'a> {
        self.headers.iter().filter(|(name, _)| !SECRET.contains(name))
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

impl std::fmt::Debug for ResponseView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseView").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, HeaderValue};
    use http::{HeaderMap, Method, StatusCode};

    use super::{RequestView, ResponseView, SECRET};

    #[test]
    fn an_extension_sees_no_credential() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_static("secret"));
        for name in SECRET {
            headers.append(name, HeaderValue::from_static("secret"));
        }
        let view = RequestView::new(&Method::GET, "/a", &headers, None);
        let answer = ResponseView::new(StatusCode::OK, &headers, false);
        for name in SECRET {
            assert_eq!(view.header(&name), None, "{name}");
            assert_eq!(answer.header(&name), None, "{name}");
        }
        assert_eq!(view.header(&ACCEPT), Some(&HeaderValue::from_static("secret")));
        assert_eq!(view.headers().map(|(name, _)| name).collect::<Vec<_>>(), [ACCEPT]);
        assert_eq!(answer.headers().map(|(name, _)| name).collect::<Vec<_>>(), [ACCEPT]);
        assert_eq!((view.method(), view.path(), view.identity()), (&Method::GET, "/a", None));
        assert!(!format!("{view:?}{answer:?}").contains("secret"));
    }
}
