//! The request path: the snapshot, the stages, the ProxyHttp implementation.
