//! Forms in a page: enough HTML to fill them in.

use url::{Url, form_urlencoded};

/// A form as it stands in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent.
    pub action: Url,
    /// `get` or `post`.
    pub method: String,
    /// Names and values of its fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// All forms of a page.
    #[must_use]
    pub fn all(page: &Url, html: &str) -> Vec<Self> {
        let mut forms: Vec<Self> = Vec::new();
        for tag in html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
            let name = tag.split_ascii_whitespace().next().unwrap_or_default();
            if name.eq_ignore_ascii_case("form") {
                let action = attribute(tag, "action").and_then(|action| page.join(&action).ok());
                forms.push(Self {
                    action: action.unwrap_or_else(|| page.clone()),
                    method: attribute(tag, "method").unwrap_or_else(|| "get".to_owned()).to_ascii_lowercase(),
                    fields: Vec::new(),
                });
            }
            let is_field = name.eq_ignore_ascii_case("input") || name.eq_ignore_ascii_case("button");
            if let (true, Some(form), Some(name)) = (is_field, forms.last_mut(), attribute(tag, "name")) {
                form.fields.push((name, attribute(tag, "value").unwrap_or_default()));
            }
        }
        forms
    }

    /// The same with a field filled in.
    #[must_use]
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// What is sent.
    #[must_use]
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

/// The value of an attribute in quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, after) = rest.split_at(at);
        let after = after.get(name.len()..)?;
        if before.ends_with(|c: char| c.is_ascii_whitespace())
            && let Some(value) = after.strip_prefix("=\"")
        {
            return Some(unescape(value.split_once('"')?.0));
        }
        rest = after;
    }
    None
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    named.iter().fold(text.to_owned(), |text, (name, character)| text.replace(name, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_with_its_fields() {
        let page = Url::parse("http://127.0.0.1:1/authorize?a=1").unwrap();
        let html = "<p>x</p><form class=\"f\" method=\"post\" action=\"/sign-in?x=1&amp;y=2\">\
                    <input type=\"hidden\" name=\"request\" value=\"a=&quot;1&quot;&amp;amp;\">\
                    <input id=\"username\" name=\"username\" required></form>";
        let form = Form {
            action: Url::parse("http://127.0.0.1:1/sign-in?x=1&y=2").unwrap(),
            method: "post".into(),
            fields: vec![("request".into(), "a=\"1\"&amp;".into()), ("username".into(), String::new())],
        };
        assert_eq!(Form::all(&page, html), std::slice::from_ref(&form));
        assert_eq!(form.fill("username", "ana b").encode(), "request=a%3D%221%22%26amp%3B&username=ana+b");
    }
}
