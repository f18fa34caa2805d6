//! `/.ostia/signed-out`: the page after signing out.

use http::StatusCode;

use crate::answer::{Answer, Next};
use crate::exchange::Exchange;
use crate::page::Page;

/// The page.
pub(super) fn page(exchange: &Exchange) -> Answer {
    let page = Page {
        title: "You are signed out",
        paragraphs: vec!["Close this browser if others use this computer."],
        next: Next::SignIn("/"),
        code: "signed_out",
        request_id: "",
    };
    Answer::page(StatusCode::OK, "signed_out", &exchange.snapshot.pages, &page)
}
