//! A `Set-Cookie` field.

use std::fmt::Write;

use http::HeaderValue;
use ostia_config::session::SameSite;

/// The attributes that differ; `Secure` and `HttpOnly` always stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    pub(crate) path: &'static str,
    pub(crate) max_age_s: u64,
    pub(crate) same_site: SameSite,
}

/// Where almost all of our cookies go: everywhere.
pub(crate) const EVERYWHERE: &str = "/";
/// Where the ID token goes: to Ostia's own endpoints alone.
pub(crate) const OWN_ENDPOINTS: &str = "/.ostia/";

/// A field that sets chunk `chunk` of the cookie `name`.
pub(crate) fn set(name: &str, chunk: usize, value: &str, attributes: Attributes) -> HeaderValue {
    let Attributes { path, max_age_s, same_site } = attributes;
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::Strict => "Strict",
    };
    let mut field = String::with_capacity(name.len() + value.len() + 96);
    field.push_str(name);
    if chunk > 0 {
        // Writing to a String does not fail.
        let _ = write!(field, ".{chunk}");
    }
    let _ =
        write!(field, "={value}; Path={path}; Max-Age={max_age_s}; Secure; HttpOnly; SameSite={same_site}");
    let mut field = HeaderValue::try_from(field)
        .expect("names are checked when they are made, values are base64url: all visible ASCII");
    field.set_sensitive(true);
    field
}

/// A field that makes the browser forget chunk `chunk` of the cookie `name`.
pub(crate) fn expire(name: &str, chunk: usize, path: &'static str, same_site: SameSite) -> HeaderValue {
    set(name, chunk, "", Attributes { path, max_age_s: 0, same_site })
}
