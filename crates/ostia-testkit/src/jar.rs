//! Cookies as a browser keeps them: RFC 6265bis with the prefix rules, host-only, `http` to a `localhost` name taken
//! as secure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use url::Url;

use crate::secrets;

/// Name and value together, as Chromium and Firefox have it.
const LONGEST: usize = 4096;

/// One cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// As set.
    pub name: String,
    /// As set, byte for byte.
    pub value: String,
    /// The host that set it.
    pub host: String,
    /// `Path`, or the default path.
    pub path: String,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite` in lower case.
    pub same_site: Option<String>,
    secure: bool,
    /// Order of creation: earlier cookies are sent first.
    number: usize,
}

/// All cookies of one browser.
#[derive(Debug, Default)]
pub(crate) struct Jar {
    cookies: Vec<Cookie>,
    next: usize,
    /// `Set-Cookie` values that a browser would have refused, with the reason.
    pub(crate) refused: Vec<String>,
}

impl Jar {
    /// Takes one `Set-Cookie` of an answer from `url`.
    pub(crate) fn set(&mut self, url: &Url, field: &str) {
        if let Err(reason) = self.try_set(url, field) {
            self.refused.push(format!("{reason}: {}", field.split('=').next().unwrap_or_default()));
        }
    }

    fn try_set(&mut self, url: &Url, field: &str) -> Result<(), &'static str> {
        let mut parts = field.split(';');
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).ok_or("no name")?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        if name.len() + value.len() > LONGEST {
            return Err("too long");
        }
        let attributes = Attributes::read(parts);
        if name.starts_with("__Host-")
            && !(attributes.secure && attributes.path.as_deref() == Some("/") && attributes.domain.is_none())
        {
            return Err("__Host- without Secure, Path=/ and no Domain");
        }
        if attributes.secure && !is_trustworthy(url) {
            return Err("Secure over an insecure connection");
        }
        let host = url.host_str().ok_or("no host")?.to_owned();
        let path =
            attributes.path.clone().filter(|path| path.starts_with('/')).unwrap_or_else(|| default_path(url));
        let known = self.cookies.iter().position(|c| c.name == name && c.host == host && c.path == path);
        if attributes.expired {
            known.map(|at| self.cookies.remove(at));
            return Ok(());
        }
        self.next += 1;
        let number = known.map_or(self.next, |at| self.cookies.remove(at).number);
        secrets::keep(&value);
        let Attributes { http_only, same_site, secure, .. } = attributes;
        self.cookies.push(Cookie { name, value, host, path, http_only, same_site, secure, number });
        Ok(())
    }

    /// The `Cookie` field for a request to `url`: longer paths first, then older ones.
    pub(crate) fn field_for(&self, url: &Url) -> Option<String> {
        let host = url.host_str()?;
        let applies = |c: &&Cookie| {
            c.host == host && (!c.secure || is_trustworthy(url)) && path_matches(&c.path, url.path())
        };
        let mut cookies: Vec<&Cookie> = self.cookies.iter().filter(applies).collect();
        cookies.sort_by_key(|c| (std::cmp::Reverse(c.path.len()), c.number));
        let pairs: Vec<String> = cookies.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Every cookie, in order of creation.
    pub(crate) fn all(&self) -> Vec<Cookie> {
        let mut all = self.cookies.clone();
        all.sort_by_key(|c| c.number);
        all
    }

    /// Puts cookies back as they were.
    pub(crate) fn replace(&mut self, cookies: Vec<Cookie>) {
        self.cookies = cookies;
    }
}

#[derive(Default)]
struct Attributes {
    path: Option<String>,
    domain: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: Option<String>,
    expired: bool,
}

impl Attributes {
    fn read<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut read = Self::default();
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match name.trim().to_lowercase().as_str() {
                "path" => read.path = Some(value.to_owned()),
                "domain" => read.domain = Some(value.to_owned()),
                "secure" => read.secure = true,
                "httponly" => read.http_only = true,
                "samesite" => read.same_site = Some(value.to_lowercase()),
                "max-age" => read.expired = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                // The one date that servers write to delete a cookie.
                "expires" => read.expired |= value.contains("1970"),
                _ => {}
            }
        }
        read
    }
}

/// Browsers take `localhost` and its subdomains over plain http as secure.
fn is_trustworthy(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1"
}

fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(at) => url.path()[..at].to_owned(),
    }
}

fn path_matches(cookie: &str, request: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| cookie.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// Seconds since 1970, for claims.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
