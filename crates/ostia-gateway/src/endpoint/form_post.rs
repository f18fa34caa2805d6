//! The page that posts a provider's form once more (OAuth 2.0 Form Post Response Mode).
//!
//! Browsers send no `SameSite=Lax` cookie with a form of another site, and `SameSite=None` would open the sign-in's
//! cookie to every site. So the form that arrives without its cookie is answered with a page that posts the same few
//! parameters from here: one hop, and the code is still in no address.

use ostia_config::provider::ResponseMode;

use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::page::escape;
use crate::scripted_page;

/// The parameters of an answer; no other is posted again.
const PARAMETERS: [&str; 5] = ["code", "state", "iss", "error", "error_description"];
/// Marks a form of ours: it is not posted a third time.
const AGAIN: &str = "ostia_again";
const SCRIPT: &str = "document.forms[0].submit()";

/// Whether a provider of this configuration answers by form.
pub(super) fn is_offered(exchange: &Exchange) -> bool {
    exchange.snapshot.providers.values().any(|running| {
        let client = running.section.client.as_ref();
        client.is_some_and(|client| client.ways.response_mode == ResponseMode::FormPost)
    })
}

/// Whether this is the form of [`once_more`].
pub(super) fn is_again(form: &str) -> bool {
    url::form_urlencoded::parse(form.as_bytes()).any(|(name, _)| name == AGAIN)
}

/// The page, which posts to `path` again: that of the provider's callback. A parameter that came twice is posted twice: it is refused where it is looked at.
pub(super) fn once_more(form: &str, path: &str) -> Answer {
    let mut inputs = format!("<input type=\"hidden\" name=\"{AGAIN}\" value=\"1\">");
    for (name, value) in url::form_urlencoded::parse(form.as_bytes()) {
        if PARAMETERS.contains(&&*name) {
            inputs.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(&value)));
        }
    }
    let body = format!(
        "<form method=\"post\" action=\"{}\">{inputs}\
         <noscript><button type=\"submit\">Go on</button></noscript></form><script>{SCRIPT}</script>",
        escape(path)
    );
    scripted_page::answer("form_posted", &body, SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_posts_the_parameters_of_an_answer_and_no_others_escaped() {
        let answer = once_more(
            "code=%22%3E%3Cscript%3E&state=s&state=t&evil=1&access_token=x&iss=https%3A%2F%2Fa",
            "/.ostia/callback/x\"y",
        );
        let html = answer.body_text();
        assert_eq!(html.matches("<script").count(), 1, "{html}");
        assert_eq!(html.matches("name=\"state\"").count(), 2, "{html}");
        assert!(
            html.contains("value=\"&quot;&gt;&lt;script&gt;\"") && html.contains("value=\"https://a\""),
            "{html}"
        );
        assert!(html.contains("action=\"/.ostia/callback/x&quot;y\""), "{html}");
        assert!(!html.contains("evil") && !html.contains("access_token"), "{html}");
    }

    #[test]
    fn only_our_own_form_is_taken_for_the_second() {
        assert!(is_again("code=a&ostia_again=1"));
        assert!(!is_again("code=a&state=ostia_again"));
    }
}
