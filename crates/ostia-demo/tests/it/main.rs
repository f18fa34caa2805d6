//! The parties of the demo, each from outside.

#[cfg(test)]
mod check;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod relying_party;
#[cfg(test)]
mod upstream;
