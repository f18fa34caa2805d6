use std::time::Duration;

use ostia_config::upstream::ProxyProtocol;

use super::*;
use crate::group::tests::section;

fn reach(change: impl FnOnce(&mut Upstream)) -> Reach {
    let mut section = section(1);
    change(&mut section);
    Reach::new(&Arc::new(section), None)
}

fn loopback() -> ServerAddress {
    SocketAddr::from(([127, 0, 0, 1], 80)).into()
}

#[test]
fn every_wait_for_a_server_of_http_2_has_a_deadline() {
    let peer = reach(|section| section.protocol = Protocol::H2c).template(&loopback());
    let options = &peer.options;
    assert_eq!(options.connection_timeout, Some(Duration::from_secs(1)));
    assert_eq!(options.total_connection_timeout, Some(Duration::from_secs(1)));
    assert_eq!(options.read_timeout, Some(section(1).timeouts.between_bytes));
    assert_eq!(options.write_timeout, Some(section(1).timeouts.between_bytes));
    assert_eq!(options.idle_timeout, Some(section(1).keep_alive.idle));
    assert_eq!(options.max_h2_streams, STREAMS);
}

#[test]
fn upstreams_that_differ_in_how_they_are_reached_do_not_share_connections() {
    let one = reach(|_| {});
    assert_eq!(one.key, reach(|_| {}).key);
    type Change = fn(&mut Upstream);
    let changes: [(&str, Change); 4] = [
        ("name", |section| section.name = "other".into()),
        ("protocol", |section| section.protocol = Protocol::H2c),
        ("proxy_protocol", |section| section.proxy_protocol = Some(ProxyProtocol::V2)),
        ("connect", |section| section.timeouts.connect = Duration::from_secs(9)),
    ];
    for (what, change) in changes {
        assert_ne!(reach(change).key, one.key, "{what}");
    }
}

#[test]
fn a_line_is_shared_while_somebody_uses_it() {
    let (lines, reach) = (Lines::default(), reach(|_| {}));
    let line = reach.line(&loopback(), &lines);
    assert!(Arc::ptr_eq(&line, &reach.line(&loopback(), &lines)));
    let other: ServerAddress = "127.0.0.1:81".parse().unwrap();
    assert!(!Arc::ptr_eq(&line, &reach.line(&other, &lines)));
    let before = Arc::as_ptr(&line);
    drop(line);
    let _again = reach.line(&loopback(), &lines);
    assert_eq!(lines.in_use.lock().len(), 1, "{before:?} and the other are forgotten");
}
