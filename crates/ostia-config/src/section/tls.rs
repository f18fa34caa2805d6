//! `listeners.*.tls`: certificates, those of clients, session tickets.

use crate::codes;
use crate::describe::{Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::listener::{Certificate, ClientCertificates, Tls, TlsVersion};
use crate::section::{FILE, acme};
use crate::value::Word;

static TLS_VERSION: Words = Words { now: &["1.2", "1.3"], later: &[] };
static CLIENT_CERTIFICATE: Words = Words { now: &["optional", "required"], later: &[] };

pub(crate) static TLS: Section = Section {
    title: "`listeners.*.tls`",
    doc: "TLS of a listener.",
    keys: &[
        Key::new(
            "certificates",
            Shape::Several(&Shape::Section(&CERTIFICATE)),
            "Certificate chains with their keys, chosen by SNI from the names in each certificate; the first also \
             answers clients without SNI. The files are looked at every second; a changed pair is served to new \
             connections, a broken one leaves the old in use and `ostia_tls_file_current` at 0.",
        )
        .required()
        .own_check()
        .example("certificates: [{ cert_file: app.pem, key_file: app.key }]"),
        Key::new("min_version", Shape::Word(&TLS_VERSION), "The lowest version of TLS.").default("\"1.2\""),
        Key::new(
            "client_ca_file",
            Shape::Text(&FILE),
            "Asks clients for a certificate that one of these authorities (PEM) signed. Watched like `certificates`; a \
             change also ends the resumption of sessions that an authority of before vouched for.",
        )
        .absent("clients are not asked")
        .example("client_ca_file: partners-ca.pem"),
        Key::new(
            "client_certificate",
            Shape::Word(&CLIENT_CERTIFICATE),
            "Whether a client must show a certificate. With `optional` one that is shown must still be good.",
        )
        .absent("`required` with `client_ca_file`, else clients are not asked"),
        Key::new(
            "ticket_keys_file",
            Shape::Text(&FILE),
            "Keys of session tickets, shared by every node that is to resume the same sessions: one key a line, 32 \
             random bytes as hex (`openssl rand -hex 32`). The first seals, all open; watched. A ticket lives 12 h.",
        )
        .absent("a file in the state folder that Ostia makes and changes every 24 h")
        .example("ticket_keys_file: tickets.keys"),
        Key::new("acme", Shape::Section(&acme::ACME), "Certificates that an authority issues by itself (ACME).")
            .absent("the files of `certificates` alone")
            .example("acme: { contact: mailto:ops@example.com, terms_of_service_agreed: true }"),
    ],
};

pub(crate) static CERTIFICATE: Section = Section {
    title: "`listeners.*.tls.certificates[]`",
    doc: "A chain and its key, both PEM. Relative names are looked for in `$CREDENTIALS_DIRECTORY`, then beside the \
          configuration.",
    keys: &[
        Key::new("cert_file", Shape::Text(&FILE), "The chain, leaf first.").required(),
        Key::new("key_file", Shape::Text(&FILE), "The key: PKCS#8, PKCS#1 or SEC1.").required(),
    ],
};

pub(crate) fn read(fields: &Fields<'_>) -> Tls {
    let certificates = fields.list("certificates");
    let waits = fields.has("acme") || fields.cx.findings.spoils(&fields.path);
    if certificates.is_empty() && !waits {
        let finding = Finding::new(
            codes::NO_CERTIFICATE,
            fields.key_span("certificates"),
            fields.sub("certificates"),
            format!("`{}` has no certificate", fields.path),
        );
        fields.cx.findings.add(finding.help("`certificates: [{ cert_file: app.pem, key_file: app.key }]`"));
    }
    let min_version = if fields.word("min_version") == "1.3" { TlsVersion::Tls13 } else { TlsVersion::Tls12 };
    let certificates = certificates
        .into_iter()
        .map(|(node, path)| {
            let certificate = Fields::open(fields.cx, Some(node), &CERTIFICATE, &path, node.span);
            Certificate {
                cert_file: file::readable(&certificate, "cert_file").unwrap_or_default(),
                key_file: file::readable_key(&certificate, "key_file").unwrap_or_default(),
            }
        })
        .collect();
    Tls {
        certificates,
        min_version,
        client_certificates: client_certificates(fields),
        ticket_keys_file: file::readable_key(fields, "ticket_keys_file"),
        acme: fields.has("acme").then(|| acme::read(&fields.section("acme"))),
    }
}

fn client_certificates(fields: &Fields<'_>) -> Option<ClientCertificates> {
    let word = fields.optional::<Word>("client_certificate").map(|Word(word)| word);
    let Some(ca_file) = file::readable(fields, "client_ca_file") else {
        if word.is_some() && !fields.has("client_ca_file") && !fields.is_meant("client_ca_file") {
            let message = format!(
                "`{}` asks for certificates that nobody vouches for",
                fields.sub("client_certificate")
            );
            let finding = Finding::new(
                codes::CLIENT_CERTIFICATE,
                fields.key_span("client_certificate"),
                fields.sub("client_certificate"),
                message,
            );
            fields.cx.findings.add(finding.help("name the authorities: `client_ca_file: partners-ca.pem`"));
        }
        return None;
    };
    Some(ClientCertificates { ca_file, is_required: word != Some("optional") })
}
