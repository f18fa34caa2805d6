//! Templates of the configuration filled with what a request says.

use std::borrow::Cow;

use http::HeaderValue;
use ostia_config::Template;
use ostia_config::template::{CertificateFact, Piece, Variable};
use ostia_extension::{ClientCertificate, RequestView};

use crate::projection::{claim_text, encoded};

/// A value longer than this is not sent: an upstream would refuse the whole request for it.
const MOST_BYTES: usize = 16 * 1024;

/// A template as a field value. `None` when something that it takes from the caller is not there, or when it grows too
/// long: half a value is none.
pub(crate) fn field_value(template: &Template, request: &RequestView<'_>) -> Option<HeaderValue> {
    let text = text(template, request)?;
    HeaderValue::from_str(text.trim_matches(' ')).ok().filter(|value| !value.is_empty())
}

/// A template as text: visible ASCII and spaces, whatever the request holds.
pub(crate) fn text(template: &Template, request: &RequestView<'_>) -> Option<String> {
    let mut filled = String::with_capacity(template.as_str().len() + 64);
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Variable(variable) => push(variable, request, &mut filled)?,
        }
        if filled.len() > MOST_BYTES {
            return None;
        }
    }
    Some(filled)
}

fn push(variable: &Variable, request: &RequestView<'_>, filled: &mut String) -> Option<()> {
    match variable {
        Variable::Claim(path) => filled.push_str(&claim_text(request.identity()?, path)?),
        Variable::Provider => filled.push_str(&request.identity()?.provider),
        Variable::Uri => {
            filled.push_str(request.path());
            if let Some(query) = request.query() {
                filled.push('?');
                filled.push_str(query);
            }
        }
        Variable::Path => filled.push_str(request.path()),
        Variable::Query => filled.push_str(request.query().unwrap_or_default()),
        Variable::Host => filled.push_str(request.host()),
        Variable::Scheme => filled.push_str(if request.is_tls() { "https" } else { "http" }),
        Variable::Method => filled.push_str(request.method().as_str()),
        Variable::Client => filled.push_str(&request.client().to_string()),
        Variable::RequestId => filled.push_str(request.id()),
        Variable::Route => filled.push_str(request.route()),
        Variable::ClientCertificate(fact) => {
            let fact = certified(*fact, request.client_certificate()?);
            if fact.is_empty() {
                return None;
            }
            filled.push_str(&fact);
        }
    }
    Some(())
}

/// What a certificate says, as safe bytes; names are a list like a claim with several values.
fn certified(fact: CertificateFact, certificate: ClientCertificate<'_>) -> Cow<'_, str> {
    match fact {
        CertificateFact::Subject => encoded(certificate.subject, false).into(),
        CertificateFact::Issuer => encoded(certificate.issuer, false).into(),
        CertificateFact::Names => {
            certificate.names.iter().map(|name| encoded(name, true)).collect::<Vec<_>>().join(",").into()
        }
        CertificateFact::Serial => certificate.serial.into(),
        CertificateFact::Sha256 => certificate.sha256.into(),
        CertificateFact::Der => base64_simd::STANDARD.encode_to_string(certificate.der).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use http::{HeaderMap, Method};
    use ostia_identity::{Claims, Identity, Proof};
    use serde_json::json;

    use super::*;

    fn ana() -> Identity {
        let claims =
            json!({ "role": "lead", "groups": ["a,b", "c"], "name": "Zoë\r\nX-Admin: 1", "none": null });
        Identity {
            provider: Arc::from("corp"),
            issuer: Arc::from("https://login.example.com"),
            subject: Arc::from("ana"),
            claims: Claims::new(claims.as_object().unwrap().clone()),
            scopes: Vec::new(),
            proof: Proof::Session,
            expires_at: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn template_is_filled_with_safe_bytes_or_not_at_all() {
        let (headers, ana) = (HeaderMap::new(), ana());
        let names = ["robot.example".to_owned(), "spiffe://a/b,c".to_owned()];
        let mut shown = ClientCertificate::default();
        shown.subject = "CN=Zoë,O=Example";
        shown.issuer = "CN=Partners";
        shown.names = &names;
        shown.serial = "0a1b";
        shown.sha256 = "00ff";
        shown.der = &[0, 1, 2];
        let known = RequestView::new(&Method::PUT, "/a/b", &headers, Some(&ana))
            .with_query(Some("x=1"))
            .with_route("app.example.com", "app")
            .with_client([192, 0, 2, 1].into(), true)
            .with_client_certificate(Some(shown))
            .with_id("id-1");
        let nobody = RequestView::new(&Method::GET, "/", &headers, None);
        for (template, of_ana, of_nobody) in [
            ("{claims.role}", Some("lead"), None),
            ("role={claims.role}; by {provider}", Some("role=lead; by corp"), None),
            ("{claims.groups}", Some("a%2Cb,c"), None),
            ("{claims.name}", Some("Zo%C3%AB%0D%0AX-Admin: 1"), None),
            ("{claims.sub}@{claims.iss}", Some("ana@https://login.example.com"), None),
            ("x{claims.none}", None, None),
            ("x{claims.missing}", None, None),
            ("{uri}|{path}|{query}", Some("/a/b?x=1|/a/b|x=1"), Some("/|/|")),
            (
                "{scheme} {method} {client} {host} {route} {request_id}",
                Some("https PUT 192.0.2.1 app.example.com app id-1"),
                Some("http GET 0.0.0.0"),
            ),
            ("{client_certificate.subject}", Some("CN=Zo%C3%AB,O=Example"), None),
            ("{client_certificate.issuer}", Some("CN=Partners"), None),
            ("{client_certificate.names}", Some("robot.example,spiffe://a/b%2Cc"), None),
            ("{client_certificate.serial}/{client_certificate.sha256}", Some("0a1b/00ff"), None),
            (":{client_certificate.der}:", Some(":AAEC:"), None),
            ("{query}", Some("x=1"), None),
            ("plain", Some("plain"), Some("plain")),
        ] {
            let template = Template::parse(template).unwrap();
            let shown = |view| field_value(&template, view).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(shown(&known).as_deref(), of_ana, "{template}");
            assert_eq!(shown(&nobody).as_deref(), of_nobody, "{template}");
        }
    }
}
