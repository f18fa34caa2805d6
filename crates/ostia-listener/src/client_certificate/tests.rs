//! Tests.

use rcgen::{CertificateParams, DnType, KeyPair, SanType};

use super::*;

fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn the_facts_are_those_of_the_certificate() {
    let der = made(|params| {
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "robot");
        params.subject_alt_names = vec![
            SanType::DnsName("Robot.Example".try_into().unwrap()),
            SanType::Rfc822Name("robot@example.com".try_into().unwrap()),
            SanType::URI("spiffe://example/robot".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
        ];
    });
    let facts = ClientCertificate::parse(&der).unwrap();
    assert_eq!(facts.subject, r"CN=robot,O=Example\, Inc.");
    assert_eq!(facts.issuer, facts.subject, "it signed itself");
    assert_eq!(
        facts.names,
        [
            AlternativeName::Dns("robot.example".into()),
            AlternativeName::Email("robot@example.com".into()),
            AlternativeName::Uri("spiffe://example/robot".into()),
            AlternativeName::Ip("192.0.2.1".parse().unwrap()),
            AlternativeName::Ip("2001:db8::1".parse().unwrap()),
        ]
    );
    let texts = ["robot.example", "robot@example.com", "spiffe://example/robot", "192.0.2.1", "2001:db8::1"];
    assert_eq!(*facts.name_texts, texts);
    assert_eq!(facts.thumbprint, digest(&SHA256, &der).as_ref());
    assert_eq!(facts.sha256, hex(&facts.thumbprint));
    assert_eq!(facts.der, der);
}

#[test]
fn it_is_valid_between_its_days() {
    let der = made(|params| {
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 2, 1);
    });
    let facts = ClientCertificate::parse(&der).unwrap();
    let january = at(1_767_225_600);
    let day = Duration::from_secs(24 * 3600);
    for (now, is_valid) in [
        (january - Duration::from_secs(1), false),
        (january, true),
        (january + 31 * day, true),
        (january + 31 * day + Duration::from_secs(1), false),
    ] {
        assert_eq!(facts.is_valid(now), is_valid, "{now:?}");
    }
}

#[test]
fn what_is_no_certificate_has_no_facts() {
    let der = made(|_| {});
    for length in 0..der.len() {
        assert_eq!(ClientCertificate::parse(der.get(..length).unwrap()), None);
    }
}
