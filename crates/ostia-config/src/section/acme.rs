//! `listeners.*.tls.acme`: certificates that an authority issues by itself.

use url::Url;

use crate::Secret;
use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::listener::{Acme, AcmeChallenge, ExternalAccount};
use crate::route::HostPattern;
use crate::scalar::{AnyUrl, FileName};
use crate::section::{FILE, TEXT, URL};
use crate::value::{FromText, Place, Word};

static HOST: Grammar = <HostPattern as FromText>::GRAMMAR;
static CHALLENGE: Words = Words { now: &["tls-alpn-01", "http-01"], later: &["dns-01"] };

pub(crate) static ACME: Section = Section {
    title: "`listeners.*.tls.acme`",
    doc: "Certificates by ACME (RFC 8555): ordered, renewed in the window that the authority names (RFC 9773) or when a \
          third of their time is left, and kept in `folder`. The authority asks back on port 443 of this listener \
          (`tls-alpn-01`) or on port 80 of a plain one (`http-01`); Ostia answers on every listener, before redirects.",
    keys: &[
        Key::new(
            "contact",
            Shape::OneOrMany(&Shape::Text(&TEXT)),
            "Where the authority writes to, as URLs.",
        )
        .absent("nowhere")
        .example("contact: mailto:ops@example.com"),
        Key::new(
            "terms_of_service_agreed",
            Shape::Bool,
            "That you agree to the authority's terms of service. Without, there is no account.",
        )
        .required(),
        Key::new("directory", Shape::Text(&URL), "The authority's directory.").absent("Let's Encrypt's"),
        Key::new("ca_file", Shape::Text(&FILE), "Who vouches for the authority's own server: one certificate, PEM.")
            .absent("the authorities of the system"),
        Key::new(
            "names",
            Shape::List(&Shape::Text(&HOST)),
            "The names to have certificates for, one certificate each. No wildcards.",
        )
        .absent("the exact hosts of all routes for which `certificates` has none")
        .example("names: [app.example.com]"),
        Key::new(
            "challenges",
            Shape::Several(&Shape::Word(&CHALLENGE)),
            "How the authority may ask back. After a failure the next one is tried.",
        )
        .default("[tls-alpn-01, http-01]"),
        Key::new(
            "external_account",
            Shape::Section(&EXTERNAL_ACCOUNT),
            "The account at the authority's own site that ours belongs to (RFC 8555 section 7.3.4).",
        )
        .absent("none"),
        Key::new(
            "folder",
            Shape::Text(&FILE),
            "Where accounts, keys and certificates are kept. Nodes that share it order each certificate once, and each \
             answers for all of them.",
        )
        .absent("`acme` in the state folder")
        .example("folder: /srv/shared/acme"),
    ],
};

pub(crate) static EXTERNAL_ACCOUNT: Section = Section {
    title: "`listeners.*.tls.acme.external_account`",
    doc: "What the authority's site shows.",
    keys: &[
        Key::new("key_id", Shape::Text(&TEXT), "The key's identifier.").required(),
        Key::new("hmac_key", Shape::Secret, "The key, as base64url. Better in a file: `hmac_key_file`.")
            .absent("`hmac_key_file`"),
        Key::new("hmac_key_file", Shape::Text(&FILE), "The file of the key, as base64url.")
            .absent("`hmac_key`"),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Acme {
    if !fields.optional::<bool>("terms_of_service_agreed").unwrap_or(true) {
        let path = fields.sub("terms_of_service_agreed");
        let message = format!("`{path}` is false, so there can be no account");
        let finding = Finding::new(
            codes::TERMS_OF_SERVICE,
            fields.value_span("terms_of_service_agreed"),
            path,
            message,
        );
        fields
            .cx
            .findings
            .add(finding.help("read the authority's terms; then `terms_of_service_agreed: true`"));
    }
    let directory = fields.optional::<AnyUrl>("directory").map(|AnyUrl(url)| https(fields, url));
    let folder =
        fields.optional::<FileName>("folder").map(|FileName(folder)| fields.cx.base_dir.join(folder));
    Acme {
        contact: fields.optional("contact").unwrap_or_default(),
        directory,
        ca_file: file::readable(fields, "ca_file"),
        names: names(fields),
        challenges: challenges(fields),
        external_account: fields
            .has("external_account")
            .then(|| external_account(&fields.section("external_account")))
            .flatten(),
        folder,
    }
}

fn https(fields: &Fields<'_>, directory: Url) -> Url {
    if directory.scheme() != "https" {
        let path = fields.sub("directory");
        let message = format!("`{path}` is not an `https` URL");
        fields.cx.findings.add(Finding::new(codes::BAD_VALUE, fields.value_span("directory"), path, message));
    }
    directory
}

fn names(fields: &Fields<'_>) -> Vec<String> {
    let written: Vec<HostPattern> = fields.optional("names").unwrap_or_default();
    let items = fields.list("names");
    let mut names = Vec::with_capacity(written.len());
    for (at, host) in written.into_iter().enumerate() {
        match host {
            HostPattern::Exact(name) if is_name(&name) => names.push(name),
            _ => {
                let span = items.get(at).map_or(fields.span, |(item, _)| item.span);
                let path = fields.sub("names");
                let message =
                    format!("`{path}`: neither a wildcard nor an address can be had by these challenges");
                let finding = Finding::new(codes::ACME_NAME, span, path, message);
                fields
                    .cx
                    .findings
                    .add(finding.help("write each name out; for a wildcard use `certificates`"));
            }
        }
    }
    names
}

/// Whether an authority could issue for it: a name, and not one of this machine alone.
pub(crate) fn is_name(host: &str) -> bool {
    !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err()
}

fn challenges(fields: &Fields<'_>) -> Vec<AcmeChallenge> {
    let words: Vec<Word> = fields.get("challenges");
    let challenge = |Word(word)| match word {
        "http-01" => AcmeChallenge::Http01,
        _ => AcmeChallenge::TlsAlpn01,
    };
    words.into_iter().map(challenge).collect()
}

fn external_account(fields: &Fields<'_>) -> Option<ExternalAccount> {
    let hmac_key = file::secret(fields, "hmac_key_file").or_else(|| literal_key(fields));
    if hmac_key.is_none() && !fields.has("hmac_key_file") && !fields.has("hmac_key") {
        let path = fields.sub("hmac_key_file");
        let message = format!("`{}` has no key", fields.path);
        let finding = Finding::new(codes::EITHER_OR, fields.span, path, message);
        fields.cx.findings.add(finding.help("`hmac_key_file: acme-hmac-key`"));
    }
    Some(ExternalAccount { key_id: fields.get("key_id"), hmac_key: hmac_key? })
}

fn literal_key(fields: &Fields<'_>) -> Option<Secret<String>> {
    let path = fields.sub("hmac_key");
    let place = Place { cx: fields.cx, node: fields.node("hmac_key")?, shape: Shape::Secret, path: &path };
    Some(Secret::new(place.scalar()?.text.clone()))
}
