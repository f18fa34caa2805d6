//! One browser: redirects and cookies, as much as a sign-in needs of them.

use crate::connection::{Answer, Connection};

/// Hops of a sign-in: the page, the provider, the callback, the page; and two more.
const MOST_HOPS: usize = 6;

/// The page that people want.
pub(crate) struct Home {
    authority: String,
    path: String,
}

impl Home {
    /// Of an `http://` URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (authority, path) = split(url)?;
        authority.contains(':').then(|| Self { authority: authority.to_owned(), path: path.to_owned() })
    }
}

/// `authority` and the rest of an `http://` URL.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
        .map(|(authority, path)| (authority, or_root(path)))
}

fn or_root(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// A browser that forgets everybody after each sign-in, and keeps its two connections.
pub(crate) struct Browser<'a> {
    home: &'a Home,
    at_provider: &'a str,
    connections: Vec<(String, Connection)>,
}

impl<'a> Browser<'a> {
    /// `at_provider`: the cookie of whoever is signed on there.
    pub(crate) fn new(home: &'a Home, at_provider: &'a str) -> Self {
        Self { home, at_provider, connections: Vec::new() }
    }

    /// Somebody new signs in: by way of the provider to the page that was wanted.
    ///
    /// # Errors
    /// Where it ended, and how.
    pub(crate) fn sign_in(&mut self) -> Result<(), String> {
        let home = self.home;
        let mut jar = Jar::default();
        let (mut authority, mut target) = (home.authority.clone(), home.path.clone());
        let mut has_left = false;
        for _ in 0..MOST_HOPS {
            let is_home = authority == home.authority;
            let field = if is_home { jar.field() } else { self.at_provider.to_owned() };
            let path = target.split('?').next().unwrap_or_default().to_owned();
            let answer = self.get(&authority, &target, &field).map_err(|error| format!("{path}: {error}"))?;
            if is_home {
                jar.keep(&answer.cookies);
            }
            has_left |= !is_home;
            match answer.location.as_deref() {
                None if answer.status == 200 && is_home && has_left && target == home.path => return Ok(()),
                None => return Err(format!("{path}: {}", answer.status)),
                Some(location) => match split(location) {
                    Some((there, path)) => (authority, target) = (there.to_owned(), path.to_owned()),
                    None => location.clone_into(&mut target),
                },
            }
        }
        Err("no end".to_owned())
    }

    fn get(&mut self, authority: &str, target: &str, cookies: &str) -> Result<Answer, String> {
        let place = self.connections.iter().position(|(name, _)| name == authority);
        let mut connection = match place {
            Some(place) => self.connections.swap_remove(place).1,
            None => Connection::open(authority).map_err(|error| error.kind().to_string())?,
        };
        let answer = connection.get(authority, target, cookies).map_err(|error| error.kind().to_string())?;
        if answer.keeps_connection {
            self.connections.push((authority.to_owned(), connection));
        }
        Ok(answer)
    }
}

/// The cookies of one host.
#[derive(Default)]
struct Jar(Vec<(String, String)>);

impl Jar {
    /// Takes over `Set-Cookie` fields.
    fn keep(&mut self, fields: &[String]) {
        for field in fields {
            let mut parts = field.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            self.0.retain(|(known, _)| known != name);
            if !parts.any(|attribute| attribute.eq_ignore_ascii_case("max-age=0")) {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn field(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_an_authority_and_a_target() {
        for (url, expected) in [
            ("http://127.0.0.1:80/a?b", Some(("127.0.0.1:80", "/a?b"))),
            ("http://127.0.0.1:80", Some(("127.0.0.1:80", "/"))),
            ("/a?b=http://c/", None),
        ] {
            assert_eq!(split(url), expected, "{url}");
        }
    }

    #[test]
    fn cookies_are_replaced_and_taken_back() {
        let mut jar = Jar::default();
        jar.keep(&["a=1; Path=/; Secure".to_owned(), "b=2".to_owned(), "a=3=4; HttpOnly".to_owned()]);
        assert_eq!(jar.field(), "b=2; a=3=4");
        jar.keep(&["b=; Path=/; Max-Age=0".to_owned()]);
        assert_eq!(jar.field(), "a=3=4");
    }
}
