//! `ostia keys new | rotate`: the keys that seal session cookies.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ostia_config::load::{self, Environment};
use ostia_gateway::key_file;

use super::terminal::{complain, say};
use super::{ConfigFile, EXIT_CONFIG, EXIT_FAILED, EXIT_OK};

/// Keys that a rotation leaves in the file, the new one included.
const KEPT: u8 = 10;

/// The keys of session cookies.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print a new key, one line for a key file.
    New,
    /// Put a new key on top of the key file: it seals from now on, the others still open. A running Ostia sees it
    /// within a second.
    Rotate(Rotate),
}

/// Rotates the keys of a configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    config: ConfigFile,
    /// This key file instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only add the new key at the end: every node that has the file can open what it seals, and no node seals with it.
    /// The first step where several nodes share sessions.
    #[arg(long, conflicts_with = "promote")]
    stage: bool,
    /// Move the last key to the top, instead of making a new one. The second step, when every node has the file.
    #[arg(long)]
    promote: bool,
    /// Keep at most this many keys. Sessions sealed with those that are dropped are over.
    #[arg(long, value_name = "COUNT", default_value_t = KEPT, value_parser = clap::value_parser!(u8).range(2..=32))]
    keep: u8,
}

impl Keys {
    pub(super) fn run(&self) -> u8 {
        match self {
            Self::New => match key_file::new_line() {
                Ok(line) => {
                    say(line.trim_end());
                    EXIT_OK
                }
                Err(refused) => {
                    complain(format!("error: {refused}"));
                    EXIT_FAILED
                }
            },
            Self::Rotate(rotate) => rotate.run(),
        }
    }
}

impl Rotate {
    fn run(&self) -> u8 {
        let path = match &self.file {
            Some(path) => path.clone(),
            None => match load::load(&self.config.path, &Environment::process()) {
                Ok(config) => key_file::path_of(&config),
                Err(diagnostics) => {
                    complain(diagnostics.to_string());
                    return EXIT_CONFIG;
                }
            },
        };
        match self.rotate(&path) {
            Ok(told) => {
                say(told);
                EXIT_OK
            }
            Err(reason) => {
                complain(format!("error: {}: {reason}", path.display()));
                EXIT_FAILED
            }
        }
    }

    fn rotate(&self, path: &Path) -> Result<String, String> {
        // A name that is a link leads to the file that is shared; the link itself stays.
        let path = fs::canonicalize(path).map_err(|error| error.to_string())?;
        let text = key_file::read(&path).map_err(|error| error.to_string())?;
        key_file::check(&text)?;
        let made = match self.promote {
            true => None,
            false => Some(key_file::new_line().map_err(|error| error.to_string())?),
        };
        let (next, dropped) = self.next(&text, made.as_ref().map(|line| line.trim_end()))?;
        let keys = key_file::check(&next)?;
        replace(&path, next.as_bytes()).map_err(|error| error.to_string())?;
        let what = match (self.stage, self.promote) {
            (true, _) => "a new key is staged: it opens, the first one still seals",
            (_, true) => "the last key was moved to the top: it seals from now on",
            _ => "a new key seals from now on",
        };
        let lost = if dropped == 0 { String::new() } else { format!(", {dropped} old ones were dropped") };
        Ok(format!("{}: {what}; {keys} keys{lost}", path.display()))
    }

    /// The text of the file after this, and how many keys were dropped. Comments stay where they are.
    fn next(&self, text: &str, made: Option<&str>) -> Result<(String, usize), String> {
        let mut lines: Vec<&str> = text.lines().collect();
        let is_key = |line: &str| !line.split('#').next().unwrap_or_default().trim().is_empty();
        let first = lines.iter().position(|line| is_key(line)).unwrap_or(0);
        match made {
            Some(line) if self.stage => lines.push(line),
            Some(line) => lines.insert(first, line),
            None => {
                let last = lines.iter().rposition(|line| is_key(line)).unwrap_or(0);
                if last == first {
                    return Err("there is one key only: nothing is staged".to_owned());
                }
                let line = lines.remove(last);
                lines.insert(first, line);
            }
        }
        let keys = lines.iter().filter(|line| is_key(line)).count();
        let dropped = keys.saturating_sub(usize::from(self.keep));
        for _ in 0..dropped {
            // The oldest; a key that was just staged stands behind it.
            let oldest = match self.stage {
                true => {
                    lines.iter().enumerate().filter(|(_, line)| is_key(line)).nth_back(1).map(|(at, _)| at)
                }
                false => lines.iter().rposition(|line| is_key(line)),
            };
            oldest.map(|at| lines.remove(at));
        }
        Ok((lines.join("\n") + "\n", dropped))
    }
}

/// Puts a new file in the place of the old one, in one step, with the rights of the old one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.set_permissions(fs::Permissions::from_mode(metadata.permissions().mode() & 0o777))?;
    // An operator who is root keeps the file with whom the service runs as.
    let (user, group) =
        (std::os::unix::fs::MetadataExt::uid(&metadata), std::os::unix::fs::MetadataExt::gid(&metadata));
    std::os::unix::fs::chown(&aside, Some(user), Some(group))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotate(stage: bool, promote: bool, keep: u8) -> Rotate {
        let config = ConfigFile { path: PathBuf::new() };
        Rotate { config, file: None, stage, promote, keep }
    }

    #[test]
    fn a_rotation_keeps_comments_and_order_and_drops_the_oldest() {
        let text = "# ours\nA # 2025\nB\n";
        for (name, rotation, made, expected, dropped) in [
            ("new", rotate(false, false, 10), Some("N"), "# ours\nN\nA # 2025\nB\n", 0),
            ("new, two kept", rotate(false, false, 2), Some("N"), "# ours\nN\nA # 2025\n", 1),
            ("staged", rotate(true, false, 10), Some("N"), "# ours\nA # 2025\nB\nN\n", 0),
            ("staged, two kept", rotate(true, false, 2), Some("N"), "# ours\nA # 2025\nN\n", 1),
            ("promoted", rotate(false, true, 10), None, "# ours\nB\nA # 2025\n", 0),
        ] {
            let (next, lost) = rotation.next(text, made).unwrap();
            assert_eq!((next.as_str(), lost), (expected, dropped), "{name}");
        }
        assert!(rotate(false, true, 10).next("A\n", None).is_err(), "nothing is staged");
    }
}
