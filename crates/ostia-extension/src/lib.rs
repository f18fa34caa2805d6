//! The programmable part: the public Extension trait and its small vocabulary.
