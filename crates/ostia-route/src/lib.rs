//! Which route a request head belongs to, and why that one.
