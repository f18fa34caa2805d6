//! The body of a form that was posted to one of Ostia's own paths.

use http::StatusCode;
use pingora_proxy::Session as Downstream;

use crate::answer::Refusal;

/// Why a body is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRefused {
    /// More bytes than anything that belongs here has.
    TooLarge,
    /// It ended before its end.
    Broken,
    /// Not UTF-8.
    NotText,
}

impl BodyRefused {
    /// For the page.
    pub(crate) fn refusal(self) -> Refusal<'static> {
        match self {
            Self::TooLarge => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "form_too_large",
                "The form is larger than is taken here",
            ),
            Self::Broken => {
                Refusal::new(StatusCode::BAD_REQUEST, "form_broken", "The form did not arrive as a whole")
            }
            Self::NotText => {
                Refusal::new(StatusCode::BAD_REQUEST, "form_not_text", "The form cannot be read")
            }
        }
    }
}

/// The whole body, if it has at most `most` bytes.
pub(crate) async fn read(downstream: &mut Downstream, most: usize) -> Result<Vec<u8>, BodyRefused> {
    let mut body = Vec::new();
    loop {
        match downstream.read_request_body().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(BodyRefused::TooLarge),
            Ok(None) => return Ok(body),
            Err(_) => return Err(BodyRefused::Broken),
        }
    }
}

/// The same as text.
pub(crate) async fn read_text(downstream: &mut Downstream, most: usize) -> Result<String, BodyRefused> {
    String::from_utf8(read(downstream, most).await?).map_err(|_| BodyRefused::NotText)
}
