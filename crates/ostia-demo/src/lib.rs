//! The other two parties of the demo: a complete OpenID provider, an upstream that shows what it received.
