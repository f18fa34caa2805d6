use std::path::PathBuf;

use super::*;

fn discovery() -> Discovery {
    Discovery {
        source: Source::File { path: PathBuf::from("/nowhere") },
        min_refresh: Duration::from_secs(5),
        max_refresh: Duration::from_secs(300),
        nameservers: Vec::new(),
    }
}

#[test]
fn after_failures_the_pauses_grow_up_to_a_bound() {
    let discovery = discovery();
    let pauses: Vec<u64> = (1..6).map(|failures| pause_after(failures, &discovery).as_secs()).collect();
    assert_eq!(pauses, [5, 10, 20, 30, 30]);
    let slow = Discovery { min_refresh: Duration::from_secs(60), ..discovery.clone() };
    assert_eq!(pause_after(9, &slow).as_secs(), 60, "never sooner than the shortest time");
    let quick = Discovery { max_refresh: Duration::from_secs(8), ..discovery };
    assert_eq!(pause_after(9, &quick).as_secs(), 8, "never later than a lookup that succeeds");
}

#[test]
fn a_pause_is_shaken_by_a_tenth_at_most() {
    let pause = Duration::from_secs(100);
    for _ in 0..1000 {
        assert!((100..=110).contains(&shaken(pause).as_secs()));
    }
}

#[tokio::test]
async fn a_file_is_read_once_for_each_change_well_or_not() {
    let folder = std::env::temp_dir().join(format!("ostia-watch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("servers");
    let replace = |text: &str| {
        std::fs::write(folder.join("next"), text).unwrap();
        std::fs::rename(folder.join("next"), &path).unwrap();
    };
    let mut watch = file::Watch::new(path.clone());
    assert_eq!(watch.find().await.unwrap_err().slug(), "unreadable");
    replace("10.0.0.1:80\n");
    assert_eq!(watch.find().await.unwrap().unwrap().servers.len(), 1);
    assert_eq!(watch.find().await.unwrap(), None);
    replace("10.0.0.1\n");
    assert_eq!(watch.find().await.unwrap_err().slug(), "not_a_list");
    assert_eq!(watch.find().await.unwrap(), None, "told once");
    replace("# none\n");
    assert_eq!(watch.find().await.unwrap_err().slug(), "empty");
    replace("10.0.0.1:80\n10.0.0.2:80\n");
    assert_eq!(watch.find().await.unwrap().unwrap().servers.len(), 2);
    std::fs::remove_dir_all(&folder).unwrap();
}
