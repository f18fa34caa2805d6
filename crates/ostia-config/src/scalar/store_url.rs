//! Addresses of a Redis or Valkey.

use url::Url;

use crate::describe::Grammar;
use crate::value::{FromText, Wrong};

/// `redis://host:port/database` or `rediss://…`, without user information.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoreUrl {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: i64,
}

impl FromText for StoreUrl {
    const GRAMMAR: Grammar =
        Grammar { name: "a URL such as `rediss://redis.internal:6379`", pattern: "^rediss?://.+" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let Ok(url) = Url::parse(text) else {
            return Err(Wrong::new("is not a URL").help("`rediss://` and a host"));
        };
        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => {
                return Err(
                    Wrong::new("is not a `redis` URL").help("`rediss://` with TLS, `redis://` without")
                );
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Wrong::new("has a user name or a password in it")
                .help("write them as `username` and `password_file`"));
        }
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Err(Wrong::new("has no host"));
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Wrong::new("has a query or a fragment"));
        }
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            number => {
                number.parse().ok().filter(|number| (0..=65_535).contains(number)).ok_or_else(|| {
                    Wrong::new("names no database").help("`/` and the number of a database, 0 at first")
                })?
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { tls, host, port: url.port().unwrap_or(6379), database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_has_scheme_host_port_and_database() {
        let read =
            |text| StoreUrl::from_text(text).map(|url| (url.tls, url.host, url.port, url.database)).ok();
        assert_eq!(read("redis://a"), Some((false, "a".to_owned(), 6379, 0)));
        assert_eq!(read("rediss://a.b:1/3"), Some((true, "a.b".to_owned(), 1, 3)));
        assert_eq!(read("redis://[::1]:2"), Some((false, "::1".to_owned(), 2, 0)));
        for text in [
            "",
            "a:1",
            "http://a",
            "redis://u:p@a",
            "redis://a/x",
            "redis://a/1/2",
            "redis://a?x=1",
            "redis://",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
