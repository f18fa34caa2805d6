//! Each section of the model as a map.

mod claims;
mod policy;

use serde_yaml::{Mapping, Value};

pub(super) use self::policy::policy;
use super::{Map, duration, handling, path, some_texts, texts};
use crate::admin::SocketAccess;
use crate::identity::{AssertionForm, ClaimHeader, Preset};
use crate::listener::{Acme, AcmeChallenge, ProxyProtocol, TlsVersion};
use crate::log::{LogTarget, SubjectForm};
use crate::provider::{CALLBACK_PATH, Client, ClientAuthMethod, PushedRequests, ResponseMode};
use crate::route::{Allow, Destination, HostPattern, Mirror, RouteTimeouts};
use crate::scalar::Share;
use crate::section::route::made_up_name;
use crate::session::{RedisKind, RedisStore, SameSite};
use crate::tree::{self, Node};
use crate::{
    Admin, ExtensionSection, IdentityHeaders, Listener, Logs, Pages, Provider, Route, Runtime, Sessions,
};

/// What stands for a secret.
const SET: &str = "<set>";

pub(super) fn listener(listener: &Listener) -> Mapping {
    let limits = &listener.limits;
    let tls = listener.tls.as_ref().map(|tls| {
        let certificates = tls.certificates.iter().map(|pair| {
            let pair = Map::default()
                .with("cert_file", path(&pair.cert_file))
                .with("key_file", path(&pair.key_file));
            Value::Mapping(pair.0)
        });
        let version = if tls.min_version == TlsVersion::Tls13 { "1.3" } else { "1.2" };
        let clients = tls.client_certificates.as_ref();
        let need = clients.map(|clients| if clients.is_required { "required" } else { "optional" });
        Map::default()
            .with("certificates", certificates.collect::<Vec<_>>())
            .with("min_version", version)
            .with_some("client_ca_file", clients.map(|clients| path(&clients.ca_file)))
            .with_some("client_certificate", need)
            .with_some("ticket_keys_file", tls.ticket_keys_file.as_deref().map(path))
            .with_some("acme", tls.acme.as_ref().map(acme))
            .0
    });
    let proxy_protocol = match listener.proxy_protocol {
        ProxyProtocol::Refuse => "refuse",
        ProxyProtocol::Accept => "accept",
        ProxyProtocol::Require => "require",
    };
    let spoken = [(listener.protocols.http2, "h2"), (listener.protocols.http1, "http/1.1")];
    Map::default()
        .with("bind", texts(&listener.bind))
        .with_some("redirect", listener.redirect_to_https.then_some("https"))
        .with_some("tls", tls)
        .with("protocols", texts(spoken.into_iter().filter(|(on, _)| *on).map(|(_, name)| name)))
        .with("trusted_proxies", texts(&listener.trusted_proxies))
        .with("proxy_protocol", proxy_protocol)
        .with(
            "limits",
            Map::default()
                .with("connections", limits.connections as u64)
                .with("header_bytes", limits.header_bytes as u64)
                .with("headers", limits.headers as u64)
                .with("body_bytes", limits.body_bytes)
                .with("header_timeout", duration(limits.header_timeout))
                .with("body_timeout", duration(limits.body_timeout))
                .with("keep_alive", duration(limits.keep_alive))
                .0,
        )
        .0
}

fn acme(acme: &Acme) -> Mapping {
    let challenges = acme.challenges.iter().map(|challenge| match challenge {
        AcmeChallenge::Http01 => "http-01",
        AcmeChallenge::TlsAlpn01 => "tls-alpn-01",
    });
    let external = acme
        .external_account
        .as_ref()
        .map(|account| Map::default().with("key_id", account.key_id.as_str()).with("hmac_key", SET).0);
    Map::default()
        .with_some("contact", some_texts(&acme.contact))
        .with("terms_of_service_agreed", true)
        .with_some("directory", acme.directory.as_ref().map(|url| url.as_str().to_owned()))
        .with_some("ca_file", acme.ca_file.as_deref().map(path))
        .with("names", texts(&acme.names))
        .with("challenges", texts(challenges))
        .with_some("external_account", external)
        .with_some("folder", acme.folder.as_deref().map(path))
        .0
}

pub(super) fn provider(provider: &Provider) -> Mapping {
    let map = Map::default()
        .with_some("display_name", provider.display_name.as_deref())
        .with("issuer", provider.issuer.as_str())
        .with_some("issuer_aliases", some_texts(&provider.issuer_aliases))
        .with_some("allowed_tenants", some_texts(&provider.allowed_tenants));
    let map = match &provider.client {
        Some(client) => with_client(map, client),
        None => map,
    };
    let access_token = Map::default()
        .with_some("audience", some_texts(&provider.audiences))
        .with("typ", texts(&provider.access_token_types))
        .with("scope_claims", texts(&provider.scope_claims))
        .with("client_id_claims", texts(&provider.client_id_claims))
        .with("audience_claims", texts(&provider.audience_claims))
        .with("dpop_nonce", provider.dpop_nonce);
    let introspection = provider.introspection.as_ref().map(|introspection| {
        Map::default()
            .with("client_id", introspection.client_id.as_str())
            .with("client_secret", SET)
            .with("cache", duration(introspection.cache))
            .0
    });
    let groups = Map::default()
        .with("claims", texts(&provider.groups.claims))
        .with_some("strip_prefix", provider.groups.strip_prefix.as_deref());
    let from = std::iter::once("id_token").chain(provider.claims_from.iter().map(|source| source.as_str()));
    map.with_some("claims_from", provider.client.as_ref().map(|_| texts(from)))
        .with_some("microsoft_graph", provider.microsoft_graph.as_ref().map(claims::microsoft_graph))
        .with_some("google_directory", provider.google_directory.as_ref().map(claims::google_directory))
        .with("groups", groups.0)
        .with("access_token", access_token.0)
        .with_some("introspection", introspection)
        .with("signing_algorithms", texts(&provider.signing_algorithms))
        .with("clock_skew", duration(provider.clock_skew))
        .with_some("ca_file", provider.ca_file.as_deref().map(path))
        .with("timeout", duration(provider.timeout))
        .0
}

fn with_client(map: Map, client: &Client) -> Map {
    let method = match client.auth_method {
        ClientAuthMethod::Basic => "client_secret_basic",
        ClientAuthMethod::Post => "client_secret_post",
        ClientAuthMethod::None => "none",
        ClientAuthMethod::SecretJwt => "client_secret_jwt",
        ClientAuthMethod::PrivateKeyJwt => "private_key_jwt",
        ClientAuthMethod::TlsClientAuth => "tls_client_auth",
        ClientAuthMethod::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
    };
    let certificate = client.key.as_ref().and_then(|key| key.certificate.as_ref());
    let ways = &client.ways;
    let params: Mapping = client
        .authorize_params
        .iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect();
    let logout = Map::default()
        .with("dialect", client.logout_dialect.as_str())
        .with_some(
            "post_logout_redirect_uri",
            client.post_logout_redirect_uri.as_ref().map(|url| url.as_str().to_owned()),
        )
        .with("back_channel", client.back_channel_logout)
        .with("front_channel", client.front_channel_logout)
        .with("revoke_tokens", client.revokes_tokens);
    map.with("client_id", client.client_id.as_str())
        .with_some("client_secret", client.client_secret.as_ref().map(|_| SET))
        .with("token_endpoint_auth_method", method)
        .with_some("key_file", client.key.as_ref().map(|key| path(&key.file)))
        .with_some("cert_file", certificate.map(|(file, _)| path(file)))
        .with_some("redirect_uri", client.redirect_uri.as_ref().map(|url| url.as_str().to_owned()))
        .with("callback", if client.callback_path == CALLBACK_PATH { "shared" } else { "own" })
        .with("scopes", texts(&client.scopes))
        .with_some("authorize_params", super::filled(params))
        .with(
            "response_mode",
            match ways.response_mode {
                ResponseMode::Query => "query",
                ResponseMode::FormPost => "form_post",
            },
        )
        .with(
            "pushed_authorization_requests",
            match ways.pushed {
                PushedRequests::Auto => "auto",
                PushedRequests::Always => "always",
                PushedRequests::Never => "never",
            },
        )
        .with("dpop", ways.dpop)
        .with("third_party_login", ways.third_party_login)
        .with("logout", logout.0)
}

pub(super) fn route(route: &Route) -> Mapping {
    let named = route.name != made_up_name(&route.host, &route.path);
    let host = match &route.host {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Wildcard(suffix) => Some(format!("*.{suffix}")),
        HostPattern::Any => None,
    };
    let allow = match &route.allow {
        Allow::Anyone => Value::from("anyone"),
        Allow::Authenticated => Value::from("authenticated"),
        Allow::Policies(names) => Value::Sequence(texts(names)),
    };
    let proofs = [(route.credentials.session, "session"), (route.credentials.bearer, "bearer")];
    let credentials = texts(proofs.into_iter().filter(|(on, _)| *on).map(|(_, name)| name));
    let map = Map::default()
        .with_some("name", named.then(|| route.name.as_str().to_owned()))
        .with_some("host", host)
        .with("path", route.path.as_str())
        .with_some("methods", route.methods.as_deref().map(texts))
        .with_some("provider", some_texts(&route.providers))
        .with_some("credentials", (!credentials.is_empty()).then_some(credentials))
        .with("allow", allow)
        .with_some("scopes", some_texts(&route.scopes))
        .with_some("upstream", route.handling.answer.is_none().then(|| upstream_of(route)))
        .with_some("shadow", some_texts(&route.shadow))
        .with("audit", if route.audit_allowed { "allow" } else { "deny" })
        .with("upgrade", texts(route.upgrade_websocket.then_some("websocket")))
        .with_some("timeouts", route_timeouts(&route.timeouts))
        .with_some("mirror", route.mirror.as_ref().map(mirror));
    handling::with(map, &route.handling).0
}

/// A name, or the list that chooses.
fn upstream_of(route: &Route) -> Value {
    if route.destinations.is_empty() {
        return Value::from(route.upstream.as_str());
    }
    let one = |destination: &Destination| {
        let weights: Mapping =
            destination.to.iter().map(|(name, weight)| (name.as_str().into(), (*weight).into())).collect();
        Value::Mapping(Map::default().with_some("when", some_texts(&destination.when)).with("to", weights).0)
    };
    Value::Sequence(route.destinations.iter().map(one).collect())
}

fn mirror(mirror: &Mirror) -> Mapping {
    Map::default()
        .with("upstream", mirror.upstream.as_str())
        .with("share", Share::text(mirror.share))
        .with("body_bytes", bytesize::ByteSize(mirror.body_bytes).display().iec().to_string())
        .with("in_flight", u64::from(mirror.in_flight))
        .with("timeout", duration(mirror.timeout))
        .0
}

fn route_timeouts(timeouts: &RouteTimeouts) -> Option<Mapping> {
    let map = Map::default()
        .with_some("first_byte", timeouts.first_byte.map(duration))
        .with_some("between_bytes", timeouts.between_bytes.map(duration))
        .with_some("idle", timeouts.idle.map(duration));
    (!map.0.is_empty()).then_some(map.0)
}

pub(super) fn sessions(sessions: &Sessions) -> Mapping {
    let same_site = match sessions.same_site {
        SameSite::Lax => "lax",
        SameSite::Strict => "strict",
    };
    Map::default()
        .with("idle_timeout", duration(sessions.idle_timeout))
        .with("lifetime", duration(sessions.lifetime))
        .with("refresh_before", duration(sessions.refresh_before))
        .with(
            "cookie",
            Map::default().with("name", sessions.cookie_name.as_str()).with("same_site", same_site).0,
        )
        .with_some("keys_file", sessions.keys_file.as_deref().map(path))
        .with("store", store(sessions.store.as_ref()))
        .with("keep_fragment", sessions.keep_fragment)
        .0
}

fn store(store: Option<&RedisStore>) -> Value {
    let Some(redis) = store else { return "cookie".into() };
    let scheme = if redis.tls { "rediss" } else { "redis" };
    let url = |(host, port): &(String, u16)| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{scheme}://{host}:{port}/{}", redis.database)
    };
    let urls: Vec<String> = redis.servers.iter().map(url).collect();
    let (mode, master) = match &redis.kind {
        RedisKind::Single => ("single", None),
        RedisKind::Sentinel { master } => ("sentinel", Some(master.as_str())),
        RedisKind::Cluster => ("cluster", None),
    };
    let redis = Map::default()
        .with("url", texts(&urls))
        .with("mode", mode)
        .with_some("master", master)
        .with_some("username", redis.username.as_deref())
        .with_some("password", redis.password.as_ref().map(|_| SET))
        .with_some("ca_file", redis.ca_file.as_deref().map(path))
        .with("sessions", if redis.keeps_sessions { "store" } else { "cookie" })
        .with("on_failure", if redis.refuses_on_failure { "refuse" } else { "keep" })
        .with("budget", duration(redis.budget))
        .with("prefix", redis.prefix.as_str());
    Map::default().with("redis", redis.0).0.into()
}

pub(super) fn identity(identity: &IdentityHeaders) -> Mapping {
    let of_preset = |header: &ClaimHeader| {
        identity.preset.is_some_and(|preset| {
            preset.fields().iter().any(|(name, claim, after_issuer)| {
                (*name, *claim, *after_issuer)
                    == (header.header.as_str(), header.claim.as_str(), header.after_issuer)
            })
        })
    };
    let headers: Mapping = identity
        .headers
        .iter()
        .filter(|header| !of_preset(header))
        .map(|header| (header.header.as_str().into(), header.claim.as_str().into()))
        .collect();
    let own = identity.assertions.iter().find(|assertion| assertion.form == AssertionForm::Own);
    let assertion = identity.assertions.first().map(|first| {
        Map::default()
            .with_some("header", own.map(|own| own.header.as_str()))
            .with("lifetime", duration(first.lifetime))
            .with("issuer", identity.assertion_issuer.as_str())
            .with_some("keys_file", identity.assertion_keys_file.as_deref().map(path))
            .0
    });
    let headers = (identity.preset.is_none() || !headers.is_empty()).then_some(headers);
    Map::default()
        .with_some("preset", identity.preset.map(Preset::as_str))
        .with_some("headers", headers)
        .with("pass_access_token", identity.pass_access_token)
        .with_some("assertion", assertion)
        .0
}

pub(super) fn extension(extension: &ExtensionSection) -> Mapping {
    let with = extension.with.node.as_ref().map(free);
    Map::default().with("name", extension.name.as_str()).with_some("with", with).0
}

/// A part that others read, as it stands but for what came from outside.
fn free(node: &Node) -> Value {
    match &node.value {
        tree::Value::Scalar(scalar) if scalar.is_veiled() => Value::from(SET),
        tree::Value::Scalar(scalar) if scalar.plain => {
            serde_yaml::from_str(&scalar.text).unwrap_or_else(|_| Value::from(scalar.text.as_str()))
        }
        tree::Value::Scalar(scalar) => Value::from(scalar.text.as_str()),
        tree::Value::List(items) => Value::Sequence(items.iter().map(free).collect()),
        tree::Value::Map(entries) => Value::Mapping(
            entries.iter().map(|entry| (Value::from(entry.key.as_str()), free(&entry.value))).collect(),
        ),
        tree::Value::Null | tree::Value::Broken => Value::Null,
    }
}

pub(super) fn logs(logs: &Logs) -> Mapping {
    let access = Map::default()
        .with("to", log_target(&logs.access))
        .with("format", "json")
        .with("subject", subject_form(logs.subject));
    let audit =
        Map::default().with("to", log_target(&logs.audit)).with("subject", subject_form(logs.audit_subject));
    Map::default().with("access", access.0).with("audit", audit.0).0
}

fn log_target(target: &LogTarget) -> Value {
    match target {
        LogTarget::Stdout => Value::from("stdout"),
        LogTarget::None => Value::from("none"),
        LogTarget::File(file) => path(file),
    }
}

fn subject_form(form: SubjectForm) -> &'static str {
    match form {
        SubjectForm::Plain => "plain",
        SubjectForm::Hashed => "hashed",
        SubjectForm::None => "none",
    }
}

pub(super) fn pages(pages: &Pages) -> Mapping {
    Map::default()
        .with_some("name", pages.name.as_deref())
        .with_some("support", pages.support.as_ref().map(|url| url.as_str().to_owned()))
        .with_some("logo_file", pages.logo.as_ref().map(|logo| path(&logo.file)))
        .0
}

pub(super) fn admin(admin: &Admin) -> Mapping {
    let access = if admin.socket_access == SocketAccess::Group { "group" } else { "owner" };
    Map::default()
        .with("bind", admin.bind.to_string())
        .with_some("socket", admin.socket.as_deref().map(path))
        .with("socket_access", access)
        .0
}

pub(super) fn runtime(runtime: &Runtime) -> Mapping {
    let threads = runtime.threads.map_or_else(|| Value::from("auto"), |threads| Value::from(threads as u64));
    let drain = Map::default()
        .with("announce", duration(runtime.drain_announce))
        .with("deadline", duration(runtime.drain_deadline));
    Map::default()
        .with("threads", threads)
        .with("drain", drain.0)
        .with("state_dir", path(&runtime.state_dir))
        .0
}
