//! Cookies as browsers keep them (RFC 6265bis).

use std::time::{Duration, SystemTime};

use url::Url;

/// Cookies of one browser.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    cookies: Vec<Cookie>,
}

#[derive(Clone, Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    path: String,
    same_site: SameSite,
    secure: bool,
    expires_at: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SameSite {
    Lax,
    Strict,
    None,
}

/// Who makes a request, as far as `SameSite` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The person, or a page of the same site.
    SameSite,
    /// A page of another site that leads here by a link or a redirect, with GET.
    CrossSiteNavigation,
    /// Any other request of another site.
    CrossSite,
}

impl CookieJar {
    /// Takes in one `Set-Cookie` field. What a browser would not store is not stored: a `__Host-` or `__Secure-` name
    /// without what it promises, `Secure` from plain http (loopback counts as secure), more than 4096 bytes, a
    /// `Domain` (not supported here).
    pub fn store(&mut self, url: &Url, field: &str, now: SystemTime) {
        let Some((cookie, lifetime)) = read(url, field, now) else { return };
        let is_same =
            |old: &Cookie| (&old.name, &old.host, &old.path) == (&cookie.name, &cookie.host, &cookie.path);
        self.cookies.retain(|old| !is_same(old));
        if lifetime != Some(Duration::ZERO) {
            self.cookies.push(cookie);
        }
    }

    /// The `Cookie` field for a request, if any cookie goes with it.
    #[must_use]
    pub fn field(&self, url: &Url, sender: Sender, now: SystemTime) -> Option<String> {
        let matching = |cookie: &&Cookie| {
            cookie.host == url.host_str().unwrap_or_default()
                && path_matches(&cookie.path, url.path())
                && cookie.expires_at.is_none_or(|end| now < end)
                && (!cookie.secure || is_secure(url))
                && match sender {
                    Sender::SameSite => true,
                    Sender::CrossSiteNavigation => cookie.same_site != SameSite::Strict,
                    Sender::CrossSite => cookie.same_site == SameSite::None,
                }
        };
        let mut found: Vec<&Cookie> = self.cookies.iter().filter(matching).collect();
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> =
            found.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Names and values of all cookies of a host.
    pub fn of_host<'a>(&'a self, host: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let of_host = self.cookies.iter().filter(move |cookie| cookie.host == host);
        of_host.map(|cookie| (cookie.name.as_str(), cookie.value.as_str()))
    }

    /// Puts a value in the place of a cookie's own, as an attacker would.
    pub fn tamper(&mut self, host: &str, name: &str, value: &str) {
        for cookie in self.cookies.iter_mut().filter(|cookie| cookie.host == host && cookie.name == name) {
            value.clone_into(&mut cookie.value);
        }
    }
}

fn read(url: &Url, field: &str, now: SystemTime) -> Option<(Cookie, Option<Duration>)> {
    let (pair, attributes) = field.split_once(';').unwrap_or((field, ""));
    let (name, value) = pair.split_once('=')?;
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        host: url.host_str()?.to_owned(),
        path: default_path(url),
        same_site: SameSite::Lax,
        secure: false,
        expires_at: None,
    };
    let (mut max_age, mut is_past) = (None, false);
    for attribute in attributes.split(';') {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "secure" => cookie.secure = true,
            "samesite" if value.eq_ignore_ascii_case("strict") => cookie.same_site = SameSite::Strict,
            "samesite" if value.eq_ignore_ascii_case("none") => cookie.same_site = SameSite::None,
            "max-age" => max_age = Some(Duration::from_secs(value.parse().unwrap_or(0))),
            "expires" => is_past |= value.contains(" 1970 ") || value.contains("-1970 "),
            "domain" => return None,
            _ => {}
        }
    }
    let lifetime = max_age.or(is_past.then_some(Duration::ZERO));
    cookie.expires_at = lifetime.map(|lifetime| now + lifetime);
    is_storable(&cookie, url).then_some((cookie, lifetime))
}

fn is_storable(cookie: &Cookie, url: &Url) -> bool {
    let lower = cookie.name.to_ascii_lowercase();
    let host_rule = !lower.starts_with("__host-") || (cookie.secure && cookie.path == "/");
    let secure_rule = !lower.starts_with("__secure-") || cookie.secure;
    let none_rule = cookie.same_site != SameSite::None || cookie.secure;
    let size_rule = cookie.name.len() + cookie.value.len() <= 4096;
    host_rule && secure_rule && none_rule && size_rule && (!cookie.secure || is_secure(url))
}

/// Chromium and Firefox treat `http` on loopback as secure.
fn is_secure(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_loopback =
        host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]";
    url.scheme() == "https" || is_loopback
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(cookie: &str, request: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn kept(url: &str, field: &str) -> bool {
        let url = Url::parse(url).unwrap();
        let mut jar = CookieJar::default();
        jar.store(&url, field, NOW);
        jar.field(&url, Sender::SameSite, NOW).is_some()
    }

    #[test]
    fn a_cookie_that_breaks_its_prefix_is_not_stored() {
        let cases = [
            ("host prefix without Secure", "__Host-a=1; Path=/", false),
            ("host prefix without Path", "__Host-a=1; Secure", false),
            ("host prefix with Domain", "__Host-a=1; Secure; Path=/; Domain=localhost", false),
            ("host prefix complete", "__Host-a=1; Secure; Path=/", true),
            ("SameSite=None without Secure", "a=1; Path=/; SameSite=None", false),
            ("already past", "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
            (
                "Max-Age wins over Expires",
                "a=1; Path=/; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                true,
            ),
        ];
        for (name, field, is_kept) in cases {
            assert_eq!(kept("http://localhost:8080/.ostia/callback", field), is_kept, "{name}");
        }
        let too_large = format!("a={}; Path=/", "x".repeat(4096));
        assert!(!kept("http://localhost/", &too_large));
    }

    #[test]
    fn same_site_decides_who_may_bring_a_cookie() {
        let url = Url::parse("http://localhost/").unwrap();
        let mut jar = CookieJar::default();
        for field in ["s=1; SameSite=Strict", "l=1; SameSite=Lax", "n=1; SameSite=None; Secure"] {
            jar.store(&url, field, NOW);
        }
        assert_eq!(jar.field(&url, Sender::SameSite, NOW).unwrap(), "s=1; l=1; n=1");
        assert_eq!(jar.field(&url, Sender::CrossSiteNavigation, NOW).unwrap(), "l=1; n=1");
        assert_eq!(jar.field(&url, Sender::CrossSite, NOW).unwrap(), "n=1");
    }

    #[test]
    fn a_cookie_with_max_age_zero_is_removed() {
        let url = Url::parse("http://localhost/").unwrap();
        let mut jar = CookieJar::default();
        jar.store(&url, "a=1; Path=/", NOW);
        jar.store(&url, "a=; Path=/; Max-Age=0", NOW);
        assert_eq!(jar.field(&url, Sender::SameSite, NOW), None);
    }
}
