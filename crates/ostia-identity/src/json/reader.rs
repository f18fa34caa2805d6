//! Reads a JSON text (RFC 8259) in one pass, strictly.

use serde_json::Number;

use super::document::{Node, Span, place};
use super::index::{Index, Kinds, fingerprint};
use super::text::{self, Unescaped};
use super::{JsonRefused, MAX_DEPTH};

/// Up to here the names of an object are compared as they come; beyond, they are sorted at its end.
const FEW: usize = 32;
/// Whole numbers of so many digits fit without a look.
const SURE_DIGITS: usize = 18;

/// What a text is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A hint: an object may have members twice.
    Hint,
    /// Its values.
    Values,
    /// Its values, and where those of the outermost object are by their names.
    Index,
}

/// What has been read, and where the reader stands.
pub(super) struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    purpose: Purpose,
    pub(super) nodes: Vec<Node>,
    /// What strings with escapes stand for.
    pub(super) own: String,
    /// The members of the outermost object, when that is what it is read for.
    pub(super) index: Index,
}

type Read<T> = Result<T, JsonRefused>;

impl<'t> Reader<'t> {
    /// Reads a whole text.
    pub(super) fn read(text: &'t str, purpose: Purpose) -> Read<Self> {
        if text.len() >= u32::MAX as usize {
            return Err(JsonRefused::Malformed);
        }
        // A member of a token takes about twenty bytes, and two nodes.
        let nodes = Vec::with_capacity(text.len() / 10 + 8);
        let index = Index::with_capacity(if purpose == Purpose::Index { text.len() / 32 + 4 } else { 0 });
        let bytes = text.as_bytes();
        let own = String::new();
        let mut reader = Self { text, bytes, at: 0, purpose, nodes, own, index };
        reader.skip_space();
        reader.value(0)?;
        reader.skip_space();
        if reader.at == reader.bytes.len() { Ok(reader) } else { Err(JsonRefused::Malformed) }
    }

    /// Most values are strings: they are read without a call.
    #[inline(always)]
    fn value(&mut self, depth: usize) -> Read<()> {
        match self.peek() {
            Some(b'"') => self.string(),
            _ => self.other_value(depth),
        }
    }

    fn other_value(&mut self, depth: usize) -> Read<()> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(JsonRefused::Malformed),
        }
    }

    fn object(&mut self, depth: usize) -> Read<()> {
        let at = self.open(depth)?;
        let mut names = Names { first: at + 1, count: 0, kinds: Kinds::default(), fingerprints: [0; FEW] };
        if !self.takes(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(JsonRefused::Malformed);
                }
                self.string()?;
                names.add(self, depth == 1)?;
                self.skip_space();
                self.take(b':')?;
                self.skip_space();
                self.value(depth)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        names.end(self)?;
        self.close(at, Node::Object { behind: place(self.nodes.len()) });
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Read<()> {
        let at = self.open(depth)?;
        if !self.takes(b']') {
            loop {
                self.value(depth)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.close(at, Node::List { behind: place(self.nodes.len()) });
        Ok(())
    }

    /// Enters a list or an object; the place that is its own.
    fn open(&mut self, depth: usize) -> Read<usize> {
        if depth > MAX_DEPTH {
            return Err(JsonRefused::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        self.nodes.push(Node::Null);
        Ok(self.nodes.len() - 1)
    }

    fn close(&mut self, at: usize, whole: Node) {
        if let Some(node) = self.nodes.get_mut(at) {
            *node = whole;
        }
    }

    /// Whether a comma stands here, and not the end.
    fn goes_on(&mut self, end: u8) -> Read<bool> {
        self.skip_space();
        if self.takes(end) {
            return Ok(false);
        }
        self.take(b',')?;
        self.skip_space();
        Ok(true)
    }

    #[inline(always)]
    fn string(&mut self) -> Read<()> {
        let start = self.at + 1;
        let end = start + text::plain_length(self.bytes.get(start..).unwrap_or_default());
        let node = match self.bytes.get(end) {
            Some(b'"') => {
                self.at = end + 1;
                Node::Text(Span { start: place(start), end: place(end) })
            }
            Some(b'\\') => {
                let own_start = place(self.own.len());
                self.at = Unescaped { text: self.text, into: &mut self.own }.read(start)?;
                Node::Own(Span { start: own_start, end: place(self.own.len()) })
            }
            _ => return Err(JsonRefused::Malformed),
        };
        self.nodes.push(node);
        Ok(())
    }

    fn word(&mut self, word: &str, node: Node) -> Read<()> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(JsonRefused::Malformed);
        }
        self.at = end;
        self.nodes.push(node);
        Ok(())
    }

    /// Most numbers are dates; whatever is no plain whole number is read by `serde_json`.
    fn number(&mut self) -> Read<()> {
        let start = self.at;
        let mut whole = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        let digits = self.at - start;
        let is_plain = (1..=SURE_DIGITS).contains(&digits)
            && (digits == 1 || self.bytes.get(start) != Some(&b'0'))
            && !matches!(self.peek(), Some(b'.' | b'e' | b'E' | b'+' | b'-'));
        if is_plain {
            self.nodes.push(Node::Unsigned(whole));
            return Ok(());
        }
        while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = self.peek() {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number: Number = serde_json::from_str(text).map_err(|_| JsonRefused::Malformed)?;
        self.nodes.push(Node::of_number(&number));
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    fn take(&mut self, byte: u8) -> Read<()> {
        if self.takes(byte) { Ok(()) } else { Err(JsonRefused::Malformed) }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn name_at(&self, at: usize) -> &[u8] {
        let (text, span) = match self.nodes.get(at) {
            Some(Node::Text(span)) => (self.bytes, span),
            Some(Node::Own(span)) => (self.own.as_bytes(), span),
            _ => return b"",
        };
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Where the name stands that follows the value behind this name.
    fn next_name(&self, name: usize) -> usize {
        match self.nodes.get(name + 1) {
            Some(Node::List { behind } | Node::Object { behind }) => *behind as usize,
            _ => name + 2,
        }
    }

    /// Whether the name in the place `last` is one of the names of its object before it.
    #[cold]
    fn has_before(&self, first: usize, count: usize, last: usize) -> bool {
        let name = self.name_at(last);
        self.names(first, count).any(|other| self.name_at(other) == name)
    }

    /// The places of the first names of an object.
    fn names(&self, first: usize, count: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(first), |name| Some(self.next_name(*name))).take(count)
    }
}

/// The names of an object so far, none of which is there twice. Names are compared without their escapes.
struct Names {
    /// Where the first stands.
    first: usize,
    count: usize,
    /// Most new names are of a kind of which there was none before.
    kinds: Kinds,
    /// Most others are like none before.
    fingerprints: [u32; FEW],
}

impl Names {
    /// Adds the name that was read last.
    fn add(&mut self, reader: &mut Reader<'_>, is_outermost: bool) -> Read<()> {
        let last = reader.nodes.len() - 1;
        let fingerprint = fingerprint(reader.name_at(last));
        if let Some((known, [free, ..])) = self.fingerprints.split_at_mut_checked(self.count) {
            let is_like_one = self.kinds.have(fingerprint) && known.contains(&fingerprint);
            if is_like_one
                && reader.purpose != Purpose::Hint
                && reader.has_before(self.first, self.count, last)
            {
                return Err(JsonRefused::DuplicateMember);
            }
            *free = fingerprint;
        }
        self.kinds.add(fingerprint);
        if is_outermost && reader.purpose == Purpose::Index {
            reader.index.add_alike(fingerprint, place(last), place(last + 1));
        }
        self.count += 1;
        Ok(())
    }

    fn end(&self, reader: &Reader<'_>) -> Read<()> {
        if self.count <= FEW || reader.purpose == Purpose::Hint {
            return Ok(());
        }
        let mut names: Vec<&[u8]> =
            reader.names(self.first, self.count).map(|name| reader.name_at(name)).collect();
        names.sort_unstable();
        let mut pairs = names.iter().zip(names.iter().skip(1));
        if pairs.any(|(one, next)| one == next) { Err(JsonRefused::DuplicateMember) } else { Ok(()) }
    }
}
