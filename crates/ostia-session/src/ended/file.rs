//! The list on disk: a restart resurrects nothing.
//!
//! One line an entry, appended as it is made, so that a process that dies loses nothing; the file is written anew when
//! most of it is over. Another process on the same folder (the one before, which is still leaving) appends to the same
//! file; [`EndedFile::read_on`] brings in what it wrote.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{EndedSessions, Ending, Mark};

/// The first line.
const TITLE: &str = "ostia ended sessions 1";
/// Fewer lines than this are never worth writing anew.
const FEW: usize = 1000;
/// A file beyond this is not ours: 100 bytes for each of a million entries.
const MAX_BYTES: u64 = 128 << 20;

/// Why the file cannot be used. The operator's fault, or the machine's.
#[derive(Debug, thiserror::Error)]
#[error("the list of ended sessions in {path} cannot be used: {source}", path = path.display())]
pub struct EndedFileRefused {
    path: PathBuf,
    source: io::Error,
}

/// The file.
#[derive(Debug)]
pub struct EndedFile {
    path: PathBuf,
    file: File,
    inode: u64,
    read_to: u64,
    lines: usize,
}

impl EndedFile {
    /// Opens or makes the file and brings its living entries into `list`. A torn last line is passed over: nobody was
    /// told that its logout is done.
    ///
    /// # Errors
    /// When it cannot be read, made or written.
    pub fn open(path: &Path, list: &EndedSessions, now: SystemTime) -> Result<Self, EndedFileRefused> {
        let refused = |source| EndedFileRefused { path: path.to_owned(), source };
        let mut this = Self::reopen(path).map_err(refused)?;
        this.read_on(list, now).map_err(refused)?;
        this.write_anew(list, now).map_err(refused)?;
        Ok(this)
    }

    fn reopen(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        if metadata.len() == 0 {
            file.write_all(format!("{TITLE}\n").as_bytes())?;
        }
        Ok(Self { path: path.to_owned(), inode: metadata.ino(), file, read_to: 0, lines: 0 })
    }

    /// Appends an entry. It is in the system's hands when this returns: it outlives the process.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, ending: Ending) -> io::Result<()> {
        self.follow()?;
        self.file.write_all(line(ending).as_bytes())
    }

    /// Has the system write to the disk what was appended. Slow: not for a request's thread.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Brings what was appended since the last time, by this process or another, into `list`; returns what is new.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_on(&mut self, list: &EndedSessions, now: SystemTime) -> io::Result<Vec<Ending>> {
        self.follow()?;
        self.read_rest(list, now)
    }

    /// Opens the file that stands at the path, if another process put a new one there.
    fn follow(&mut self) -> io::Result<()> {
        let metadata = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            metadata => Some(metadata?),
        };
        if metadata.is_none_or(|metadata| metadata.ino() != self.inode) {
            *self = Self::reopen(&self.path)?;
        }
        Ok(())
    }

    fn read_rest(&mut self, list: &EndedSessions, now: SystemTime) -> io::Result<Vec<Ending>> {
        let length = self.file.metadata()?.len();
        if length <= self.read_to {
            return Ok(Vec::new());
        }
        if length > MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 128 MiB"));
        }
        self.file.seek(SeekFrom::Start(self.read_to))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut self.file).take(length - self.read_to).read_to_end(&mut bytes)?;
        // What stands behind the last end of line is still being written.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.read_to += whole as u64;
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default());
        self.lines += text.lines().count();
        Ok(text.lines().filter_map(ending).filter(|ending| list.add(*ending, now)).collect())
    }

    /// Writes the file anew when most of its lines are over.
    ///
    /// # Errors
    /// When the new one cannot be written; the old one stays.
    pub fn tidy(&mut self, list: &EndedSessions, now: SystemTime) -> io::Result<()> {
        match self.lines > FEW.max(2 * list.len()) {
            true => self.write_anew(list, now),
            false => Ok(()),
        }
    }

    fn write_anew(&mut self, list: &EndedSessions, now: SystemTime) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        let mut text = format!("{TITLE}\n");
        list.living(now).into_iter().for_each(|ending| text.push_str(&line(ending)));
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&aside, &self.path)?;
        // What another process appended to the old one meanwhile.
        let late = self.read_rest(list, now)?;
        *self = Self::reopen(&self.path)?;
        late.into_iter().try_for_each(|ending| self.append(ending))?;
        self.read_on(list, now).map(drop)
    }
}

fn line(ending: Ending) -> String {
    format!("{} {} {}\n", ending.mark, ending.begun_by, ending.until)
}

fn ending(line: &str) -> Option<Ending> {
    let mut words = line.split(' ');
    let (mark, begun_by, until) = (words.next()?, words.next()?, words.next()?);
    let ending =
        Ending { mark: Mark::from_hex(mark)?, begun_by: begun_by.parse().ok()?, until: until.parse().ok()? };
    words.next().is_none().then_some(ending)
}
