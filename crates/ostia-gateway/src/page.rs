//! Ostia's own pages: no outside resource, every word escaped, no script but the one line that keeps a fragment where
//! people choose.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use http::HeaderValue;
use ostia_config::page::Logo;

use crate::answer::{Choice, Next, Refusal};
use crate::endpoint::logout::LOGOUT_PATH;

const STYLE: &str = include_str!("page.css");
/// Links drop the fragment of the page that they stand on.
const KEEP_FRAGMENT: &str =
    "document.querySelectorAll('.choices a').forEach(function(a){a.hash=location.hash})";

/// What the operator says about pages, ready to be put into each.
#[derive(Debug)]
pub struct Pages {
    organisation: String,
    /// The organisation as it stands above each page: its name, or its picture.
    masthead: String,
    support: Option<String>,
    policy: HeaderValue,
    policy_with_form: HeaderValue,
    policy_with_script: HeaderValue,
}

/// One page.
#[derive(Debug)]
pub struct Page<'a> {
    /// Heading and title.
    pub title: &'a str,
    /// Paragraphs.
    pub paragraphs: Vec<&'a str>,
    /// The way on.
    pub next: Next<'a>,
    /// The reason's slug, shown small.
    pub code: &'a str,
    /// The request's id, shown small, so that support can find the log line.
    pub request_id: &'a str,
}

impl<'a> Page<'a> {
    /// The page of a refusal.
    #[must_use]
    pub fn refusal(refusal: &Refusal<'a>, request_id: &'a str) -> Self {
        let paragraphs = if refusal.advice.is_empty() { Vec::new() } else { vec![refusal.advice] };
        Self { title: refusal.title, paragraphs, next: refusal.next, code: refusal.reason, request_id }
    }
}

impl Pages {
    /// Prepares the words of `pages`.
    #[must_use]
    pub fn new(config: &ostia_config::Pages) -> Self {
        let hash = |text: &str| {
            base64_simd::STANDARD.encode_to_string(digest::digest(&digest::SHA256, text.as_bytes()))
        };
        let pictures = if config.logo.is_some() { " img-src data:;" } else { "" };
        let base = format!(
            "default-src 'none'; style-src 'sha256-{}';{pictures} frame-ancestors 'none'; base-uri 'none'",
            hash(STYLE)
        );
        let script = hash(KEEP_FRAGMENT);
        let organisation = escape(config.name.as_deref().unwrap_or("Ostia"));
        Self {
            masthead: config
                .logo
                .as_ref()
                .map_or_else(|| organisation.clone(), |logo| picture(logo, &organisation)),
            organisation,
            support: config.support.as_ref().map(|url| escape(url.as_str())),
            policy: policy_value(&format!("{base}; form-action 'none'")),
            // A form that signs out is answered with a redirect to the provider, which browsers count as the
            // form's target: its origin cannot be listed here without listing every hop after it.
            policy_with_form: policy_value(&base),
            policy_with_script: policy_value(&format!(
                "{base}; form-action 'none'; script-src 'sha256-{script}'"
            )),
        }
    }

    /// The `Content-Security-Policy` of a page.
    #[must_use]
    pub fn security_policy(&self, page: &Page<'_>) -> HeaderValue {
        match page.next {
            Next::SignOut | Next::SignOutOf(_) => self.policy_with_form.clone(),
            Next::ChooseWithFragment(_) => self.policy_with_script.clone(),
            _ => self.policy.clone(),
        }
    }

    /// The page as HTML.
    #[must_use]
    pub fn render(&self, page: &Page<'_>) -> String {
        let title = escape(page.title);
        let mut html = String::with_capacity(2048 + STYLE.len());
        let _ = write!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<title>{title} · {organisation}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<p class=\"organisation\">{masthead}</p>\n\
             <h1>{title}</h1>\n",
            organisation = self.organisation,
            masthead = self.masthead,
        );
        for paragraph in &page.paragraphs {
            let _ = writeln!(html, "<p>{}</p>", escape(paragraph));
        }
        match page.next {
            Next::Nothing => {}
            Next::SignIn(path) => {
                let _ = writeln!(html, "<p><a class=\"action\" href=\"{}\">Sign in</a></p>", escape(path));
            }
            Next::Choose(choices) | Next::ChooseWithFragment(choices) => {
                html.push_str("<ul class=\"choices\">\n");
                for Choice { title, path } in choices {
                    let (path, title) = (escape(path), escape(title));
                    let _ = writeln!(html, "<li><a class=\"action\" href=\"{path}\">{title}</a></li>");
                }
                html.push_str("</ul>\n");
                if matches!(page.next, Next::ChooseWithFragment(_)) {
                    let _ = writeln!(html, "<script>{KEEP_FRAGMENT}</script>");
                }
            }
            Next::SignOut => button(&mut html, Choice { title: "Sign out", path: LOGOUT_PATH }),
            Next::SignOutOf(choices) => choices.iter().for_each(|choice| button(&mut html, *choice)),
        }
        if let Some(support) = &self.support {
            let _ = writeln!(html, "<p><a href=\"{support}\">Help</a></p>");
        }
        let _ = write!(
            html,
            "<footer>{code}{between}{id}</footer>\n</main>\n</body>\n</html>\n",
            code = escape(page.code),
            between = if page.request_id.is_empty() { "" } else { " · request " },
            id = escape(page.request_id),
        );
        html
    }
}

/// A button that signs out.
fn button(html: &mut String, Choice { title, path }: Choice<'_>) {
    let (title, path) = (escape(title), escape(path));
    let _ = writeln!(
        html,
        "<form method=\"post\" action=\"{path}\">\
         <button class=\"action\" type=\"submit\">{title}</button></form>"
    );
}

/// The picture within the page, with the escaped name for who does not see it. Scripts in an SVG do not run there.
fn picture(logo: &Logo, name: &str) -> String {
    let data = base64_simd::STANDARD.encode_to_string(&logo.bytes);
    format!("<img src=\"data:{};base64,{data}\" alt=\"{name}\">", logo.media_type)
}

fn policy_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// Escapes text for HTML content and quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn pages() -> Pages {
        Pages::new(&ostia_config::Pages { name: Some("A & B".to_owned()), ..Default::default() })
    }

    #[test]
    fn every_word_is_escaped() {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "denied", "<b>\"No\"</b>").advise("it's <i>");
        let html = pages().render(&Page::refusal(&refusal, "id<1>"));
        assert!(html.contains("&lt;b&gt;&quot;No&quot;&lt;/b&gt;"), "{html}");
        assert!(html.contains("it&#39;s &lt;i&gt;"), "{html}");
        assert!(html.contains("id&lt;1&gt;"), "{html}");
        assert!(html.contains("A &amp; B"), "{html}");
    }

    #[test]
    fn every_word_of_a_choice_is_escaped() {
        let choices = [Choice { title: "<b>R&D</b>", path: "/.ostia/login?return=%2F\"x&provider=a" }];
        let next = Next::Choose(&choices);
        let html = pages().render(&Page { title: "t", paragraphs: vec![], next, code: "c", request_id: "" });
        assert!(
            html.contains(
                "<li><a class=\"action\" href=\"/.ostia/login?return=%2F&quot;x&amp;provider=a\">&lt;b&gt;R&amp;D&lt;/b&gt;</a></li>"
            ),
            "{html}"
        );
    }

    #[test]
    fn a_choice_that_keeps_the_fragment_has_one_script_and_its_policy_names_it() {
        let pages = pages();
        let next = Next::ChooseWithFragment(&[]);
        let page = Page { title: "t", paragraphs: vec![], next, code: "c", request_id: "" };
        assert_eq!(pages.render(&page).matches("<script").count(), 1);
        let policy = pages.security_policy(&page);
        let text = policy.to_str().unwrap();
        assert!(text.contains("; script-src 'sha256-") && !text.contains("unsafe"), "{text}");
    }

    #[test]
    fn the_logo_is_within_the_page_and_nothing_else_may_be_shown() {
        let logo =
            Logo { file: "logo.svg".into(), media_type: "image/svg+xml", bytes: b"<svg/>".as_slice().into() };
        let config = ostia_config::Pages { name: Some("A & B".to_owned()), logo: Some(logo), support: None };
        let pages = Pages::new(&config);
        let page = Page { title: "t", paragraphs: vec![], next: Next::Nothing, code: "c", request_id: "" };
        let picture = "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"A &amp; B\">";
        assert!(pages.render(&page).contains(picture), "{}", pages.render(&page));
        assert!(pages.security_policy(&page).to_str().unwrap().contains("; img-src data:;"));
        assert!(!self::pages().security_policy(&page).to_str().unwrap().contains("img-src"));
    }

    #[test]
    fn the_policy_names_the_style_by_hash_and_allows_no_script() {
        let page = Page { title: "t", paragraphs: vec![], next: Next::Nothing, code: "c", request_id: "" };
        let policy = pages().security_policy(&page);
        let text = policy.to_str().unwrap();
        assert!(text.starts_with("default-src 'none'; style-src 'sha256-"), "{text}");
        assert!(!text.contains("script"), "{text}");
    }
}
