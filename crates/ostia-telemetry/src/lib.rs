//! What is told: metrics, access log, audit log, redaction.
//!
//! [`Metrics`] counts and is scraped; [`AccessLog`] writes one JSON line a request, [`AuditLog`] one for each decision
//! that counts and for whatever happens to a session, chained by hashes; [`redact`] takes out of a text what could be a
//! secret. No token, cookie, code or query ever has a place in any of them.

pub mod access_log;
mod asked;
pub mod audit_log;
mod log;
pub mod metrics;
pub mod redact;
pub mod reference;

pub use access_log::{AccessLine, AccessLog, AccessLogRefused, EndReason, rfc3339};
pub use asked::Asked;
pub use audit_log::{AuditLine, AuditLog, AuditLogRefused, Proof, SessionEvent, SessionLine, WhoAsked};
pub use log::{Line, Log};
pub use metrics::{InFlight, Metrics, MetricsRefused, RouteMetrics, ServerMetrics, UpstreamMetrics};
