//! A scrape, to be asked for numbers.

/// The samples of one answer in the Prometheus text format.
#[derive(Clone, Debug)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    /// Wraps the text of a scrape.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { text }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The sum of all samples of `name` that carry each of `labels`.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        self.samples(name)
            .filter(|(set, _)| wanted.iter().all(|label| set.contains(label)))
            .map(|(_, v)| v)
            .sum()
    }

    /// Whether any sample of `name` exists.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples(name).next().is_some()
    }

    /// Label set and value of each sample of `name`.
    fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.text.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once('}')?,
                None if rest.starts_with(' ') => ("", rest),
                None => return None,
            };
            Some((labels, value.trim().parse().ok()?))
        })
    }
}
