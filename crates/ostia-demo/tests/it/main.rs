//! The parties of the demo, each from outside.

mod check;
mod demo;
mod provider;
mod relying_party;
mod upstream;
