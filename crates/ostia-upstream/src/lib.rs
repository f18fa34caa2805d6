//! Groups of servers: selection, affinity, health.
