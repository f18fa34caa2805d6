//! An identity-aware, programmable edge load balancer: the server to embed, the command to run.
