//! Every code a diagnostic may carry, with what `ostia explain` says about it.

/// One kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `E` and four digits for an error, `W` for a warning. Never reused.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it is refused and what to do, in Markdown.
    pub explanation: &'static str,
}

/// A code by its name, in either case.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    ALL.iter().find(|known| known.code.eq_ignore_ascii_case(code))
}

/// Declares each code once: the constant for the reader, and its line in [`ALL`].
macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(pub(crate) const $name: &str = $code;)*

        /// All codes in order.
        pub const ALL: &[Code] = &[
            $(Code { code: $code, title: $title, explanation: $explanation },)*
        ];
    };
}

codes! {
    UNREADABLE = "E1001", "the file cannot be read",
        "The configuration is one file of UTF-8 text, at most 8 MiB. Look at its name, its permissions, and the user that Ostia runs as.";
    SYNTAX = "E1002", "not YAML",
        "The text is not YAML, so nothing after this place was read; the cause is often a line before it: an indentation that does not fit, a quote or a bracket that is not closed, a tab, or a value that begins with one of `* & ! % @ [ {` and needs quotes.";
    DUPLICATE_KEY = "E1003", "the same key twice",
        "Two equal keys in one map. Many readers of YAML silently keep the last of them, so that a policy could vanish unseen; Ostia refuses. Keep one.";
    YAML_FEATURE = "E1004", "a part of YAML that is not read",
        "Anchors, aliases, tags, directives, several documents and keys that are not words are refused: they make a file mean something else than it shows. Write values out; `${VAR}` takes what differs between machines from the environment.";
    TOO_LARGE = "E1005", "too large",
        "A configuration has at most 8 MiB, 524288 values and 24 levels. Whatever is larger was probably not meant to be a configuration.";
    VARIABLE = "E1006", "a variable that is not set",
        "`${VAR}` must be set, `${VAR:-default}` has a default, `${VAR:?hint}` says what to do. A value of the environment never becomes YAML: it stays one text. In single quotes `${` stays as it is.";
    EMPTY_FILE = "E1007", "nothing in the file",
        "The file is empty or has comments only. The smallest configuration has `version: 1` and one route.";
    UNKNOWN_KEY = "E1101", "a key that does not exist",
        "A key that Ostia does not know is refused, not ignored: a misspelt `allow` must not open or close a door by accident. The reference page of the configuration lists every key.";
    WRONG_TYPE = "E1102", "the wrong kind of value",
        "A map stands where one value is wanted, a text where a number is wanted, and so on. `true` and `false` are the only truth values; `yes`, `no`, `on` and `off` are texts.";
    BAD_VALUE = "E1103", "a value that cannot be understood",
        "The value does not have the form that its key asks for. Durations have a unit (`30s`, `5m`), sizes too (`64KiB`).";
    OUT_OF_BOUNDS = "E1104", "a value out of its bounds",
        "Every limit has a lower and an upper end, so that no timeout is infinite by accident and no bound is so low that nothing gets through.";
    MISSING_KEY = "E1105", "a key that must be there",
        "This section cannot work without the key, and there is no default that would be right for everybody.";
    NOT_YET = "E1106", "not supported yet",
        "The key or value is a part of Ostia's language, but this release does not build it. It is refused, because a setting that is read and ignored is worse than one that is missing. Remove it, or use a release that has it.";
    NO_VALUE = "E1107", "a key without a value",
        "The key stands there with nothing behind it. YAML calls that `null`; Ostia does not guess what it should mean.";
    VERSION = "E1108", "the version of the language",
        "`version: 1` names the language, not the release of Ostia; without it a file is read as version 1.";
    BAD_NAME = "E1109", "a name with other characters",
        "Names of listeners, providers, policies, upstreams and routes have 1 to 64 of the characters `A-Z a-z 0-9 - _ .`: they stand in logs, metrics and addresses.";
    EITHER_OR = "E1110", "keys that exclude each other",
        "Two keys say the same thing in two ways, or none of several is there of which one is needed. Keep exactly one.";
    FILE = "E1111", "a file that cannot be used",
        "A file that the configuration names is missing, not readable, empty or of the wrong kind. A relative name is looked for in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`), then beside the configuration.";
    EMPTY_LIST = "E1112", "an empty list",
        "An empty list here would mean nobody, nothing or everything, depending on the reader. Name at least one, or remove the key for its default.";
    PROVIDER_UNKNOWN = "E1201", "a provider that is not defined",
        "A name refers to something under `providers` that is not there. A configuration with `provider:` has one provider, called `default`.";
    POLICY_UNKNOWN = "E1202", "a policy that is not defined",
        "A name in `allow`, `shadow`, `when`, `any`, `all` or `not` refers to something under `policies` that is not there. `authenticated` and `anyone` are the only names that need no definition.";
    UPSTREAM_UNKNOWN = "E1204", "an upstream that is not defined",
        "A route sends to a name that is not under `upstreams`. An address is recognised by its port: `10.0.0.10:8080`.";
    SAME_ROUTE_NAME = "E1302", "two routes with one name",
        "Names of routes stand in logs and metrics and must tell routes apart. A route without a name gets one from host and path; routes that differ by method alone need names of their own.";
    AMBIGUOUS = "E1303", "routes that match the same requests",
        "The most specific route wins, never the first: an exact host before a wildcard before any host, then the longest path, then a route that names methods. Neither of these two is more specific, so nobody could say who may enter.";
    OWN_PATH = "E1304", "one of Ostia's own paths",
        "Everything under `/.ostia/` and `/.well-known/ostia/` belongs to Ostia on every host: the callback, sign-in, sign-out, who-am-I, the keys of signed assertions.";
    HOST_NEEDED = "E1305", "a sign-in without a host",
        "The redirect URI of a sign-in is made from the host of the route, never from what a client sends, and the session cookie is bound to one host. So a route that takes sessions has one exact host. A route for machines can do without: `credentials: [bearer]`.";
    OTHER_HOST = "E1306", "a sign-in that ends on another host",
        "The provider has a `redirect_uri`, so every sign-in ends on its host, and the `__Host-` cookie is set there. On another host it would never arrive, and people would be sent to sign in again and again. Without `redirect_uri` it is made from each route's host; each must then be registered at the issuer.";
    SESSION_CREDENTIAL = "E1307", "sessions without a sign-in",
        "The route takes sessions, but none of its providers has a `client_id`, so nobody can ever have one.";
    BEARER_CREDENTIAL = "E1308", "bearer tokens without an audience",
        "A bearer token is accepted only if it was made for us: one of its audiences must be one of the provider's. None of the route's providers has an `audience`. Without that check, a token for any other service of the issuer would open this one.";
    MIXED_ALLOW = "E1309", "`anyone` or `authenticated` among policies",
        "A list under `allow` means any of these. With `anyone` (or `authenticated`) in it the others decide nothing, which is hardly what the list was written for.";
    NO_ALLOW = "E1310", "a route that does not say who may enter",
        "There is no default for `allow`: a route is closed until it names a policy, `authenticated` (every identity of its providers), or `anyone` (open to the world).";
    ROUTE_PROVIDER = "E1311", "a route without a provider",
        "A guarded route needs to know whose identities count. With one provider in the configuration that is clear; with several, name one or more under `provider`.";
    BAD_PATH = "E1312", "a path that readers disagree about",
        "A path begins with `/` and is plain: no query, no `%` escapes, no empty, `.` or `..` segments, no `*`. It is a prefix already. Whatever two programs could read differently is not allowed to decide who may enter.";
    BAD_HOST = "E1313", "not a host",
        "A host is a name in ASCII (`xn--` for others) or an address, without scheme, port, path and trailing dot; `*.` may stand before a name.";
    CHOICE = "E1320", "a choice of upstream that is not complete",
        "A list under `upstream` is gone through from the top: the first destination whose `when` holds gets the request. So each but the last has a `when`, and the last has none, for everybody else. On a route with `allow: anyone` no identity is looked for, so nothing could be chosen by policy. Of the weights of a map one is more than 0.";
    TWO_INTROSPECTIONS = "E1331", "two issuers to ask about one token",
        "An opaque token says nothing, not even who issued it. With two providers that have `introspection` on one route, every token would be shown to an issuer that it is not from, which could then use it. Give each its own route.";
    SCOPES_OF_ANYONE = "E1332", "scopes on an open route",
        "`allow: anyone` looks for no identity, so nobody has scopes there. Name `authenticated` or a policy, or remove `scopes`.";
    FIXED_FIELD = "E1314", "a field that rules cannot change",
        "`headers` of a route change fields of the application. Fields that frame a message, name its host, hold a credential, tell who the caller is or say who the client is are Ostia's own part: an upstream relies on them.";
    ROUTE_HANDLING = "E1315", "a rule of a route that cannot work",
        "A redirect leads to a host that is written in the configuration, whatever a client sends; a path for the upstream begins with `/` and reads the same to everybody; a prefix that is cut off is a prefix of something.";
    ISSUER = "E1401", "an issuer that cannot be trusted",
        "An issuer is an `https` URL without query and fragment (OpenID Connect Discovery section 3). Plain `http` is taken for loopback addresses only: whoever is on the way could hand out keys.";
    REDIRECT_URI = "E1402", "a redirect URI that cannot work",
        "The issuer sends people back to `https://…/.ostia/callback`, without query and fragment (RFC 6749 section 3.1.2). Plain `http` is taken for loopback addresses only.";
    SECRET_FIT = "E1403", "a secret or key and a method that do not fit",
        "`client_secret_basic` and `client_secret_post` need a secret; `private_key_jwt` needs `key_file`, the methods with a certificate need `cert_file` beside it; `none` is a public client that has none of them. Without `token_endpoint_auth_method` the right one follows from whether there is a secret.";
    AUTHORIZE_PARAMS = "E1404", "a parameter that the protocol sets",
        "`state`, `nonce`, `redirect_uri`, PKCE and their kin protect the sign-in; a fixed value would undo that. `authorize_params` is for the others, such as `prompt` or `login_hint`.";
    IDLE_PROVIDER = "E1405", "a provider of whom nothing is accepted",
        "Without `client_id` nobody signs in, without `audience` no bearer token is accepted. One of the two is needed.";
    NO_CLIENT = "E1406", "sign-in keys without a client",
        "The key is about people who sign in, but without `client_id` nobody does. Perhaps `client_id` is missing or misspelt.";
    LOGOUT_URI = "E1407", "a logout URI that cannot work",
        "Where people are sent after signing out is an `https` URL without fragment; plain `http` is taken for loopback addresses only.";
    SCOPES = "E1408", "scopes without `openid`",
        "Without the scope `openid` this would be plain OAuth: no ID token, so nobody who could be known (OpenID Connect Core section 3.1.2.1).";
    SAME_ISSUER = "E1409", "two providers of one issuer on one route",
        "A bearer token says who issued it, and that chooses the provider. Two providers with the same issuer on one route cannot be told apart; one provider can have several audiences.";
    TENANTS = "E1411", "tenants and an issuer that do not fit",
        "The metadata of an issuer for several tenants (Entra's `organizations`, `common` and `consumers`) name nobody in particular, and each token names the tenant of its person. So `allowed_tenants` says whose people count; without it anybody with a Microsoft account could sign in. An issuer of one tenant has its GUID in its own name.";
    CLAIMS_SOURCE = "E1412", "a source of claims that nobody asks",
        "The section says how an interface is asked for groups, but `claims_from` does not name it, so it never is: policies that ask for these groups would let nobody in.";
    SAME_ADDRESS = "E1501", "an address that is bound twice",
        "Two listeners, or a listener and `admin`, want the same address and port. `0.0.0.0` and `[::]` mean every address of their family.";
    REDIRECT_AND_TLS = "E1502", "a redirect to itself",
        "`redirect: https` is for a plain listener. On one that terminates TLS it would send every request back to where it came from.";
    TRUST_IN_ALL = "E1503", "trust in everybody",
        "`trusted_proxies` names the peers whose `X-Forwarded-*` and `Forwarded` are believed. With `0.0.0.0/0`, `::/0` or any network wider than a private one (`/8`, IPv6 `/7`) strangers could claim any address, host and scheme, and every rule about a `source` would be void.";
    NO_CERTIFICATE = "E1504", "TLS without a certificate",
        "A listener with `tls` needs at least one certificate with its key, or `acme`.";
    ADMIN_ADDRESS = "E1505", "an admin address that cannot be",
        "The admin address has no sign-in; it shows what runs, and it is for this machine alone. The path of the admin socket has at most 90 bytes: the system takes 107, and the socket is made under a longer name first.";
    CLIENT_CERTIFICATE = "E1506", "client certificates without an authority",
        "`client_certificate` says whether clients must show a certificate; `client_ca_file` says which authorities may have signed it. Without the second nobody's certificate could be checked.";
    PROXY_PROTOCOL = "E1507", "PROXY headers from nobody",
        "A PROXY header says who the client is, so it is taken from `trusted_proxies` alone. With none of them named, `accept` would accept nothing and `require` would let nobody connect.";
    TERMS_OF_SERVICE = "E1508", "terms of service that nobody agreed to",
        "An authority that issues certificates by ACME opens an account only for whoever agrees to its terms of service. Ostia does not agree in your name.";
    ACME_NAME = "E1509", "a name that ACME cannot have",
        "The challenges `http-01` and `tls-alpn-01` prove one name at a time: neither a wildcard nor an address. Without `names` the exact hosts of the routes are taken, so at least one route needs one.";
    COOKIE_NAME = "E1601", "a cookie name without `__Host-`",
        "The prefix makes browsers refuse a cookie of this name that another host, a subdomain or plain HTTP tries to set (RFC 6265bis section 4.1.3.2).";
    SESSION_TIMES = "E1602", "times that do not fit",
        "A session that may be idle longer than it lives, or that is refreshed earlier than it begins, is a slip of the pen.";
    IDENTITY_HEADER = "E1603", "a field that cannot carry a claim",
        "Fields that frame a message, route it, authenticate it or describe the client's connection have a meaning of their own; a claim in one of them would break the request or fool the upstream.";
    SAME_HEADER = "E1604", "one field twice",
        "Many servers fold field names: letters of either case, `-` and `_` are the same to them. Two such fields would overwrite each other.";
    EXTENSION = "E1605", "an extension that cannot run",
        "The program was not built with an extension of this name, or what stands under `with` is not what the extension takes. Its own documentation says which keys there are.";
    BOUND_TOKEN = "E1606", "a token of no use to the application",
        "With `dpop: true` the access tokens of people are bound to a key that Ostia alone has (RFC 9449): whoever gets one from `identity.pass_access_token` can do nothing with it, and a server that looks at the binding refuses it. Remove one of the two.";
    EMPTY_POLICY = "E1701", "a policy without a condition",
        "All conditions of a policy must hold; with none, it would let everybody in. `allow: authenticated` says that openly.";
    POLICY_CIRCLE = "E1702", "a policy that rests on itself",
        "Policies are made of policies through `any`, `all` and `not`; the chain must end.";
    TAKEN_NAME = "E1703", "a policy with a taken name",
        "`anyone` and `authenticated` have a meaning of their own in `allow`, which no policy may change.";
    AFFINITY = "E1801", "affinity without a hash",
        "`affinity` and `bounded_load` belong to `balance: consistent_hash`. Without it they would be ignored, and requests would not stay where they are expected.";
    SERVER_ADDRESS = "E1802", "an address of a server that cannot be used",
        "A server is an IP address and a port, or a name and a port that resolves while the configuration is loaded. There is no scheme and no path.";
    NO_SERVERS = "E1803", "an upstream without servers",
        "A group has at least one server.";
    SAME_SERVER = "E1804", "one server twice",
        "The same address twice in one group would get a double share by accident. `weight` says it openly.";
    ONLY_BACKUPS = "E1805", "only backup servers",
        "A backup takes over when no other server is healthy; without another, the word means nothing. The same holds for a group in which every server has the weight 0.";
    TCP_CHECK = "E1806", "an HTTP key in another check",
        "A health check without `path` asks by gRPC, TLS or TCP: there is no status to expect and no host to send.";
    ZONE = "E1807", "a zone without a place",
        "`zones` of an upstream is the order in which its zones serve. A server in a zone that is not there would serve after all others by mistake.";
    WINDOW = "E1808", "a window of nothing",
        "`window` and `least_requests` say over what `failure_share` is taken. Without it they would be ignored.";
    SERVER_COOKIE = "E1809", "an affinity cookie with a name that is taken",
        "Each upstream with `affinity: { cookie: … }` has a cookie name of its own: two of one name would overwrite each other in the browser, and both upstreams would lose their affinity. Names that begin with `__` belong to sessions.";
    TLS_PAIR = "E1821", "half of a client certificate",
        "A certificate is shown with its private key: `client_cert_file` and `client_key_file` stand together.";
    PROTOCOL_FIT = "E1822", "settings that do not fit the protocol",
        "`h2` is HTTP/2 over TLS, `h2c` is HTTP/2 without. Where requests share connections, bounds on kept HTTP/1.1 connections mean nothing, and the wait for the first byte is the one between bytes. A connection that begins with a PROXY header belongs to one client and cannot be made in advance.";
    SERVER_SOURCES = "E1823", "servers from several places",
        "Servers are listed (`servers`), looked up (`servers_dns`, `servers_srv`) or read from a file (`servers_file`); one of these. `discovery` says how they are looked up, and its shortest time is at most its longest.";
    OPEN_SECRET = "W2001", "a secret that everybody can read",
        "The configuration holds a literal secret and others on this machine may read the file. Move the secret to a file of its own, or to a systemd credential, and change it.";
    OPEN_KEY_FILE = "W2002", "a key file that everybody can read",
        "Others on this machine may read a private key or a secret. `chmod 600`, or systemd's `LoadCredential=`.";
    OPEN_BELOW = "W2301", "an open path below a guarded one",
        "The longest path wins, so this route opens a part of what another one guards. That can be meant (a public part of an application); if it is, leave it.";
    IDLE_ROUTE_KEY = "W2302", "a key that does nothing on an open route",
        "On a route with `allow: anyone` no identity is looked for, so a provider, credentials or a shadow policy change nothing there.";
    UNUSED_PROVIDER = "W2401", "a provider that no route uses",
        "Nobody can come in through it. Perhaps a route names another one by mistake.";
    CLEAR_TEXT = "W2501", "cookies and tokens in clear text",
        "The listener takes sessions or bearer tokens over plain HTTP from the network, and no TLS terminator is named in `trusted_proxies`. Browsers will not send the `__Host-` cookie over plain HTTP either.";
    UNUSED_POLICY = "W2701", "a policy that no route uses",
        "It decides nothing. Perhaps a route's `allow` names another one by mistake.";
    UNUSED_UPSTREAM = "W2801", "an upstream that no route uses",
        "Nothing is sent to it, but its health checks run. Perhaps a route names another one by mistake.";
}
