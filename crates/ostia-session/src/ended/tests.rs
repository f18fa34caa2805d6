use std::fs;
use std::time::{Duration, SystemTime};

use super::{Ended, EndedFile, EndedSessions, Ending, Mark, Marks};
use crate::SessionId;
use crate::fixture;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn mark(number: u8) -> Mark {
    Mark::of(Ended::Session(SessionId([number; 16])))
}

#[test]
fn a_session_ends_by_each_of_its_names_and_by_no_other() {
    let session = fixture::session();
    let (issuer, subject) = (&*session.identity.issuer, &*session.identity.subject);
    let marks = Marks::of(&session);
    for (ended, expected) in [
        (Ended::Session(session.id), true),
        (Ended::IssuerSession { issuer, session: "08a5019c" }, true),
        (Ended::Subject { issuer, subject }, true),
        (Ended::Issuer(issuer), true),
        (Ended::Everybody, true),
        (Ended::Session(SessionId([9; 16])), false),
        (Ended::IssuerSession { issuer, session: "s-2" }, false),
        (Ended::IssuerSession { issuer: "https://other.example", session: "08a5019c" }, false),
        (Ended::Subject { issuer: "https://other.example", subject }, false),
        (Ended::Subject { issuer, subject: "08a5019c" }, false),
        (Ended::LogoutToken { issuer, id: "08a5019c" }, false),
    ] {
        let list = EndedSessions::new(8);
        let ending = Ending { mark: Mark::of(ended), begun_by: marks.begun_at(), until: 4_000_000_000 };
        assert!(list.add(ending, at(0)));
        assert_eq!(list.has(&marks), expected, "{ended:?}");
    }
}

#[test]
fn a_session_that_began_after_the_ending_lives() {
    let session = fixture::session();
    let marks = Marks::of(&session);
    let list = EndedSessions::new(8);
    let everybody = Mark::of(Ended::Everybody);
    list.add(Ending { mark: everybody, begun_by: marks.begun_at() - 1, until: 4_000_000_000 }, at(0));
    assert!(!list.has(&marks));
    list.add(Ending { mark: everybody, begun_by: marks.begun_at(), until: 3_000_000_000 }, at(0));
    assert!(list.has(&marks));
}

#[test]
fn a_full_list_forgets_first_what_ends_first_and_never_grows() {
    let list = EndedSessions::new(100);
    for number in 0..=200 {
        let until = 1000 + u64::from(number);
        assert!(list.add(Ending { mark: mark(number), begun_by: 1, until }, at(10)));
        assert!(list.len() <= 100);
    }
    assert!(list.knows(&mark(200)) && list.knows(&mark(110)));
    assert!(!list.knows(&mark(0)) && !list.knows(&mark(90)));
    assert!(!list.add(Ending { mark: mark(250), begun_by: 1, until: 10 }, at(10)), "it is over already");
    assert_eq!(list.living(at(1200)).len(), 0);
}

#[test]
fn a_list_on_disk_outlives_the_process_and_forgets_what_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ended");
    let list = EndedSessions::new(100);
    let mut file = EndedFile::open(&path, &list, at(10)).unwrap();
    file.append(Ending { mark: mark(1), begun_by: 10, until: 100 }).unwrap();
    file.append(Ending { mark: mark(2), begun_by: 10, until: 1000 }).unwrap();
    drop(file);
    // A torn line and a foreign one are passed over.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}what is this\n{} 10 10", mark(3))).unwrap();

    let again = EndedSessions::new(100);
    let _file = EndedFile::open(&path, &again, at(200)).unwrap();
    assert!(!again.knows(&mark(1)) && again.knows(&mark(2)) && !again.knows(&mark(3)));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2, "title and one entry");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn two_processes_on_one_folder_learn_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ended");
    let (old_list, new_list) = (EndedSessions::new(100), EndedSessions::new(100));
    let mut old = EndedFile::open(&path, &old_list, at(10)).unwrap();
    let mut new = EndedFile::open(&path, &new_list, at(10)).unwrap();
    // The newer one wrote the file anew when it came: the older one must not append to one that is gone.
    old.append(Ending { mark: mark(1), begun_by: 10, until: 100 }).unwrap();
    assert_eq!(new.read_on(&new_list, at(11)).unwrap().len(), 1);
    assert!(new_list.knows(&mark(1)));
    assert_eq!(new.read_on(&new_list, at(11)).unwrap(), Vec::new(), "told once");
    new.append(Ending { mark: mark(2), begun_by: 10, until: 100 }).unwrap();
    old.read_on(&old_list, at(11)).unwrap();
    assert!(old_list.knows(&mark(2)));
}

#[test]
fn a_file_that_cannot_be_made_is_told_with_its_path() {
    let list = EndedSessions::new(1);
    let refused = EndedFile::open(std::path::Path::new("/nonexistent/x"), &list, at(0)).unwrap_err();
    assert!(refused.to_string().contains("/nonexistent/x"), "{refused}");
}
