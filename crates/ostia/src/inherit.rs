//! File descriptors that were left open for this process: listening sockets of systemd or of a predecessor, and the
//! pipe on which a predecessor waits.
//!
//! The only place of the project where a number becomes a file descriptor.

use std::env;
use std::fs::File;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use ostia_listener::InheritedSockets;
use rustix::io::FdFlags;

/// Descriptors of listening sockets, separated by commas: from a predecessor.
pub(crate) const SOCKETS: &str = "OSTIA_INHERITED_SOCKETS";
/// The descriptor of the pipe that a predecessor reads.
pub(crate) const READY: &str = "OSTIA_READY_FD";
/// What systemd says of its sockets (`sd_listen_fds(3)`); it means one process only.
pub(crate) const OF_SYSTEMD: [&str; 3] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

/// The first descriptor that is not one of the three standard streams.
const FIRST: RawFd = 3;

/// What was left open.
#[derive(Default)]
pub(crate) struct Inheritance {
    /// Sockets that listen already.
    pub(crate) sockets: InheritedSockets,
    /// A predecessor that waits to hear that this process serves.
    pub(crate) predecessor: Option<Predecessor>,
}

/// A process that serves until it hears that this one does.
pub(crate) struct Predecessor(File);

impl Inheritance {
    /// Takes what the environment names, once in a process: the numbers mean something else afterwards.
    pub(crate) fn take() -> Self {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Self::default();
        }
        let of_predecessor = numbers(SOCKETS).into_iter().filter_map(socket);
        let of_systemd =
            sd_notify::listen_fds().map(Iterator::collect::<Vec<RawFd>>).unwrap_or_else(|error| {
                tracing::warn!(%error, "the sockets of systemd cannot be taken");
                Vec::new()
            });
        let sockets = of_predecessor.chain(of_systemd.into_iter().filter_map(socket)).collect::<Vec<_>>();
        let predecessor = numbers(READY).into_iter().find_map(|number| adopt(number, is_pipe));
        Self {
            sockets: InheritedSockets::new(sockets),
            predecessor: predecessor.map(|pipe| Predecessor(File::from(pipe))),
        }
    }
}

impl Predecessor {
    /// Says that this process serves. When nobody listens any more there is nobody to be told.
    pub(crate) fn tell_ready(mut self) {
        use std::io::Write as _;
        if let Err(error) = self.0.write_all(b"\n") {
            tracing::warn!(%error, "the process before is gone");
        }
    }
}

fn numbers(variable: &str) -> Vec<RawFd> {
    let text = env::var(variable).unwrap_or_default();
    text.split(',').filter_map(|number| number.trim().parse().ok()).collect()
}

fn socket(number: RawFd) -> Option<TcpListener> {
    let socket = adopt(number, is_listening);
    if socket.is_none() {
        tracing::warn!(number, "an inherited descriptor is no listening TCP socket");
    }
    socket.map(TcpListener::from)
}

fn is_listening(descriptor: &OwnedFd) -> bool {
    let socket = socket2::SockRef::from(descriptor);
    let is_tcp = socket.local_addr().is_ok_and(|address| address.as_socket().is_some());
    is_tcp
        && socket.is_listener().unwrap_or(false)
        && socket.r#type().is_ok_and(|kind| kind == socket2::Type::STREAM)
}

fn is_pipe(descriptor: &OwnedFd) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let Ok(file) = descriptor.try_clone().map(File::from) else { return false };
    file.metadata().is_ok_and(|found| found.file_type().is_fifo())
}

/// Takes a descriptor over, if it is what it is said to be; else leaves it as it is. It is not passed on to other
/// processes by accident.
fn adopt(number: RawFd, is_right: fn(&OwnedFd) -> bool) -> Option<OwnedFd> {
    let is_open = std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok();
    if number < FIRST || !is_open {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "a number of the environment becomes a descriptor: it was opened by whoever started this process \
                  before anything here could open one, `Inheritance::take` runs once and before other threads, and \
                  what is not the expected kind of descriptor is given back untouched"
    )]
    // SAFETY: the number is open (looked up above), and nothing else in this process owns it (see the reason).
    let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
    if !is_right(&descriptor) {
        let _left_as_it_is = descriptor.into_raw_fd();
        return None;
    }
    let _ = rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC);
    Some(descriptor)
}

/// Leaves a descriptor open for the process that is started next, and says its number.
pub(crate) fn leave_open(descriptor: &impl std::os::fd::AsFd) -> std::io::Result<RawFd> {
    use std::os::fd::AsRawFd as _;
    rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
    Ok(descriptor.as_fd().as_raw_fd())
}
