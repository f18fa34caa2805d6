//! The parameters of a protocol request, each at most once.

use url::form_urlencoded;

/// Parameters of a query or of a form (`application/x-www-form-urlencoded`).
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them. A parameter without a value counts as absent; one that is given twice makes the whole request
    /// invalid, and its name is the error (RFC 6749 section 3.1).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if found.iter().any(|(known, _)| *known == name) {
                return Err(name.into_owned());
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        found.retain(|(_, value)| !value.is_empty());
        Ok(Self(found))
    }

    /// The value of one parameter.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `uri` with these parameters added to its query (RFC 6749 section 4.1.2).
pub(super) fn extend_uri(uri: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|&(name, value)| value.map(|value| (name, value)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    match (query.is_empty(), uri.contains('?')) {
        (true, _) => uri.to_owned(),
        (false, true) => format!("{uri}&{query}"),
        (false, false) => format!("{uri}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_given_twice_is_refused() {
        assert_eq!(Parameters::parse("a=1&state=x&state=x").unwrap_err(), "state");
    }

    #[test]
    fn an_empty_parameter_is_absent() {
        let parameters = Parameters::parse("state=&nonce=n%2B1").unwrap();
        assert_eq!((parameters.one("state"), parameters.one("nonce")), (None, Some("n+1")));
    }

    #[test]
    fn a_query_of_the_redirect_uri_is_kept() {
        let added = [("code", Some("c d")), ("state", None)];
        assert_eq!(extend_uri("http://localhost/cb", &added), "http://localhost/cb?code=c+d");
        assert_eq!(extend_uri("http://localhost/cb?a=1", &added), "http://localhost/cb?a=1&code=c+d");
        assert_eq!(extend_uri("http://localhost/cb", &[]), "http://localhost/cb");
    }
}
