//! The login session: sealed cookies, key ring, lifetimes.
