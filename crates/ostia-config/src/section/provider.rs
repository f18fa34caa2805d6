//! `providers`: an issuer, our client there, and its ways.

mod authentication;
mod callback;
mod claims;
mod client;
mod introspection;
mod issuer;
mod ways;

use std::time::Duration;

use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::policy::ClaimPath;
use crate::preset;
use crate::provider::Groups;
use crate::scalar::{ClaimName, ScopeToken, TenantId};
use crate::section::{CLAIM_NAME, CLAIM_PATH, FILE, TEXT, URL};
use crate::value::{FromText, Word};
use crate::{Name, Provider};

pub(crate) use claims::{GOOGLE_DIRECTORY, MICROSOFT_GRAPH};
pub(crate) use client::{LOGIN_KEYS, LOGOUT, literal_secret};
pub(crate) use introspection::INTROSPECTION;
pub(crate) use issuer::template as issuer_template;

static SCOPE: Grammar = <ScopeToken as FromText>::GRAMMAR;
static TENANT: Grammar = <TenantId as FromText>::GRAMMAR;
static ALGORITHM: Words = Words {
    now: &[
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
    ],
    later: &[],
};

pub(crate) static PROVIDER: Section = Section {
    title: "`providers.*`",
    doc: "An OpenID provider or token issuer. `provider:` is short for `providers: { default: … }`.",
    keys: &[
        Key::new(
            "issuer",
            Shape::Text(&URL),
            "The issuer, compared byte for byte with what tokens and metadata say (OpenID Connect Core section \
             3.1.3.7): a `/` at the end counts. `https`, or `http` to a loopback address.",
        )
        .required()
        .example("issuer: https://login.example.com/realms/corp"),
        Key::new(
            "preset",
            Shape::Word(&preset::WORDS),
            "The habits of a known provider. It fills keys of this section and does nothing else; what is written here \
             wins, in maps key by key. `ostia config preset NAME` prints it.",
        )
        .absent("as `generic`: the defaults that stand beside each key")
        .example("preset: keycloak"),
        Key::new(
            "display_name",
            Shape::Text(&TEXT),
            "What people read on the page where they choose how to sign in: on a route with several providers.",
        )
        .absent("the provider's name")
        .example("display_name: Example Corp"),
        Key::new(
            "issuer_aliases",
            Shape::Several(&Shape::Text(&TEXT)),
            "What tokens may say in `iss` instead of the issuer, byte for byte. With `allowed_tenants`, `{tenantid}` \
             stands for one of them.",
        )
        .absent("the issuer alone")
        .example("issuer_aliases: [accounts.google.com]"),
        Key::new(
            "allowed_tenants",
            Shape::Several(&Shape::Text(&TENANT)),
            "The tenants of an issuer for several (Entra's `organizations`, `common` and `consumers`): its metadata name \
             `{tenantid}` as the tenant, and its tokens the tenant of the person (`tid`), which must be one of these.",
        )
        .absent("the issuer is of one tenant")
        .example("allowed_tenants: [11111111-2222-3333-4444-555555555555]"),
        Key::new("client_id", Shape::Text(&TEXT), "Our client at the issuer. With it, people can sign in.")
            .absent("bearer tokens only")
            .example("client_id: ostia"),
        Key::new("client_secret", Shape::Secret, "The client's secret. Better in a file: `client_secret_file`.")
            .absent("a public client, unless `client_secret_file` is there")
            .example("client_secret: ${OIDC_CLIENT_SECRET:?from the vault}"),
        Key::new(
            "client_secret_file",
            Shape::OneOrMany(&Shape::Text(&FILE)),
            "The file that holds the secret; a line break at its end does not count. A relative name is looked for in \
             `$CREDENTIALS_DIRECTORY`, then beside the configuration. A list is two live secrets while one is replaced: \
             the second is tried when the issuer does not accept the first.",
        )
        .absent("a public client, unless `client_secret` is there")
        .example("client_secret_file: oidc-client-secret"),
        Key::new(
            "token_endpoint_auth_method",
            Shape::Word(&authentication::METHODS),
            "How the token endpoint knows us (OpenID Connect Core section 9, RFC 8705). `client_secret_jwt`: each call \
             carries a statement with a MAC by the secret (HS256, or HS384 or HS512 where the issuer takes only that and the \
             secret is as long), which itself is never sent; it has 32 bytes at least. `private_key_jwt` needs `key_file`: each call is signed with it (RS256 or PS256, ES256 or ES384, EdDSA, as the key is and the \
             issuer takes it). `tls_client_auth` and `self_signed_tls_client_auth` need `cert_file` and `key_file`, and \
             go to the `mtls_endpoint_aliases` of the issuer where it has them.",
        )
        .absent("`client_secret_basic` with a secret, `none` without"),
        Key::new(
            "key_file",
            Shape::Text(&FILE),
            "The private key (PKCS#8, PEM) that proves who we are, found as `client_secret_file` is. Read at each \
             reload. `openssl pkey -in FILE -pubout` shows what to register at the issuer; its `kid` is the key's \
             thumbprint (RFC 7638).",
        )
        .absent("needed by `private_key_jwt` and the methods with a certificate")
        .example("key_file: ostia-client.key"),
        Key::new(
            "cert_file",
            Shape::Text(&FILE),
            "The certificate of `key_file` (PEM), with those between it and its authority. Read at each reload.",
        )
        .absent("needed by `tls_client_auth` and `self_signed_tls_client_auth`")
        .example("cert_file: ostia-client.pem"),
        Key::new(
            "redirect_uri",
            Shape::Text(&URL),
            "Where the issuer sends people back. Its path is that of `callback`, and its host is the host of every \
             route that signs people in here, because the session cookie is bound to one host.",
        )
        .absent("`https://{host of the route}` and the path of `callback`")
        .example("redirect_uri: https://portal.example.com/.ostia/callback"),
        Key::new(
            "callback",
            Shape::Word(&callback::WORDS),
            "The path of the redirect URI. `own`: `/.ostia/callback/NAME` with the provider's name, so that an answer of \
             one provider is never taken for that of another (RFC 9700 section 4.4), though it does not say whose it is.",
        )
        .default("shared"),
        Key::new("scopes", Shape::Several(&Shape::Text(&SCOPE)), "What is asked for at login; `openid` is among them.")
            .default("[openid, profile, email]"),
        Key::new(
            "authorize_params",
            Shape::Map(&TEXT, &Shape::Text(&TEXT)),
            "Further parameters of the authorization request; never one that the protocol sets.",
        )
        .absent("none")
        .example("authorize_params: { prompt: select_account }"),
        Key::new(
            "response_mode",
            Shape::Word(&ways::RESPONSE_MODE),
            "How the answer to a login comes back. `form_post`: in a form that the issuer's page posts, so that no code \
             is in an address, a history or a log (OAuth 2.0 Form Post Response Mode). Browsers send no cookie of ours \
             with a form of another site, so a page of Ostia posts it once more, to itself.",
        )
        .default("query"),
        Key::new(
            "pushed_authorization_requests",
            Shape::Word(&ways::PUSHED),
            "Whether the authorization request goes from the node to the issuer, and only its name through the browser \
             (RFC 9126). `auto`: where the issuer's metadata say that it takes no other.",
        )
        .default("auto"),
        Key::new(
            "dpop",
            Shape::Bool,
            "Tokens are bound to a key that every session has for itself, sealed in its cookie (RFC 9449): a stolen \
             refresh token alone is worth nothing. An issuer that answers with tokens that are not bound is refused.",
        )
        .default("false"),
        Key::new(
            "third_party_login",
            Shape::Bool,
            "Other sites, the issuer's portal for one, may start a login at `/.ostia/initiate-login` with `iss`, \
             `login_hint` and `target_link_uri` (OpenID Connect Core section 4). Register it there as \
             `initiate_login_uri`. People only ever get to a page of the same host.",
        )
        .default("false"),
        Key::new(
            "claims_from",
            Shape::Several(&Shape::Word(&claims::CLAIMS_FROM)),
            "What claims are taken from at login and at each refresh, in this order; what came first is never replaced. \
             `userinfo`: the UserInfo endpoint. `access_token`: the access token, where it is a JWT of the issuer with \
             the same `sub` (Keycloak puts realm roles there). `introspection`: what the issuer says about the access \
             token, asked as the section of that name says (which lets opaque bearer tokens in, too). `microsoft_graph` and `google_directory`: the groups, from \
             the interface of the section of that name. A source that fails lets nobody sign in; at a refresh the claims \
             stay as they were.",
        )
        .default("[id_token]")
        .example("claims_from: [id_token, userinfo]"),
        Key::new("microsoft_graph", Shape::Section(&MICROSOFT_GRAPH), "How Microsoft Graph is asked for groups."),
        Key::new("google_directory", Shape::Section(&GOOGLE_DIRECTORY), "How Google Workspace is asked for groups.")
            .absent("it is not asked"),
        Key::new("groups", Shape::Section(&GROUPS), "Where group names are found."),
        Key::new(
            "audience",
            Shape::OneOrMany(&Shape::Text(&TEXT)),
            "Audiences of which one must be in a bearer token. The same as `access_token.audience`.",
        )
        .absent("bearer tokens of this issuer are accepted only if `introspection` vouches for them")
        .example("audience: https://deploy.example.com"),
        Key::new("access_token", Shape::Section(&ACCESS_TOKEN), "What a bearer token looks like."),
        Key::new("introspection", Shape::Section(&INTROSPECTION), "Opaque tokens: the issuer is asked about them.")
            .absent("opaque tokens are refused"),
        Key::new(
            "signing_algorithms",
            Shape::Several(&Shape::Word(&ALGORITHM)),
            "The signatures that are accepted on ID and access tokens and on DPoP proofs (JOSE names). `Ed25519` and \
             `EdDSA` are one. ES384 costs twelve times as much to check as RS256, ES512 twenty times: who may send \
             anything can make us work that much.",
        )
        .default("[RS256, PS256, ES256, ES384, EdDSA]"),
        Key::new("logout", Shape::Section(&LOGOUT), "How people are signed out at the issuer."),
        Key::new("clock_skew", Shape::millis(0, 300_000), "How far the clocks may differ.").default("60s"),
        Key::new(
            "ca_file",
            Shape::Text(&FILE),
            "Certificates (PEM) that are trusted for calls to this issuer instead of the system's roots.",
        )
        .absent("the system's roots")
        .example("ca_file: corp-ca.pem"),
        Key::new("timeout", Shape::millis(100, 60_000), "Of one call to the issuer.").default("5s"),
    ],
};

pub(crate) static GROUPS: Section = Section {
    title: "`providers.*.groups`",
    doc: "Where group names are found, and how they are shortened. Policies and headers see the result as the claim \
          `groups`.",
    keys: &[
        Key::new(
            "claims",
            Shape::Several(&Shape::Text(&CLAIM_PATH)),
            "The values of all these claims together are the groups.",
        )
        .default("[groups]")
        .example("claims: [groups, realm_access.roles]"),
        Key::new("strip_prefix", Shape::Text(&TEXT), "Removed once from the front of each value.")
            .absent("values stay as they are")
            .example("strip_prefix: /"),
    ],
};

pub(crate) static ACCESS_TOKEN: Section = Section {
    title: "`providers.*.access_token`",
    doc: "What a bearer token of this issuer looks like (RFC 9068, and where issuers differ from it).",
    keys: &[
        Key::new("audience", Shape::OneOrMany(&Shape::Text(&TEXT)), "Audiences of which one must be in the token.")
            .absent("as `audience` of the provider"),
        Key::new(
            "typ",
            Shape::OneOrMany(&Shape::Text(&TEXT)),
            "Accepted `typ` values of the header. `jwt` must be named to be accepted: with it, an ID token of the same \
             audience passes for an access token.",
        )
        .default("[at+jwt, application/at+jwt]"),
        Key::new(
            "audience_claims",
            Shape::Several(&Shape::Text(&CLAIM_NAME)),
            "The claims that hold the audience; the first that is there counts. Cognito puts no `aud` into access \
             tokens: `[aud, client_id]` with the client's id as `audience`.",
        )
        .default("[aud]"),
        Key::new(
            "dpop_nonce",
            Shape::Bool,
            "DPoP proofs must carry a nonce of ours (RFC 9449 section 9): a proof that was made in advance is worth \
             nothing. Clients ask once more to learn it. The nonce is of this process: behind several nodes a client \
             should stay on one.",
        )
        .default("false"),
        Key::new("scope_claims", Shape::Several(&Shape::Text(&CLAIM_NAME)), "The claims that hold the scopes.")
            .default("[scope, scp]"),
        Key::new(
            "client_id_claims",
            Shape::Several(&Shape::Text(&CLAIM_NAME)),
            "The claims that hold the client's id; the first that is there counts.",
        )
        .default("[client_id, azp, cid]"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>, name: Name) -> Provider {
    let _: Option<Word> = fields.optional("preset");
    let access_token = fields.section("access_token");
    let (issuer, claims_from) = (issuer::issuer(fields), claims::sources(fields));
    Provider {
        client: client::read(fields, &name),
        name,
        display_name: fields.optional("display_name"),
        issuer_aliases: issuer::aliases(fields),
        allowed_tenants: issuer::tenants(fields, &issuer),
        issuer,
        audiences: audiences(fields, &access_token),
        access_token_types: lower(access_token.get("typ")),
        scope_claims: claim_names(&access_token, "scope_claims"),
        client_id_claims: claim_names(&access_token, "client_id_claims"),
        audience_claims: claim_names(&access_token, "audience_claims"),
        dpop_nonce: access_token.get("dpop_nonce"),
        introspection: introspection::read(fields),
        signing_algorithms: words(fields, "signing_algorithms"),
        groups: groups(&fields.section("groups")),
        microsoft_graph: claims::microsoft_graph(fields, &claims_from),
        google_directory: claims::google_directory(fields, &claims_from),
        claims_from,
        clock_skew: fields.get::<Duration>("clock_skew"),
        ca_file: file::readable(fields, "ca_file"),
        timeout: fields.get::<Duration>("timeout"),
    }
}

fn audiences(fields: &Fields<'_>, access_token: &Fields<'_>) -> Vec<String> {
    let mut audiences: Vec<String> = fields.optional("audience").unwrap_or_default();
    for audience in access_token.optional::<Vec<String>>("audience").unwrap_or_default() {
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    audiences
}

fn lower(types: Vec<String>) -> Vec<String> {
    types.into_iter().map(|typ| typ.to_ascii_lowercase()).collect()
}

fn claim_names(fields: &Fields<'_>, key: &str) -> Vec<String> {
    fields.get::<Vec<ClaimName>>(key).into_iter().map(|ClaimName(name)| name).collect()
}

fn words(fields: &Fields<'_>, key: &str) -> Vec<String> {
    fields.get::<Vec<Word>>(key).into_iter().map(|Word(word)| word.to_owned()).collect()
}

fn groups(fields: &Fields<'_>) -> Groups {
    Groups { claims: fields.get::<Vec<ClaimPath>>("claims"), strip_prefix: fields.optional("strip_prefix") }
}
