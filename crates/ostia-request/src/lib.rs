//! What a request head says: Host grammar, framing rules, the readings of a target, field hygiene, client address.
