//! Codes and refresh tokens are honoured once, for the one they were given to.

use super::*;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn opened() -> (Ledger, String) {
    let mut ledger = Ledger::default();
    let grant = Grant {
        id: "grant".into(),
        client_id: "app".into(),
        username: "ana".into(),
        scope: "openid".into(),
        nonce: None,
        auth_time: NOW,
        sid: "sid".into(),
    };
    let binding = CodeBinding { redirect_uri: "http://localhost/cb".into(), challenge: CHALLENGE.into() };
    let code = ledger.open(grant, binding, &Lifetimes::default(), NOW);
    (ledger, code)
}

#[test]
fn a_code_is_honoured_only_for_its_client_uri_verifier_and_time() {
    let late = NOW + Duration::from_secs(60);
    let cases = [
        ("another client", ("other", "http://localhost/cb", VERIFIER, NOW), GrantRefused::OtherClient),
        ("another address", ("app", "http://localhost/cb/", VERIFIER, NOW), GrantRefused::OtherRedirectUri),
        ("another verifier", ("app", "http://localhost/cb", "x", NOW), GrantRefused::WrongVerifier),
        ("a minute later", ("app", "http://localhost/cb", VERIFIER, late), GrantRefused::Expired),
    ];
    for (name, (client, uri, verifier, now), refusal) in cases {
        let (mut ledger, code) = opened();
        assert_eq!(ledger.redeem(&code, client, uri, verifier, now).unwrap_err(), refusal, "{name}");
    }
    let (mut ledger, code) = opened();
    assert_eq!(ledger.redeem(&code, "app", "http://localhost/cb", VERIFIER, NOW).unwrap().username, "ana");
}

#[test]
fn a_code_that_comes_back_revokes_what_it_gave() {
    let (mut ledger, code) = opened();
    ledger.redeem(&code, "app", "http://localhost/cb", VERIFIER, NOW).unwrap();
    let token = ledger.issue_refresh_token("grant", &Lifetimes::default(), NOW);
    let again = ledger.redeem(&code, "app", "http://localhost/cb", VERIFIER, NOW);
    assert_eq!(again.unwrap_err(), GrantRefused::Replayed);
    assert_eq!(ledger.refresh(&token, "app", NOW).unwrap_err(), GrantRefused::Unknown);
    assert_eq!(ledger.replays(), 1);
}

#[test]
fn a_refresh_token_that_comes_back_revokes_its_successor() {
    let (mut ledger, _) = opened();
    let first = ledger.issue_refresh_token("grant", &Lifetimes::default(), NOW);
    ledger.refresh(&first, "app", NOW).unwrap();
    let second = ledger.issue_refresh_token("grant", &Lifetimes::default(), NOW);
    assert_eq!(ledger.refresh(&first, "app", NOW).unwrap_err(), GrantRefused::Replayed);
    assert_eq!(ledger.refresh(&second, "app", NOW).unwrap_err(), GrantRefused::Unknown);
}

#[test]
fn a_refresh_token_of_another_client_is_refused_and_stays_valid() {
    let (mut ledger, _) = opened();
    let token = ledger.issue_refresh_token("grant", &Lifetimes::default(), NOW);
    assert_eq!(ledger.refresh(&token, "other", NOW).unwrap_err(), GrantRefused::OtherClient);
    assert!(ledger.refresh(&token, "app", NOW).is_ok());
}

#[test]
fn signing_off_ends_the_grants_of_that_sign_on_only() {
    let mut ledger = Ledger::default();
    let secrets = [(); 2].map(|()| ledger.sign_on("ana", &Lifetimes::default(), NOW));
    let sids = secrets.clone().map(|secret| ledger.signed_on(&secret, NOW).unwrap().sid.clone());
    for sid in &sids {
        let (template, _) = opened();
        let grant = Grant { id: sid.clone(), sid: sid.clone(), ..template.grant("grant").unwrap().clone() };
        let binding = CodeBinding { redirect_uri: String::new(), challenge: String::new() };
        ledger.open(grant, binding, &Lifetimes::default(), NOW);
    }
    ledger.sign_off(&secrets[0]).unwrap();
    assert!(ledger.grant(&sids[0]).is_none());
    assert!(ledger.grant(&sids[1]).is_some());
    assert!(ledger.signed_on(&secrets[0], NOW).is_none());
}

#[test]
fn the_books_forget_what_is_over_and_keep_what_is_not() {
    let (mut ledger, _) = opened();
    let living = ledger.issue_refresh_token("grant", &Lifetimes::default(), NOW);
    let binding = CodeBinding { redirect_uri: "http://localhost/cb".into(), challenge: CHALLENGE.into() };
    let grant = ledger.grant("grant").unwrap().clone();
    for number in 0..10_000 {
        let now = NOW + Duration::from_millis(100 * number);
        ledger.open(grant.clone(), binding.clone(), &Lifetimes::default(), now);
    }
    // A minute of them lives.
    assert!(ledger.codes.len() < 2 * 600 + FEW, "{}", ledger.codes.len());
    assert!(ledger.refresh(&living, "app", NOW).is_ok());
}
