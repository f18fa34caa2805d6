//! Loopback ports that no other test takes while this process lives.
//!
//! Port 0 does not help where the number must be known before the listener exists (an issuer, a redirect URI, a
//! configuration file). A port is reserved by a lock on a file of its number; it lies below the range from which the
//! system serves outgoing connections, so none of these can take it either.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

/// Locks of the ports handed out; the system drops them with the process.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port on 127.0.0.1 that is free now and reserved until this process ends.
///
/// # Panics
/// When none of the range is free.
#[must_use]
pub fn free_port() -> u16 {
    let folder = std::env::temp_dir().join("ostia-testkit-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let mut reserved = RESERVED.lock().unwrap();
    let start = std::process::id().wrapping_mul(37);
    for step in 0..u32::from(COUNT) {
        let offset = u16::try_from(start.wrapping_add(step) % u32::from(COUNT)).unwrap();
        let port = FIRST + offset;
        let lock = File::create(folder.join(port.to_string())).unwrap();
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            reserved.push(lock);
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
