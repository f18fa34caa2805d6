//! The unix socket of the operator: made so that nobody else can stand in its place.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use ostia_config::admin::SocketAccess;

/// A bound socket and its file.
pub(crate) struct AdminSocket {
    pub(crate) listener: UnixListener,
    pub(crate) file: Removed,
}

/// Removes the socket's file when it is dropped, if it is still ours: a successor may have put its own there.
pub(crate) struct Removed {
    path: PathBuf,
    identity: (u64, u64),
}

/// Why the socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketRefused {
    /// Another process answers there.
    #[error("another process answers there already")]
    InUse,
    /// Something that is no socket has its name.
    #[error("there is a file of this name that is no socket")]
    NoSocket,
    /// Others could put their own socket in its place.
    #[error("others may write to its folder {}; make it writable for Ostia's user alone", .0.display())]
    OpenFolder(PathBuf),
    /// Its folder belongs to another user.
    #[error("its folder {} belongs to user {owner}, neither to root nor to Ostia's user", folder.display())]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// The system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> SocketRefused {
    move |source| SocketRefused::System { what, source }
}

/// Binds the socket at `path`. A file that a process left there is replaced, one where a process answers only by its
/// successor. The
/// socket has its mode before anybody can find it, and takes its name in one step.
///
/// # Errors
/// [`SocketRefused`]; nothing was changed then.
pub(crate) fn bind(
    path: &Path,
    access: SocketAccess,
    is_successor: bool,
) -> Result<AdminSocket, SocketRefused> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    check_folder(folder, access)?;
    check_place(path, is_successor)?;
    let mode = if access == SocketAccess::Group { 0o660 } else { 0o600 };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unborn = PathBuf::from(name);
    // Left by a process of the same number that was killed at this very point.
    let _ = fs::remove_file(&unborn);
    let listener = UnixListener::bind(&unborn).map_err(system("it cannot be bound"))?;
    let named = prepare(&unborn, path, mode);
    if named.is_err() {
        let _ = fs::remove_file(&unborn);
    }
    let identity = named.map_err(system("it cannot be put in its place"))?;
    listener.set_nonblocking(true).map_err(system("it cannot be made non-blocking"))?;
    Ok(AdminSocket { listener, file: Removed { path: path.to_owned(), identity } })
}

fn prepare(unborn: &Path, path: &Path, mode: u32) -> io::Result<(u64, u64)> {
    fs::set_permissions(unborn, Permissions::from_mode(mode))?;
    let identity = identity(&fs::symlink_metadata(unborn)?);
    fs::rename(unborn, path)?;
    Ok(identity)
}

/// Makes the last folder of the path if it is not there. Whoever may write to it could take the socket's place.
fn check_folder(folder: &Path, access: SocketAccess) -> Result<(), SocketRefused> {
    if !folder.exists() {
        let mode = if access == SocketAccess::Group { 0o750 } else { 0o700 };
        DirBuilder::new().mode(mode).create(folder).map_err(system("its folder cannot be made"))?;
    }
    let found = fs::metadata(folder).map_err(system("its folder cannot be looked at"))?;
    let writable_by_others = match access {
        SocketAccess::Owner => 0o022,
        SocketAccess::Group => 0o002,
    };
    if found.mode() & writable_by_others != 0 {
        return Err(SocketRefused::OpenFolder(folder.to_owned()));
    }
    let ours = fs::metadata("/proc/self").map(|own| own.uid()).unwrap_or(found.uid());
    if found.uid() != 0 && found.uid() != ours {
        return Err(SocketRefused::ForeignFolder { folder: folder.to_owned(), owner: found.uid() });
    }
    Ok(())
}

/// Whether the name is free, or taken by a socket where nobody answers.
fn check_place(path: &Path, is_successor: bool) -> Result<(), SocketRefused> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(system("it cannot be looked at")(error)),
        Ok(found) if !found.file_type().is_socket() => Err(SocketRefused::NoSocket),
        Ok(_) if !is_successor && UnixStream::connect(path).is_ok() => Err(SocketRefused::InUse),
        Ok(_) => Ok(()),
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

impl Drop for Removed {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
