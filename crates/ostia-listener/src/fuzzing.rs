//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.

/// A target by name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, as the folders of `corpus/` are named.
pub const TARGETS: [Target; 1] = [("proxy_header", proxy_header)];

/// The first bytes of a connection from a trusted proxy: any bytes, whole and cut anywhere.
pub fn proxy_header(data: &[u8]) {
    crate::proxy_protocol::fuzz(data);
}
