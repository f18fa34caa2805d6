//! What an extension asks to be changed.

use http::{HeaderName, HeaderValue};

/// Changes to the request that goes to the server, or to the answer that goes to the client, in the order in which they
/// were asked for. They are wishes: the gateway refuses those of fields that carry identity, name the host or frame the
/// message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Sets a field, replacing what is there.
    Set(HeaderName, HeaderValue),
    /// Removes a field.
    Remove(HeaderName),
}

impl Edits {
    /// Sets a field, replacing what is there.
    pub fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push(Edit::Set(name, value));
    }

    /// Removes a field.
    pub fn remove(&mut self, name: HeaderName) {
        self.0.push(Edit::Remove(name));
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was asked for so far.
    pub fn iter(&self) -> impl Iterator<Item = &Edit> {
        self.0.iter()
    }
}

impl IntoIterator for Edits {
    type Item = Edit;
    type IntoIter = std::vec::IntoIter<Edit>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use http::header::{FROM, HeaderValue, VIA};

    use super::{Edit, Edits};

    #[test]
    fn edits_keep_their_order_and_the_last_one_counts() {
        let mut edits = Edits::default();
        assert!(edits.is_empty());
        edits.set(VIA, HeaderValue::from_static("a"));
        edits.remove(FROM);
        edits.set(VIA, HeaderValue::from_static("b"));
        assert_eq!(edits.iter().count(), 3);
        let all: Vec<Edit> = edits.into_iter().collect();
        assert_eq!(all[1], Edit::Remove(FROM));
        assert_eq!(all[2], Edit::Set(VIA, HeaderValue::from_static("b")));
    }
}
