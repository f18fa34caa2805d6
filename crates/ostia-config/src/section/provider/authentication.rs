//! How the token endpoint knows us: a secret, a key, a certificate, or nothing.

use crate::codes;
use crate::describe::Words;
use crate::fields::Fields;
use crate::file;
use crate::findings::Finding;
use crate::provider::{ClientAuthMethod, ClientKey};
use crate::secret::Secret;
use crate::value::Word;

pub(super) static METHODS: Words = Words {
    now: &[
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
        "none",
    ],
    later: &[],
};

const METHOD: &str = "token_endpoint_auth_method";
/// The least that a MAC of HS256 takes as its key (RFC 7518 section 3.2).
const LEAST_MAC_KEY: usize = 32;

pub(super) fn read(fields: &Fields<'_>, secrets: &[Secret<String>]) -> (ClientAuthMethod, Option<ClientKey>) {
    let has_secret = !secrets.is_empty();
    let written = fields.optional::<Word>(METHOD);
    let method = match written.map(|word| word.0) {
        Some("client_secret_basic") => ClientAuthMethod::Basic,
        Some("client_secret_post") => ClientAuthMethod::Post,
        Some("client_secret_jwt") => ClientAuthMethod::SecretJwt,
        Some("private_key_jwt") => ClientAuthMethod::PrivateKeyJwt,
        Some("tls_client_auth") => ClientAuthMethod::TlsClientAuth,
        Some("self_signed_tls_client_auth") => ClientAuthMethod::SelfSignedTlsClientAuth,
        None if has_secret => ClientAuthMethod::Basic,
        Some(_) | None => ClientAuthMethod::None,
    };
    if written.is_some() {
        check_secret_fits(fields, method, has_secret);
    }
    if method == ClientAuthMethod::SecretJwt
        && secrets.iter().any(|secret| secret.reveal().len() < LEAST_MAC_KEY)
    {
        let message =
            format!("a secret of less than {LEAST_MAC_KEY} bytes is no key for `client_secret_jwt`");
        let finding = Finding::new(codes::SECRET_FIT, fields.value_span(METHOD), fields.sub(METHOD), message);
        fields.cx.findings.add(
            finding.help("have the issuer make a longer one: anybody who sees a statement could guess it"),
        );
    }
    (method, key(fields, method))
}

fn check_secret_fits(fields: &Fields<'_>, method: ClientAuthMethod, has_secret: bool) {
    let told =
        ["client_secret", "client_secret_file"].iter().any(|key| fields.cx.findings.spoils(&fields.sub(key)));
    let (message, help) = match (method, has_secret) {
        (ClientAuthMethod::None, true) => (
            "`none` goes without a secret, but there is one",
            "remove the secret, or `token_endpoint_auth_method`",
        ),
        (method, false) if method.is_by_secret() => {
            ("this method needs a secret, and there is none", "add `client_secret_file`")
        }
        (method, true) if !method.is_by_secret() => (
            "this method goes without a secret, but there is one",
            "remove the secret: whoever finds it must not pass for us",
        ),
        _ => return,
    };
    if !told {
        fields.cx.findings.add(
            Finding::new(codes::SECRET_FIT, fields.value_span(METHOD), fields.sub(METHOD), message)
                .help(help),
        );
    }
}

/// The files that the method needs, and none that it does not.
fn key(fields: &Fields<'_>, method: ClientAuthMethod) -> Option<ClientKey> {
    let needs_key = method == ClientAuthMethod::PrivateKeyJwt || method.is_by_certificate();
    for (key, needed) in [("key_file", needs_key), ("cert_file", method.is_by_certificate())] {
        match (needed, fields.has(key)) {
            (true, false) if !fields.is_meant(key) => {
                let message = format!("this method needs `{key}`");
                let finding =
                    Finding::new(codes::SECRET_FIT, fields.value_span(METHOD), fields.sub(METHOD), message);
                fields.cx.findings.add(finding.help(format!("add `{key}`")));
            }
            (false, true) => {
                let message = format!("nothing is done with `{}` by this method", fields.sub(key));
                let finding = Finding::new(codes::SECRET_FIT, fields.key_span(key), fields.sub(key), message);
                fields.cx.findings.add(finding.help(
                    "name the method: `token_endpoint_auth_method: private_key_jwt`, or `tls_client_auth`",
                ));
            }
            _ => {}
        }
    }
    if !needs_key {
        return None;
    }
    let certificate = file::certificates(fields, "cert_file").filter(|_| method.is_by_certificate());
    let (file, private) = file::private_key(fields, "key_file")?;
    Some(ClientKey { file, private, certificate })
}
