//! The way from a file to the checked model.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest;

use crate::check;
use crate::codes;
use crate::diagnostic::Diagnostics;
pub use crate::environment::Environment;
use crate::file;
use crate::findings::{Finding, Findings};
use crate::link;
use crate::preset;
use crate::section::root;
use crate::source::Source;
use crate::tree::Node;
use crate::tree::read::{MAX_BYTES, read};
use crate::value::Context;
use crate::{Admin, Config};

/// What a reading gave: the model, unless something is refused, and everything that was found (warnings stand beside
/// a model, too).
#[derive(Clone, Debug)]
pub struct Checked {
    /// Present exactly when `diagnostics` has no error.
    pub config: Option<Config>,
    /// In the order of the file.
    pub diagnostics: Diagnostics,
}

/// Reads, checks and resolves the configuration at `path`. Warnings are lost: whoever shows them calls
/// [`check_file`]. Blocks: it reads files and resolves the names of servers.
///
/// # Errors
/// All that is wrong with the file, in one run.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Diagnostics> {
    let Checked { config, diagnostics } = check_file(path, environment);
    config.ok_or(diagnostics)
}

/// Like [`load`] for a text that is at hand: `name` stands for the file in messages, relative files are beside
/// `base_dir`.
///
/// # Errors
/// All that is wrong with the text, in one run.
pub fn parse_text(
    name: &str,
    text: &str,
    base_dir: &Path,
    environment: &Environment,
) -> Result<Config, Diagnostics> {
    let Checked { config, diagnostics } = check_text(name, text, base_dir, environment);
    config.ok_or(diagnostics)
}

/// The section `admin` of a file whose other sections may be wrong: who asks a running process wants to know where it
/// listens, not whether the file is good. `None` when the file cannot be read or that section is wrong.
#[must_use]
pub fn admin_of_file(path: &Path, environment: &Environment) -> Option<Admin> {
    let text = read_file(path).ok()?;
    let name = path.display().to_string();
    let (source, findings) = (Source::new(&name, &text), Findings::default());
    let variable = |name: &str| environment.variable(name);
    let root = read(&source, Some(&variable), &findings)?;
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let findings = Findings::default();
    let cx = Context { source: &source, findings: &findings, environment, base_dir };
    let admin = root::read_admin(&cx, &root);
    (!findings.has_errors()).then_some(admin)
}

/// [`load`], with its warnings.
#[must_use]
pub fn check_file(path: &Path, environment: &Environment) -> Checked {
    let name = path.display().to_string();
    let base_dir = path.parent().unwrap_or(Path::new(""));
    match read_file(path) {
        Ok(text) => {
            let findings = Findings::default();
            let open_to_all = file::is_open_to_all(path);
            check_source(&Source::new(&name, &text), base_dir, environment, findings, open_to_all)
        }
        Err(reason) => {
            let findings = Findings::default();
            findings.add(
                Finding::of_file(codes::UNREADABLE, format!("the configuration cannot be read: {reason}"))
                    .help("name the file with `-c FILE`"),
            );
            Checked { config: None, diagnostics: findings.finish(&Source::new(&name, "")) }
        }
    }
}

/// [`parse_text`], with its warnings.
#[must_use]
pub fn check_text(name: &str, text: &str, base_dir: &Path, environment: &Environment) -> Checked {
    check_source(&Source::new(name, text), base_dir, environment, Findings::default(), false)
}

/// The text of the file; one byte more than is allowed is enough to refuse it.
fn read_file(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| file::reason(&error))?;
    let mut bounded = file.take(MAX_BYTES as u64 + 1);
    bounded.read_to_end(&mut bytes).map_err(|error| file::reason(&error))?;
    if bytes.len() > MAX_BYTES {
        return Err("it is larger than 8 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| file::reason(&io::ErrorKind::InvalidData.into()))
}

fn check_source(
    source: &Source,
    base_dir: &Path,
    environment: &Environment,
    findings: Findings,
    open_to_all: bool,
) -> Checked {
    let variable = |name: &str| environment.variable(name);
    let root = read(source, Some(&variable), &findings);
    let config = root.map(|mut root| {
        preset::fill(&mut root);
        let cx = Context { source, findings: &findings, environment, base_dir };
        model(&cx, &root, open_to_all)
    });
    let config = config.filter(|_| !findings.has_errors());
    Checked { config, diagnostics: findings.finish(source) }
}

/// Reads the sections, links them, and checks what only all of them together show.
fn model(cx: &Context<'_>, root: &Node, open_to_all: bool) -> Config {
    let draft = root::read(cx, root);
    let config = link::link(cx, root, draft, hash(cx.source.text()));
    check::check(cx, root, &config);
    if open_to_all {
        check::secrets::warn_about_literals(cx, root);
    }
    config
}

fn hash(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
