use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostia_session::{Ended, Ending, Mark};

use super::{Cut, CutReason, OpenStreams};
use crate::ended::testing::session_of;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn cut() -> Arc<Cut> {
    Cut::new(at(10_000), Duration::from_secs(100), at(1000))
}

#[test]
fn an_ending_cuts_the_streams_it_names_and_no_others() {
    let streams = Arc::new(OpenStreams::default());
    let (ana, bo) = (session_of("ana", "s-1", 1000), session_of("bo", "s-2", 1000));
    let issuer = "https://login.example.com";
    let until = 10_000;
    for (ended, begun_by, of_ana, of_bo) in [
        (Ended::Session(ana.0), 1000, true, false),
        (Ended::IssuerSession { issuer, session: "s-2" }, 1000, false, true),
        (Ended::Subject { issuer, subject: "ana" }, 1000, true, false),
        (Ended::Subject { issuer, subject: "ana" }, 999, false, false),
        (Ended::Issuer(issuer), 1000, true, true),
        (Ended::Issuer("https://other.example"), 1000, false, false),
        (Ended::Everybody, 1000, true, true),
    ] {
        let (first, second) = (cut(), cut());
        let (_a, _b) = (streams.enter(ana.1, &first), streams.enter(bo.1, &second));
        let count = streams.cut(&Ending { mark: Mark::of(ended), begun_by, until });
        assert_eq!(count, usize::from(of_ana) + usize::from(of_bo), "{ended:?}");
        assert_eq!((first.reason().is_some(), second.reason().is_some()), (of_ana, of_bo), "{ended:?}");
    }
    assert_eq!(streams.len(), 0, "entries leave with their streams");
    assert!(streams.board.lock().narrow.is_empty() && streams.board.lock().issuers.is_empty());
}

#[test]
fn a_stream_lasts_as_long_as_its_session_is_used_and_never_beyond_its_end() {
    let cut = cut();
    assert_eq!(cut.time_left(at(1000)), Ok(Duration::from_secs(100)));
    assert_eq!(cut.time_left(at(1100)), Err(CutReason::Idle));
    let streams = Arc::new(OpenStreams::default());
    let (_, marks) = session_of("ana", "s-1", 1000);
    let _entered = streams.enter(marks, &cut);
    streams.used(marks.session(), at(1099));
    assert_eq!(cut.time_left(at(1100)), Ok(Duration::from_secs(99)));
    cut.used(at(9990));
    assert_eq!(cut.time_left(at(9995)), Ok(Duration::from_secs(5)));
    assert_eq!(cut.time_left(at(10_000)), Err(CutReason::Expired));
    cut.cut(CutReason::Idle);
    cut.cut(CutReason::Ended);
    assert_eq!(cut.reason(), Some(CutReason::Idle), "the first reason counts");
}
