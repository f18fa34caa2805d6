//! The forms of plain pages, read without a browser.

use url::Url;

/// A form: where it goes and what it sends.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is posted to.
    pub action: Url,
    /// Name and value of each input that has a name.
    pub inputs: Vec<(String, String)>,
}

impl Form {
    /// Reads the first `<form>` of `html`, an answer from `base`.
    #[must_use]
    pub(crate) fn first_in(html: &str, base: &Url) -> Option<Self> {
        let start = html.find("<form")?;
        let form = &html[start..html[start..].find("</form>").map_or(html.len(), |end| start + end)];
        let tag = &form[..form.find('>')?];
        let action = base.join(&attribute(tag, "action").unwrap_or_default()).ok()?;
        let tags = form.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("button"));
        let input = |tag: &str| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()));
        Some(Self { action, inputs: tags.filter_map(input).collect() })
    }

    /// The value of an input.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.inputs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Fills an input, which is added when the form has none of that name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.inputs.retain(|(n, _)| n != name);
        self.inputs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As `application/x-www-form-urlencoded`.
    #[must_use]
    pub(crate) fn encoded(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.inputs).finish()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#x2F;", "/")
            .replace("&#x3D;", "=")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}
