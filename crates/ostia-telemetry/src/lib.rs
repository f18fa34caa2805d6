//! What is told: metrics, access log, redaction.
