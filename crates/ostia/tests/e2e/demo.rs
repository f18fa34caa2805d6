//! O12: `ostia demo --check` does the whole job by itself and leaves nothing behind.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::world::BINARY;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_checks_itself_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let child = tokio::process::Command::new(BINARY)
        .args(["demo", "--check"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output =
        tokio::time::timeout(Duration::from_secs(60), child).await.expect("it ends by itself").unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // Promised are 3 s of a release build on a calm machine.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}\n{said}", started.elapsed());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "{said}");
    assert!(!said.contains("eyJ"), "no token is shown: {said}");
}
