use std::fs;

use tempfile::TempDir;

use super::*;

fn folder(mode: u32) -> TempDir {
    let folder = TempDir::with_prefix("ostia-socket-").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    folder
}

fn refusal(path: &Path, access: SocketAccess) -> String {
    bind(path, access, false).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    for (mode, access, is_refused) in [
        (0o777, SocketAccess::Owner, true),
        (0o1777, SocketAccess::Owner, true),
        (0o770, SocketAccess::Owner, true),
        (0o770, SocketAccess::Group, false),
        (0o777, SocketAccess::Group, true),
        (0o755, SocketAccess::Owner, false),
    ] {
        let folder = folder(mode);
        let bound = bind(&folder.path().join("admin.sock"), access, false);
        assert_eq!(matches!(bound, Err(SocketRefused::OpenFolder(_))), is_refused, "{mode:o} {access:?}");
    }
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = folder(0o700);
    let path = folder.path().join("admin.sock");
    fs::write(&path, "mine").unwrap();
    assert!(refusal(&path, SocketAccess::Owner).contains("no socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    let link = folder.path().join("link.sock");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(refusal(&link, SocketAccess::Owner).contains("no socket"));
}

#[test]
fn a_socket_where_somebody_answers_is_left_alone_and_a_stale_one_is_replaced() {
    let folder = folder(0o700);
    let path = folder.path().join("admin.sock");
    let first = bind(&path, SocketAccess::Owner, false).unwrap();
    assert!(matches!(bind(&path, SocketAccess::Owner, false), Err(SocketRefused::InUse)));
    // As after a kill: the file stays, nobody listens.
    let AdminSocket { listener, file } = first;
    drop(listener);
    std::mem::forget(file);
    assert!(path.exists());
    let second = bind(&path, SocketAccess::Owner, false).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
    drop(second);
    assert!(!path.exists(), "its file goes with it");
}

#[test]
fn the_file_has_its_mode_and_a_missing_folder_is_made_for_its_owner_alone() {
    let folder = folder(0o700);
    for (name, access, mode) in [("owner", SocketAccess::Owner, 0o600), ("group", SocketAccess::Group, 0o660)]
    {
        let path = folder.path().join(name).join("admin.sock");
        let _bound = bind(&path, access, false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o007, 0);
    }
}

#[test]
fn the_file_of_a_successor_is_not_removed() {
    let folder = folder(0o700);
    let path = folder.path().join("admin.sock");
    let AdminSocket { listener, file } = bind(&path, SocketAccess::Owner, false).unwrap();
    drop(listener);
    let _successor = bind(&path, SocketAccess::Owner, false).unwrap();
    drop(file);
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn a_successor_takes_the_place_of_a_socket_that_answers_and_keeps_it() {
    let folder = folder(0o700);
    let path = folder.path().join("admin.sock");
    let first = bind(&path, SocketAccess::Owner, false).unwrap();
    let successor = bind(&path, SocketAccess::Owner, true).unwrap();
    drop(first);
    assert!(UnixStream::connect(&path).is_ok());
    successor.listener.accept().unwrap();
}
