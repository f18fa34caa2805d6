//! Bodies of fuzz targets, as ordinary functions that also run under `cargo test`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use ostia_config::session::SameSite;

use crate::chunk::{self, Place};
use crate::seal::{Binding, Purpose};
use crate::set_cookie::{Attributes, EVERYWHERE};
use crate::{
    FlowCookies, KeyRing, Opened, OpenedFlow, Presented, SessionCookies, SessionId, SessionPlace, fixture,
};

static PARTS: LazyLock<(Arc<KeyRing>, SessionCookies, FlowCookies)> = LazyLock::new(|| {
    let (ring, config, providers) =
        (fixture::ring(&[1]), ostia_config::Sessions::default(), fixture::providers());
    let sessions = SessionCookies::new(Arc::clone(&ring), &config, &providers);
    let flows = FlowCookies::new(Arc::clone(&ring), &config, &providers);
    (ring, sessions.expect("the default name is good"), flows.expect("the default name is good"))
});

/// A `Cookie` field of arbitrary bytes: nothing panics, and nothing that was not sealed opens.
pub fn cookies(field: &[u8]) {
    let (_, sessions, flows) = &*PARTS;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let pairs = field.split(|byte| *byte == b';').map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default())
    });
    let opened = sessions.open(pairs.clone(), "portal.example.com", now);
    assert!(!matches!(opened, Opened::Session(_) | Opened::Ticket(_)), "{opened:?}");
    let state = String::from_utf8_lossy(field);
    let opened = flows.open(pairs.clone(), &state, "portal.example.com", now);
    assert!(matches!(opened, OpenedFlow::Refused(_)), "{opened:?}");
    assert!(flows.lost(&state, "portal.example.com", now).is_err());
    assert!(sessions.id_token(pairs.clone(), "portal.example.com", SessionId([0; 16])).is_none());
    for (name, _) in pairs.clone() {
        let is_ours = sessions.is_ours(name);
        let Some(slot) = sessions.slot_of(name) else { continue };
        assert!(is_ours);
        let place = SessionPlace { host: "portal.example.com", slot };
        let opened = sessions.open(pairs.clone(), place, now);
        assert!(matches!(opened, Opened::Refused { .. }), "{opened:?}");
    }
}

/// A session cookie that was sealed with our own key over arbitrary bytes: whoever has a key, or a node of another
/// version, writes them. Nothing panics; what opens is sealed again and opens as the same.
pub fn sealed_session(text: &[u8]) {
    let (ring, sessions, _) = &*PARTS;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let host = fixture::HOST;
    let Some(jar) = sealed(ring, Purpose::Session, "__Host-ostia", text) else { return };
    if let Opened::Session(opened) = sessions.open(fixture::presented(&jar), host, now)
        && let Ok(again) = sessions.seal(&opened.session, host, opened.presented, now)
    {
        let jar = fixture::jar(&[], &again.set_cookies);
        let reopened = sessions.open(fixture::presented(&jar), host, now);
        let Opened::Session(reopened) = reopened else { unreachable!("what was sealed opens: {reopened:?}") };
        assert_eq!(reopened.session.identity.subject, opened.session.identity.subject);
    }
    let _ = sessions.open_from_store(SessionId([0; 16]), text);
}

/// A sign-in cookie that was sealed with our own key over arbitrary bytes.
pub fn sealed_flow(text: &[u8]) {
    let (ring, _, flows) = &*PARTS;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let Some(jar) = sealed(ring, Purpose::Flow, "__Host-ostia-s0", text) else { return };
    let state = String::from_utf8_lossy(text);
    let _ = flows.open(fixture::presented(&jar), &state, fixture::HOST, now);
}

fn sealed(ring: &KeyRing, purpose: Purpose, name: &str, text: &[u8]) -> Option<Vec<(String, String)>> {
    let attributes = Attributes { path: EVERYWHERE, max_age_s: 60, same_site: SameSite::Lax };
    let binding = Binding { purpose, name, host: fixture::HOST };
    let place = Place { binding, limit: if purpose == Purpose::Flow { 2 } else { 4 }, attributes };
    let mut fields = Vec::new();
    chunk::write(ring, place, text, Presented::NONE, &mut fields).ok()?;
    Some(fixture::jar(&[], &fields))
}

/// A key file.
pub fn key_file(bytes: &[u8]) {
    let _ = std::str::from_utf8(bytes).map(KeyRing::parse);
}

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// The targets, named as the folders of `corpus/` are.
pub const TARGETS: [Target; 4] = [
    ("cookies", cookies),
    ("sealed_session", sealed_session),
    ("sealed_flow", sealed_flow),
    ("key_file", key_file),
];

#[cfg(test)]
mod tests;
