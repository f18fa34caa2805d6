//! `logs`: where lines go.

use std::path::PathBuf;

/// The logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    /// `access.to`.
    pub access: LogTarget,
    /// `access.subject`.
    pub subject: SubjectForm,
    /// `audit.to`.
    pub audit: LogTarget,
    /// `audit.subject`. Its hash is keyed by `audit.key` in the state folder, so it is the same after a restart.
    pub audit_subject: SubjectForm,
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// `stdout`, the default.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
    /// `none`.
    None,
}

/// How a subject stands in a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectForm {
    /// As it is, the default.
    Plain,
    /// A keyed hash; in the access log it is stable while the process lives.
    Hashed,
    /// Not at all.
    None,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            access: LogTarget::Stdout,
            subject: SubjectForm::Plain,
            audit: LogTarget::None,
            audit_subject: SubjectForm::Plain,
        }
    }
}
