//! Files whose change is noticed by looking: whatever replaced them (a copy, a rename, a link that was turned), and on
//! every file system.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Files as they were when they were last looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched(Vec<(PathBuf, Option<Mark>)>);

/// What tells one content of a file from another without reading it; a link is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watched {
    /// To be taken before the files are read: what is written afterwards is then a change.
    pub(crate) fn look_at(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let look = |file: PathBuf| {
            let mark = fs::metadata(&file).ok().map(|found| Mark {
                device: found.dev(),
                inode: found.ino(),
                bytes: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
                changed: (found.ctime(), found.ctime_nsec()),
            });
            (file, mark)
        };
        Self(files.into_iter().map(look).collect())
    }

    /// Whether one of the files is not what it was.
    pub(crate) fn has_changed(&self) -> bool {
        *self != Self::look_at(self.0.iter().map(|(file, _)| file.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_replace_a_file_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let [file, other, link] = ["file", "other", "link"].map(|name| folder.path().join(name));
        let seen = || Watched::look_at([file.clone()]);
        let absent = seen();
        assert!(!absent.has_changed());
        fs::write(&file, "one").unwrap();
        assert!(absent.has_changed(), "it appeared");
        let before = seen();
        assert!(!before.has_changed());
        fs::write(&file, "longer").unwrap();
        assert!(before.has_changed(), "it was written");
        let before = seen();
        fs::write(&other, "longer").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(before.has_changed(), "another took its name");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let before = Watched::look_at([link.clone()]);
        fs::write(&other, "longer").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("turned")).unwrap();
        fs::rename(folder.path().join("turned"), &link).unwrap();
        assert!(before.has_changed(), "the link was turned");
        let before = seen();
        fs::remove_file(&file).unwrap();
        assert!(before.has_changed(), "it is gone");
    }
}
