//! The protocol with the issuer: relying party and resource server, discovery, key sets.
