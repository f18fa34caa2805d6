//! A page whose one script does at once what the page is for; nothing else runs in it.

use aws_lc_rs::digest;
use http::{HeaderValue, StatusCode, header};

use crate::answer::Answer;

/// The page with this body, in which nothing but `script` runs: the policy names it by its hash.
pub(crate) fn answer(reason: &'static str, body: &str, script: &str) -> Answer {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signing in</title></head>\
         <body>{body}</body></html>\n"
    );
    Answer::html(StatusCode::OK, reason, policy(script), html)
        .with(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))
}

/// Of `form-action` nothing: browsers hold every hop after the form against it, and where people are sent in the end is
/// the application's affair.
fn policy(script: &str) -> HeaderValue {
    let hash = base64_simd::STANDARD.encode_to_string(digest::digest(&digest::SHA256, script.as_bytes()));
    let text =
        format!("default-src 'none'; script-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}
