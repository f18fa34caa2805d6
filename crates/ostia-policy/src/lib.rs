//! Whether this identity may do this here: the decision with its reason.
