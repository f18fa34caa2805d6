//! `providers.*.introspection`: opaque tokens, about which the issuer is asked (RFC 7662).

use std::time::Duration;

use super::client;
use crate::codes;
use crate::describe::{Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::provider::Introspection;
use crate::section::{FILE, TEXT};

pub(crate) static INTROSPECTION: Section = Section {
    title: "`providers.*.introspection`",
    doc: "Opaque access tokens: the issuer is asked about each (RFC 7662), with the client id and secret of a resource \
          server. Where the provider has an `audience` too, tokens of the form of a JWT are checked here and every \
          other one there. When the issuer does not answer, the request is refused with 503.",
    keys: &[
        Key::new("client_id", Shape::Text(&TEXT), "Our client at the introspection endpoint.")
            .required()
            .example("client_id: ostia-rs"),
        Key::new("client_secret", Shape::Secret, "Its secret. Better in a file: `client_secret_file`.")
            .absent("in `client_secret_file`")
            .example("client_secret: ${INTROSPECTION_SECRET:?from the vault}"),
        Key::new(
            "client_secret_file",
            Shape::Text(&FILE),
            "The file that holds the secret, found as that of the provider's `client_secret_file`.",
        )
        .absent("in `client_secret`")
        .example("client_secret_file: rs-secret"),
        Key::new(
            "cache",
            Shape::millis(0, 60_000),
            "How long an answer counts: a token that the issuer revokes is refused at the latest after this time.",
        )
        .default("30s"),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<Introspection> {
    if !fields.has("introspection") {
        return None;
    }
    let section = fields.section("introspection");
    let client_id = section.get("client_id");
    let cache = section.get::<Duration>("cache");
    let Some(client_secret) = client::secret(&section) else {
        tell_no_secret(&section);
        return None;
    };
    Some(Introspection { client_id, client_secret, cache })
}

fn tell_no_secret(section: &Fields<'_>) {
    let keys = ["client_secret", "client_secret_file"];
    let told = keys.iter().any(|key| section.has(key) || section.is_meant(key));
    if !told {
        let message = format!("`{}` has no `client_secret_file`", section.path);
        let path = section.sub("client_secret_file");
        let finding = Finding::new(codes::MISSING_KEY, section.span, path, message);
        section
            .cx
            .findings
            .add(finding.help("the introspection endpoint answers nobody who does not prove who they are"));
    }
}
