//! `policies.*.client_certificate`: what the client's certificate says.

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::CertificateCondition;
use crate::section::policy::TEXTS;
use crate::value::{FromText, Wrong};

static DIGEST: Grammar = <Digest as FromText>::GRAMMAR;

pub(crate) static CERTIFICATE: Section = Section {
    title: "`policies.*.client_certificate`",
    doc: "What the certificate says that the client's connection was made with. Every key that is written must hold; \
          without a certificate none does, nor does its `not`.",
    keys: &[
        Key::new(
            "subject",
            TEXTS,
            "The distinguished name of the subject as RFC 4514 writes it; `*` stands for any characters, `?` for one.",
        )
        .absent("any subject")
        .example("subject: \"CN=robot-*,O=Example\""),
        Key::new(
            "san",
            TEXTS,
            "One of the subject alternative names: a DNS name, e-mail address, URI or IP address; `*` and `?` as above.",
        )
        .absent("any name")
        .example("san: \"spiffe://example.com/robots/*\""),
        Key::new("issuer", TEXTS, "The distinguished name of the issuer; `*` and `?` as above.").absent("any issuer"),
        Key::new(
            "sha256",
            Shape::OneOrMany(&Shape::Text(&DIGEST)),
            "The SHA-256 of the certificate: 64 hexadecimal digits, with or without colons.",
        )
        .absent("any certificate"),
    ],
};

/// A SHA-256 as hex.
struct Digest(String);

impl FromText for Digest {
    const GRAMMAR: Grammar =
        Grammar { name: "a SHA-256 in hexadecimal", pattern: "^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let hex: String = text.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
        if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(hex));
        }
        Err(Wrong::new("is not a SHA-256 in hexadecimal")
            .help("as `openssl x509 -noout -fingerprint -sha256` prints it"))
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Option<CertificateCondition> {
    let node = fields.node("client_certificate")?;
    let (path, span) = (fields.sub("client_certificate"), fields.key_span("client_certificate"));
    let inner = Fields::open(fields.cx, Some(node), &CERTIFICATE, &path, span);
    let digests: Vec<Digest> = inner.optional("sha256").unwrap_or_default();
    let condition = CertificateCondition {
        subjects: inner.optional("subject").unwrap_or_default(),
        names: inner.optional("san").unwrap_or_default(),
        issuers: inner.optional("issuer").unwrap_or_default(),
        sha256: digests.into_iter().map(|Digest(hex)| hex).collect(),
    };
    if condition == CertificateCondition::default() && !inner.cx.findings.spoils(&inner.path) {
        let message = format!("`{}` asks for nothing", inner.path);
        let finding = Finding::new(codes::EMPTY_POLICY, inner.span, &*inner.path, message);
        inner
            .cx
            .findings
            .add(finding.help("name a `subject`, `san`, `issuer` or `sha256`; `san: \"*\"` is any"));
    }
    Some(condition)
}
