//! Why a request head was refused.

use http::StatusCode;
use thiserror::Error;

use crate::host::HostRefused;

/// A request head that could be read in more than one way, or asks for what Ostia does not do.
///
/// The client is at fault in every case. Nothing it sent is part of the message, so a refusal may be logged and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeadRefused {
    /// Neither HTTP/1.0, HTTP/1.1 nor HTTP/2.
    #[error("the HTTP version is not spoken here")]
    Version,
    /// `CONNECT`, `TRACE` or `TRACK`: a gateway has no use for them, and each has opened one (RFC 9110 9.3.6, 9.3.8).
    #[error("the method is not served by a gateway")]
    Method,
    /// No `Host` and no authority (RFC 9112 3.2).
    #[error("there is no Host")]
    HostMissing,
    /// More than one `Host` (RFC 9112 3.2).
    #[error("there is more than one Host")]
    HostRepeated,
    /// `Host` or authority outside the grammar.
    #[error("the host is malformed: {0}")]
    Host(#[from] HostRefused),
    /// `Host` and the authority of the target name different hosts.
    #[error("Host and the authority of the target disagree")]
    HostDisagrees,
    /// More fields than the listener allows.
    #[error("there are too many fields")]
    TooManyFields,
    /// A field value with a control character (RFC 9110 5.5), or with blanks around it in HTTP/2 (RFC 9113 8.2.1).
    #[error("a field value has a character that no field value may have")]
    FieldValue,
    /// `Connection` or another connection-specific field in HTTP/2 (RFC 9113 8.2.2).
    #[error("a connection-specific field does not exist in HTTP/2")]
    ConnectionField,
    /// `Connection` nominates a field that no hop may remove.
    #[error("Connection nominates a field that is not hop-by-hop")]
    Nomination,
    /// More than one `Content-Length`, equal or not (RFC 9110 8.6).
    #[error("there is more than one Content-Length")]
    LengthRepeated,
    /// A `Content-Length` that is not 1 to 19 digits: `+3`, `3,3`, `0x3`, empty.
    #[error("Content-Length is not a plain decimal number")]
    LengthMalformed,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 6.1).
    #[error("there is a Content-Length beside a Transfer-Encoding")]
    LengthWithCoding,
    /// `Transfer-Encoding` other than exactly one `chunked`.
    #[error("the transfer coding is not exactly `chunked`")]
    TransferCoding,
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 6.1).
    #[error("HTTP/1.0 has no transfer codings")]
    TransferCodingVersion,
    /// `Upgrade` on a request with a body.
    #[error("an upgrade with a body is not taken")]
    UpgradeWithBody,
    /// Several `Upgrade` fields, a list with `websocket` among others, or `websocket` without what must go with it.
    #[error("the upgrade is malformed")]
    UpgradeMalformed,
    /// `Expect` other than exactly one `100-continue` (RFC 9110 10.1.1).
    #[error("the expectation cannot be met")]
    Expectation,
    /// A target longer than [`crate::Limits::target_bytes`].
    #[error("the request target is too long")]
    TargetTooLong,
    /// `*`: no resource, so no route and no policy.
    #[error("the asterisk form names no resource")]
    TargetAsterisk,
    /// Neither `/path` nor `http://host/path` (RFC 9112 3.2).
    #[error("the request target has neither origin form nor absolute form")]
    TargetForm,
    /// `#`: a fragment never reaches a server honestly (RFC 9112 3.2.1).
    #[error("the request target has a fragment")]
    TargetFragment,
    /// `\` in the path, which many read as `/`.
    #[error("the path has a backslash")]
    TargetBackslash,
    /// A control character, a blank or a NUL.
    #[error("the request target has a blank or a control character")]
    TargetControl,
    /// A byte outside ASCII; it belongs percent-encoded.
    #[error("the request target has bytes outside ASCII")]
    TargetNotAscii,
    /// `%` in the path without two hexadecimal digits after it.
    #[error("the path has a malformed percent triplet")]
    TargetPercent,
    /// `%00` in the path.
    #[error("the path has an encoded NUL")]
    TargetNul,
}

impl HeadRefused {
    /// The reason in metrics, logs and pages.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Version => "version_unsupported",
            Self::Method => "method_refused",
            Self::HostMissing => "host_missing",
            Self::HostRepeated => "host_repeated",
            Self::Host(_) => "host_malformed",
            Self::HostDisagrees => "host_disagrees",
            Self::TooManyFields => "too_many_fields",
            Self::FieldValue => "field_value_malformed",
            Self::ConnectionField => "connection_field_in_http2",
            Self::Nomination => "connection_nomination_refused",
            Self::LengthRepeated => "content_length_repeated",
            Self::LengthMalformed => "content_length_malformed",
            Self::LengthWithCoding => "content_length_with_transfer_encoding",
            Self::TransferCoding => "transfer_encoding_unsupported",
            Self::TransferCodingVersion => "transfer_encoding_in_http10",
            Self::UpgradeWithBody => "upgrade_with_body",
            Self::UpgradeMalformed => "upgrade_malformed",
            Self::Expectation => "expectation_failed",
            Self::TargetTooLong => "target_too_long",
            Self::TargetAsterisk => "target_asterisk",
            Self::TargetForm => "target_form",
            Self::TargetFragment => "target_fragment",
            Self::TargetBackslash => "target_backslash",
            Self::TargetControl => "target_control",
            Self::TargetNotAscii => "target_not_ascii",
            Self::TargetPercent => "target_percent_malformed",
            Self::TargetNul => "target_nul",
        }
    }

    /// The status of the answer. The connection is closed after it: what follows on it cannot be trusted to begin
    /// where we think.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
