//! Our registration at a provider.

use std::collections::BTreeMap;

use url::Url;

use super::{authentication, callback, ways};
use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::provider::{Client, LogoutDialect};
use crate::scalar::{AnyUrl, ScopeToken, is_loopback};
use crate::section::{TEXT, URL};
use crate::value::Place;
use crate::value::Read as _;
use crate::{Name, Secret};

static DIALECT: Words = Words { now: &["oidc", "okta", "cognito", "auth0", "none"], later: &[] };

pub(crate) static LOGOUT: Section = Section {
    title: "`providers.*.logout`",
    doc: "How people are signed out at the issuer.",
    keys: &[
        Key::new(
            "dialect",
            Shape::Word(&DIALECT),
            "`oidc`: RP-initiated logout, if the issuer's metadata have an `end_session_endpoint`. `okta`: the same, but \
             only while the ID token is at hand, because Okta shows an error without `id_token_hint`. `cognito`: \
             `/logout` of the pool's domain with `client_id` and `logout_uri`. `auth0`: as `oidc` where the tenant \
             advertises it, else `/v2/logout` with `client_id` and `returnTo`. `none`: people are signed out here and \
             stay signed in at the issuer.",
        )
        .default("oidc"),
        Key::new(
            "post_logout_redirect_uri",
            Shape::Text(&URL),
            "Where the issuer sends people afterwards. Registered there.",
        )
        .absent("`/.ostia/signed-out` on the host of the redirect URI")
        .example("post_logout_redirect_uri: https://portal.example.com/bye"),
        Key::new(
            "back_channel",
            Shape::Bool,
            "The issuer may end sessions by posting logout tokens to `/.ostia/back-channel-logout` (OpenID Connect \
             Back-Channel Logout 1.0). Register `https://HOST/.ostia/back-channel-logout` there.",
        )
        .default("false"),
        Key::new(
            "front_channel",
            Shape::Bool,
            "The issuer may end sessions by showing `/.ostia/front-channel-logout` in a frame, with `iss` and `sid` \
             (OpenID Connect Front-Channel Logout 1.0). Anybody who knows a `sid` can do so: prefer `back_channel`.",
        )
        .default("false"),
        Key::new(
            "revoke_tokens",
            Shape::Bool,
            "After a logout the refresh token is revoked at the issuer (RFC 7009), if its metadata have a \
             `revocation_endpoint`. So is that of a session that another one takes the place of, unless it is one of \
             the same person at the same issuer.",
        )
        .default("true"),
    ],
};

/// Keys that mean nothing without `client_id`.
pub(crate) const LOGIN_KEYS: [&str; 17] = [
    "client_secret",
    "client_secret_file",
    "token_endpoint_auth_method",
    "key_file",
    "cert_file",
    "response_mode",
    "pushed_authorization_requests",
    "dpop",
    "third_party_login",
    "redirect_uri",
    "callback",
    "scopes",
    "authorize_params",
    "logout",
    "claims_from",
    "microsoft_graph",
    "google_directory",
];

/// Parameters of the authorization request that are ours alone.
const OUR_PARAMETERS: [&str; 15] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "code",
    "client_secret",
    "code_verifier",
    "dpop_jkt",
];

pub(super) fn read(fields: &Fields<'_>, provider: &Name) -> Option<Client> {
    if !fields.has("client_id") {
        if !fields.is_meant("client_id") {
            refuse_login_keys(fields);
        }
        return None;
    }
    let secrets = secrets(fields);
    let (auth_method, key) = authentication::read(fields, &secrets);
    let mut secrets = secrets.into_iter();
    let client_secret = secrets.next();
    let logout = fields.section("logout");
    let callback_path = callback::path(fields, provider);
    Some(Client {
        client_id: fields.get("client_id"),
        auth_method,
        key,
        ways: ways::read(fields),
        client_secret,
        more_client_secrets: secrets.collect(),
        redirect_uri: redirect_uri(fields, &callback_path),
        callback_path,
        scopes: scopes(fields),
        authorize_params: authorize_params(fields),
        logout_dialect: LogoutDialect::of(logout.word("dialect")),
        post_logout_redirect_uri: post_logout_redirect_uri(&logout),
        back_channel_logout: logout.get("back_channel"),
        front_channel_logout: logout.get("front_channel"),
        revokes_tokens: logout.get("revoke_tokens"),
    })
}

fn refuse_login_keys(fields: &Fields<'_>) {
    for key in LOGIN_KEYS.into_iter().filter(|key| fields.has(key)) {
        let message = format!("`{}` has no `client_id`, so nobody signs in with `{key}`", fields.path);
        let finding = Finding::new(codes::NO_CLIENT, fields.key_span(key), fields.sub(key), message);
        fields
            .cx
            .findings
            .add(finding.help("add `client_id`, or remove the key from a bearer-only provider"));
    }
}

/// The secret of a section that takes one.
pub(super) fn secret(fields: &Fields<'_>) -> Option<Secret<String>> {
    secrets(fields).into_iter().next()
}

/// The secret, or all of a list: two live ones while one is replaced.
fn secrets(fields: &Fields<'_>) -> Vec<Secret<String>> {
    if fields.has("client_secret") && fields.has("client_secret_file") {
        let path = fields.sub("client_secret_file");
        let message = "`client_secret` and `client_secret_file` are both there";
        fields.cx.findings.add(
            Finding::new(codes::EITHER_OR, fields.key_span("client_secret_file"), path, message)
                .related(fields.key_span("client_secret"), "and here")
                .help("keep the file"),
        );
    }
    let of_files = file::secrets(fields, "client_secret_file");
    if of_files.is_empty() { literal_secret(fields, "client_secret").into_iter().collect() } else { of_files }
}

/// A secret that is written into the configuration.
pub(crate) fn literal_secret(fields: &Fields<'_>, key: &str) -> Option<Secret<String>> {
    let node = fields.node(key)?;
    let path = fields.sub(key);
    let place = Place { cx: fields.cx, node, shape: Shape::Secret, path: &path };
    let scalar = place.scalar()?;
    if scalar.text.is_empty() || scalar.text.chars().any(char::is_control) {
        let message = format!("`{path}` is empty or holds more than one line");
        fields.cx.findings.add(Finding::new(codes::BAD_VALUE, node.span, path, message));
        return None;
    }
    Some(Secret::new(scalar.text.clone()))
}

fn redirect_uri(fields: &Fields<'_>, callback: &str) -> Option<Url> {
    let url = checked_url(fields, "redirect_uri", codes::REDIRECT_URI)?;
    let path = fields.sub("redirect_uri");
    let message = if url.path() != callback {
        format!("`{path}` does not have the path `{callback}`")
    } else if url.query().is_some() {
        format!("`{path}` has a query")
    } else {
        return Some(url);
    };
    let mut right = url.clone();
    right.set_path(callback);
    right.set_query(None);
    let help = if fields.is_veiled("redirect_uri") { callback.to_owned() } else { right.to_string() };
    let finding = Finding::new(codes::REDIRECT_URI, fields.value_span("redirect_uri"), path, message);
    fields.cx.findings.add(finding.help(format!("write `{help}`, and register it at the issuer")));
    Some(url)
}

fn post_logout_redirect_uri(logout: &Fields<'_>) -> Option<Url> {
    checked_url(logout, "post_logout_redirect_uri", codes::LOGOUT_URI)
}

/// An `https` URL (or `http` to this machine) without fragment.
fn checked_url(fields: &Fields<'_>, key: &str, code: &'static str) -> Option<Url> {
    let AnyUrl(url) = fields.optional(key)?;
    let wrong = if url.scheme() != "https" && !is_loopback(&url) {
        Some(("is plain `http`", "an `https` URL; plain `http` is for a loopback address only"))
    } else if url.fragment().is_some() {
        Some(("has a fragment", "remove what begins with `#`"))
    } else {
        None
    };
    if let Some((reason, help)) = wrong {
        let message = format!("`{}` {reason}", fields.sub(key));
        let finding = Finding::new(code, fields.value_span(key), fields.sub(key), message);
        fields.cx.findings.add(finding.help(help));
    }
    Some(url)
}

fn scopes(fields: &Fields<'_>) -> Vec<String> {
    let scopes: Vec<String> =
        fields.get::<Vec<ScopeToken>>("scopes").into_iter().map(|ScopeToken(scope)| scope).collect();
    if !scopes.is_empty() && !scopes.iter().any(|scope| scope == "openid") {
        let message = format!("`{}` leaves out `openid`", fields.sub("scopes"));
        let finding = Finding::new(codes::SCOPES, fields.value_span("scopes"), fields.sub("scopes"), message);
        fields
            .cx
            .findings
            .add(finding.help("without `openid` the issuer gives no ID token: add it to the list"));
    }
    scopes
}

fn authorize_params(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (entry, path) in fields.map("authorize_params") {
        if OUR_PARAMETERS.contains(&entry.key.to_ascii_lowercase().as_str()) {
            let message = format!("`{}` is set by the protocol", entry.key);
            let finding = Finding::new(codes::AUTHORIZE_PARAMS, entry.key_span, path, message);
            fields.cx.findings.add(
                finding.help("remove it; `scopes`, `client_id` and `redirect_uri` are keys of the provider"),
            );
            continue;
        }
        let place = Place { cx: fields.cx, node: &entry.value, shape: Shape::Text(&TEXT), path: &path };
        if let Some(value) = String::read(place) {
            if entry.key == "max_age" && value.parse::<u32>().is_err() {
                let message = format!("`{path}` is no number of seconds");
                let finding = Finding::new(codes::BAD_VALUE, entry.value.span, path, message);
                fields.cx.findings.add(finding.help("`max_age: \"3600\"`; it is held against `auth_time`"));
                continue;
            }
            params.insert(entry.key.clone(), value);
        }
    }
    params
}
