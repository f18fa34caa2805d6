//! Where the claims of people come from: `claims_from`, and the interfaces that are asked for groups.

use std::time::Duration;

use url::Url;

use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::provider::{ClaimsSource, GoogleDirectory, MicrosoftGraph};
use crate::scalar::{AnyUrl, is_loopback};
use crate::section::{FILE, TEXT, URL};
use crate::value::Word;

pub(super) static CLAIMS_FROM: Words = Words {
    now: &["id_token", "userinfo", "access_token", "introspection", "microsoft_graph", "google_directory"],
    later: &[],
};

const CACHE: &str =
    "How long the groups of one person count before they are asked for again at a sign-in or a refresh.";

pub(crate) static MICROSOFT_GRAPH: Section = Section {
    title: "`providers.*.microsoft_graph`",
    doc: "Microsoft Graph, for `claims_from: [id_token, microsoft_graph]`. Entra leaves the groups out of the token of \
          somebody who is in more than 200 and says so (`_claim_names`, `hasgroups`); then, and only then, Graph is \
          asked for all of them (`me/transitiveMemberOf`), with the person's own access token: `scopes` has \
          `User.Read`. At most 10,000 groups.",
    keys: &[
        Key::new("url", Shape::Text(&URL), "The API with its version; the national clouds have other hosts.")
            .default("https://graph.microsoft.com/v1.0"),
        Key::new("cache", Shape::millis(0, 3_600_000), CACHE).default("5m"),
    ],
};

pub(crate) static GOOGLE_DIRECTORY: Section = Section {
    title: "`providers.*.google_directory`",
    doc: "The Admin SDK of Google Workspace, for `claims_from: [id_token, google_directory]`: the addresses of the \
          groups of whoever signs in become the claim `groups`. Google puts no groups into tokens. Asked by a service \
          account with domain-wide delegation for \
          `https://www.googleapis.com/auth/admin.directory.group.readonly`. At most 10,000 groups.",
    keys: &[
        Key::new(
            "service_account_file",
            Shape::Text(&FILE),
            "The key of the service account, JSON as Google hands it out. Found as `client_secret_file` is.",
        )
        .required()
        .example("service_account_file: google-service-account.json"),
        Key::new("admin", Shape::Text(&TEXT), "The administrator whom the service account speaks for.")
            .required()
            .example("admin: directory-reader@example.com"),
        Key::new("url", Shape::Text(&URL), "The API with its version.")
            .default("https://admin.googleapis.com/admin/directory/v1"),
        Key::new("cache", Shape::millis(0, 3_600_000), CACHE).default("5m"),
    ],
};

/// `claims_from` without the ID token, which is always among them.
pub(super) fn sources(fields: &Fields<'_>) -> Vec<ClaimsSource> {
    let words: Vec<Word> = fields.get("claims_from");
    let mut sources: Vec<ClaimsSource> = Vec::new();
    for source in words.iter().filter_map(|Word(word)| ClaimsSource::of(word)) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    if !sources.is_empty() && !words.contains(&Word("id_token")) {
        let help = format!("the others only add to the ID token: `[id_token, {}]`", shown(&sources));
        tell(fields, codes::BAD_VALUE, "leaves out `id_token`", &help);
    }
    for (source, help) in [
        (ClaimsSource::GoogleDirectory, "add `google_directory: { service_account_file: …, admin: … }`"),
        (ClaimsSource::Introspection, "add `introspection: { client_id: …, client_secret_file: … }`"),
    ] {
        let section = source.as_str();
        if sources.contains(&source) && !fields.has(section) {
            tell(fields, codes::MISSING_KEY, &format!("names `{section}`, which is not set up"), help);
        }
    }
    sources
}

fn shown(sources: &[ClaimsSource]) -> String {
    let words: Vec<&str> = sources.iter().map(|source| source.as_str()).collect();
    words.join(", ")
}

fn tell(fields: &Fields<'_>, code: &'static str, what: &str, help: &str) {
    let message = format!("`{}` {what}", fields.sub("claims_from"));
    let at = fields.sub("claims_from");
    fields.cx.findings.add(Finding::new(code, fields.value_span("claims_from"), at, message).help(help));
}

/// `microsoft_graph`, where `claims_from` names it.
pub(super) fn microsoft_graph(fields: &Fields<'_>, sources: &[ClaimsSource]) -> Option<MicrosoftGraph> {
    let section = fields.section("microsoft_graph");
    let (url, cache) = (url(&section), section.get::<Duration>("cache"));
    is_used(fields, "microsoft_graph", ClaimsSource::MicrosoftGraph, sources)
        .then_some(MicrosoftGraph { url: url?, cache })
}

/// `google_directory`, where `claims_from` names it.
pub(super) fn google_directory(fields: &Fields<'_>, sources: &[ClaimsSource]) -> Option<GoogleDirectory> {
    if !fields.has("google_directory") {
        return None;
    }
    let section = fields.section("google_directory");
    let directory = GoogleDirectory {
        service_account_file: file::readable_key(&section, "service_account_file").unwrap_or_default(),
        admin: section.get("admin"),
        url: url(&section)?,
        cache: section.get::<Duration>("cache"),
    };
    is_used(fields, "google_directory", ClaimsSource::GoogleDirectory, sources).then_some(directory)
}

/// A section that nobody reads is a mistake: without its name in `claims_from` the groups would silently be missing.
fn is_used(fields: &Fields<'_>, key: &str, source: ClaimsSource, sources: &[ClaimsSource]) -> bool {
    let used = sources.contains(&source);
    if !used && fields.has(key) && !fields.cx.findings.spoils(&fields.sub("claims_from")) {
        let message = format!("`{}` is asked for nothing", fields.sub(key));
        let finding = Finding::new(codes::CLAIMS_SOURCE, fields.key_span(key), fields.sub(key), message);
        fields
            .cx
            .findings
            .add(finding.help(format!("add it: `claims_from: [id_token, {}]`", source.as_str())));
    }
    used
}

fn url(section: &Fields<'_>) -> Option<Url> {
    let AnyUrl(url) = section.filled("url")?;
    if url.scheme() != "https" && !is_loopback(&url) {
        let message = format!("`{}` is plain `http`", section.sub("url"));
        let finding = Finding::new(codes::ISSUER, section.value_span("url"), section.sub("url"), message);
        section.cx.findings.add(finding.help("an `https` URL; plain `http` is for a loopback address only"));
    }
    Some(url)
}
