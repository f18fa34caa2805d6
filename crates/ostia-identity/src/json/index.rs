//! The members of an object by their names: most questions for a name that is not there are answered at once.

use super::document::Document;

/// Members in the order of their object, each name once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    members: Vec<Member>,
    /// The kinds of all names that are here, and perhaps of some that were.
    kinds: Kinds,
}

/// Where a member stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) name: u32,
    pub(crate) value: u32,
    /// Most others are passed without a look at their text.
    fingerprint: u32,
}

/// Of 64 kinds of name those that were seen: few names are of the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds(u64);

impl Index {
    pub(super) fn with_capacity(members: usize) -> Self {
        Self { members: Vec::with_capacity(members), kinds: Kinds::default() }
    }

    /// Adds a member whose name is not here.
    pub(crate) fn add(&mut self, name: &str, at: u32, value: u32) {
        self.add_alike(fingerprint(name.as_bytes()), at, value);
    }

    #[inline]
    pub(super) fn add_alike(&mut self, fingerprint: u32, name: u32, value: u32) {
        self.kinds.add(fingerprint);
        self.members.push(Member { name, value, fingerprint });
    }

    /// The member of this name in the document that this is the index of.
    #[inline]
    pub(crate) fn find(&self, document: &Document, name: &str) -> Option<&Member> {
        self.members.get(self.place(document, name)?)
    }

    /// The same, to change where its value stands.
    pub(crate) fn find_mut(&mut self, document: &Document, name: &str) -> Option<&mut Member> {
        let place = self.place(document, name)?;
        self.members.get_mut(place)
    }

    pub(crate) fn remove(&mut self, document: &Document, name: &str) {
        if let Some(place) = self.place(document, name) {
            self.members.remove(place);
        }
    }

    #[inline]
    fn place(&self, document: &Document, name: &str) -> Option<usize> {
        let alike = fingerprint(name.as_bytes());
        if self.kinds.have(alike) { self.place_among(document, name, alike) } else { None }
    }

    fn place_among(&self, document: &Document, name: &str, alike: u32) -> Option<usize> {
        let is_it =
            |member: &Member| member.fingerprint == alike && document.is_text(member.name, name.as_bytes());
        self.members.iter().position(is_it)
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.members.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.members.capacity() * size_of::<Member>()
    }
}

impl Kinds {
    #[inline]
    pub(super) fn add(&mut self, fingerprint: u32) {
        self.0 |= Self::bit(fingerprint);
    }

    /// Whether a name of this fingerprint may have been seen.
    #[inline]
    pub(super) fn have(self, fingerprint: u32) -> bool {
        self.0 & Self::bit(fingerprint) != 0
    }

    /// Of the product, the upper bits depend on all that the fingerprint is made of.
    #[inline]
    fn bit(fingerprint: u32) -> u64 {
        1 << (fingerprint.wrapping_mul(0x9e37_79b1) >> 26)
    }
}

/// What a name is like: its length and three of its bytes. Equal names are alike.
#[inline]
pub(super) fn fingerprint(name: &[u8]) -> u32 {
    match name {
        [] => 0,
        bytes @ [first, .., last] | bytes @ [first @ last] => {
            let middle = bytes.get(bytes.len() / 2).copied().unwrap_or_default();
            u32::from_le_bytes([bytes.len() as u8, *first, middle, *last])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_is_found_whatever_others_are_like_it() {
        // Alike in length, first, middle and last byte, and many more names than there are kinds.
        let names: Vec<String> = (0..300).map(|number| format!("a{number:03}.b{number:03}z")).collect();
        let (mut document, mut index) = (Document::default(), Index::default());
        for name in &names {
            assert!(index.find(&document, name).is_none(), "{name}");
            let (at, value) = (document.push_text(name), document.push_text("value"));
            index.add(name, at, value);
        }
        for name in &names {
            assert_eq!(index.find(&document, name).map(|found| document.text_at(found.name)), Some(&**name));
        }
        for gone in names.iter().step_by(2) {
            index.remove(&document, gone);
        }
        for (number, name) in names.iter().enumerate() {
            assert_eq!(index.find(&document, name).is_some(), number % 2 == 1, "{name}");
        }
        assert!(index.find(&document, "").is_none());
    }
}
