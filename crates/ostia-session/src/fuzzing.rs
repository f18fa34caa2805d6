//! Bodies of fuzz targets, as ordinary functions that also run under `cargo test`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use crate::{FlowCookies, fixture};
use crate::{KeyRing, Opened, OpenedFlow, SessionCookies, SessionId};

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
    assert!(!matches!(opened, Opened::Session(_)), "{opened:?}");
    let state = String::from_utf8_lossy(field);
    let opened = flows.open(pairs.clone(), &state, "portal.example.com", now);
    assert!(matches!(opened, OpenedFlow::Refused(_)), "{opened:?}");
    assert!(flows.lost(&state, "portal.example.com", now).is_err());
    assert!(sessions.id_token(pairs.clone(), "portal.example.com", SessionId([0; 16])).is_none());
    for (name, _) in pairs {
        let _ = sessions.is_ours(name);
    }
}

/// The text of a key file.
pub fn key_file(text: &str) {
    let _ = KeyRing::parse(text);
}
