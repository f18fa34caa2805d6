//! The test harness: the real binary, a browser with a cookie jar, faulty providers and upstreams.
