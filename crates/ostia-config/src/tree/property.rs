//! `${VAR}`, `${VAR:-default}` and `${VAR:?hint}` inside a scalar.

/// Why a reference was refused. No variant holds a variable's value, nor a default, which may be a secret, too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PropertyRefused {
    #[error("the variable `{0}` is not set")]
    Unset(String),
    #[error("the variable `{name}` is not set: {hint}")]
    Hinted { name: String, hint: String },
    #[error("`${{` without a `}}`")]
    Unclosed,
    #[error("this is none of `${{VAR}}`, `${{VAR:-default}}`, `${{VAR:?hint}}`")]
    Malformed,
    #[error("the text is longer than 64 KiB with the values of its variables")]
    TooLong,
}

const MAX_BYTES: usize = 64 * 1024;

/// The text with every reference replaced; `None` when there is none. A variable's value is never read again, so it
/// cannot bring references or YAML of its own. `:-` and `:?` also stand for a variable that is set to nothing.
pub(crate) fn expand(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, PropertyRefused> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (body, tail) = after.split_once('}').ok_or(PropertyRefused::Unclosed)?;
        expanded.push_str(before);
        expanded.push_str(&reference(body, variable)?);
        if expanded.len() > MAX_BYTES {
            return Err(PropertyRefused::TooLong);
        }
        rest = tail;
    }
    expanded.push_str(rest);
    Ok(Some(expanded))
}

fn reference(body: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, PropertyRefused> {
    let end = body.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(body.len());
    let (name, operation) = body.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(PropertyRefused::Malformed);
    }
    let value = variable(name);
    let filled = value.clone().filter(|value| !value.is_empty());
    if operation.is_empty() {
        value.ok_or_else(|| PropertyRefused::Unset(name.to_owned()))
    } else if let Some(default) = operation.strip_prefix(":-") {
        Ok(filled.unwrap_or_else(|| default.to_owned()))
    } else if let Some(hint) = operation.strip_prefix(":?") {
        filled.ok_or_else(|| PropertyRefused::Hinted { name: name.to_owned(), hint: hint.to_owned() })
    } else {
        Err(PropertyRefused::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("app.example.com".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn wrong_reference_is_refused() {
        for (text, refused) in [
            ("${NO}", PropertyRefused::Unset("NO".to_owned())),
            ("${NO:?set it}", PropertyRefused::Hinted { name: "NO".to_owned(), hint: "set it".to_owned() }),
            (
                "${EMPTY:?set it}",
                PropertyRefused::Hinted { name: "EMPTY".to_owned(), hint: "set it".to_owned() },
            ),
            ("${HOST", PropertyRefused::Unclosed),
            ("${HOST-x}", PropertyRefused::Malformed),
            ("${}", PropertyRefused::Malformed),
            ("${1A}", PropertyRefused::Malformed),
        ] {
            assert_eq!(expand(text, &variable), Err(refused), "{text}");
        }
    }

    #[test]
    fn reference_gives_way_to_its_value() {
        for (text, expanded) in [
            ("plain $HOST", None),
            ("${HOST}", Some("app.example.com")),
            ("https://${HOST}/x", Some("https://app.example.com/x")),
            ("${NO:-8080}", Some("8080")),
            ("${EMPTY:-8080}", Some("8080")),
            ("${EMPTY}", Some("")),
            ("${NESTED}", Some("${HOST}")),
        ] {
            assert_eq!(expand(text, &variable).unwrap().as_deref(), expanded, "{text}");
        }
    }
}
