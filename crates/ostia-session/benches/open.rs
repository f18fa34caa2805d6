//! What a session costs on every request: opening its cookie; and what it costs now and then: sealing it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot begin may end here")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
// The names that the fixture takes from its crate's root.
use ostia_session::{
    Destination, Flow, FlowCookies, Grant, KeyRing, Opened, Presented, Session, SessionCookies, SignedIn,
    Token,
};

#[path = "../src/fixture.rs"]
mod fixture;

use fixture::{HOST, cookies, jar, jwt, now, presented, providers, ring, session};

fn sessions(c: &mut Criterion) {
    let cookies = cookies();
    let of = |bytes| Session { access_token: Some(Token::new(&jwt(bytes))), ..session() };
    for (what, session) in [("small", session()), ("of 3 KB", of(2500)), ("of 3 chunks", of(6000))] {
        let jar = jar(&[], &cookies.seal(&session, HOST, Presented::NONE, now()).unwrap().set_cookies);
        c.bench_function(&format!("open a session, {what}"), |b| {
            b.iter(|| match cookies.open(presented(black_box(&jar)), HOST, now()) {
                Opened::Session(opened) => opened,
                other => panic!("{other:?}"),
            });
        });
        c.bench_function(&format!("seal a session, {what}"), |b| {
            b.iter(|| cookies.seal(black_box(&session), HOST, Presented::NONE, now()).unwrap());
        });
    }
    let foreign: [(&[u8], &[u8]); 3] = [(b"theme", b"dark"), (b"_ga", b"GA1.2.3"), (b"__Host-app", b"x")];
    c.bench_function("look for a session among foreign cookies", |b| {
        b.iter(|| cookies.open(black_box(foreign), HOST, now()));
    });
    c.bench_function("is a cookie ours", |b| {
        b.iter(|| foreign.iter().filter(|(name, _)| cookies.is_ours(black_box(name))).count());
    });
}

fn flows(c: &mut Criterion) {
    let flows = FlowCookies::new(ring(&[1]), &ostia_config::Sessions::default(), &providers()).unwrap();
    let to = Destination { provider: "corp".to_owned(), return_to: "/inbox?id=7".to_owned(), rounds: 0 };
    let flow = Flow {
        state: flows.state(&to, HOST, now()).unwrap(),
        nonce: "n-0S6_WzA2Mj".to_owned(),
        pkce_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
        provider: "corp".to_owned(),
        redirect_uri: "https://portal.example.com/.ostia/callback".to_owned(),
        return_to: to.return_to.clone(),
        created_at: now(),
    };
    c.bench_function("begin a sign-in", |b| {
        b.iter(|| flows.start(black_box(&flow), [], HOST, now()).unwrap())
    });
}

criterion_group!(benches, sessions, flows);
criterion_main!(benches);
