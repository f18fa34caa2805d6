//! Templates: what is refused, what is read.

use super::*;

fn shown(template: &Template) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => format!("[{text}]"),
        Piece::Variable(Variable::Claim(path)) => format!("claim:{}", path.as_str()),
        Piece::Variable(variable) => format!("{variable:?}"),
    };
    template.pieces().iter().map(piece).collect::<Vec<_>>().join(" ")
}

#[test]
fn text_that_is_no_template_is_refused_by_name() {
    let unknown = |name: &str| TemplateRefused::Unknown(name.to_owned());
    for (text, refused) in [
        ("", TemplateRefused::Length),
        ("a\r\nX-Admin: 1", TemplateRefused::NotPlain),
        ("a\tb", TemplateRefused::NotPlain),
        ("ä", TemplateRefused::NotPlain),
        (" a", TemplateRefused::NotPlain),
        ("a ", TemplateRefused::NotPlain),
        ("{", TemplateRefused::Brace),
        ("a}", TemplateRefused::Brace),
        ("{uri", TemplateRefused::Brace),
        ("{{uri}", TemplateRefused::Brace),
        ("{}", unknown("")),
        ("{URI}", unknown("URI")),
        ("{cookie}", unknown("cookie")),
        ("{client_certificate}", unknown("client_certificate")),
        ("{client_certificate.cn}", unknown("client_certificate.cn")),
        ("{claims.}", unknown("claims.")),
        ("{claims.a..b}", unknown("claims.a..b")),
    ] {
        assert_eq!(Template::parse(text), Err(refused), "{text:?}");
    }
    assert_eq!(Template::parse(&"a".repeat(4097)), Err(TemplateRefused::Length));
}

#[test]
fn template_is_read_in_parts() {
    for (text, parts) in [
        ("plain", "[plain]"),
        ("{uri}", "Uri"),
        ("a{claims.role}b", "[a] claim:role [b]"),
        ("{claims.https://example.com/roles}", "claim:https://example.com/roles"),
        ("{claims.realm_access.roles}", "claim:realm_access.roles"),
        ("{{{path}}}", "[{] Path [}]"),
        ("{{not}}", "[{not}]"),
        ("{host}{query}", "Host Query"),
        ("{client_certificate.subject}", "ClientCertificate(Subject)"),
        (":{client_certificate.der}:", "[:] ClientCertificate(Der) [:]"),
        (
            "{scheme} {method} {client} {request_id} {route} {provider}",
            "Scheme [ ] Method [ ] Client [ ] RequestId [ ] Route [ ] Provider",
        ),
    ] {
        assert_eq!(shown(&Template::parse(text).unwrap()), parts, "{text}");
    }
}

#[test]
fn only_claims_the_provider_and_the_certificate_tell_of_the_caller() {
    for (text, tells) in [
        ("{claims.a}", true),
        ("x{client_certificate.names}", true),
        ("{provider}", true),
        ("{uri} {client} {route}", false),
    ] {
        assert_eq!(Template::parse(text).unwrap().tells_of_the_caller(), tells, "{text}");
    }
}
