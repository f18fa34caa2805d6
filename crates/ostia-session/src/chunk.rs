//! One sealed value over several cookies, because a browser drops a cookie of more than 4096 bytes without a word.
//!
//! The chunks of `name` are `name`, `name.1`, `name.2`, …; all but the last are full. The sealed value says how many
//! there are, and all of them together are one ciphertext: a missing, foreign or older chunk is no value at all.

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;
use ostia_config::session::SameSite;
use zeroize::Zeroizing;

use crate::key_ring::KeyRing;
use crate::random::random_bytes;
use crate::seal::{self, Binding, OVERHEAD_BYTES, OpenRefused};
use crate::set_cookie::{self, Attributes};

/// Characters of a full chunk. Name and attributes take at most 150 more.
pub(crate) const CHUNK_CHARS: usize = 3800;

/// Which chunk of `name` a cookie of the name `candidate` is.
pub(crate) fn chunk_of(name: &str, limit: usize, candidate: &[u8]) -> Option<usize> {
    chunk_behind(limit, candidate.strip_prefix(name.as_bytes())?)
}

/// Which chunk it is by what stands behind the name.
pub(crate) fn chunk_behind(limit: usize, rest: &[u8]) -> Option<usize> {
    let chunk = match rest {
        [] => 0,
        [b'.', digit @ b'1'..=b'9'] => usize::from(digit - b'0'),
        _ => return None,
    };
    (chunk < limit).then_some(chunk)
}

/// The chunks of one name, as a request presented them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered<'a, const LIMIT: usize> {
    chunks: [Option<&'a [u8]>; LIMIT],
    is_ambiguous: bool,
}

/// Why gathered chunks are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoValue {
    /// None was presented.
    Absent,
    /// Two cookies of one name: one of them was planted, and nobody can say which.
    Ambiguous,
    /// A chunk too few, too many, too short or too long.
    Incomplete,
    /// Not what we write.
    Refused(OpenRefused),
}

impl<'a, const LIMIT: usize> Gathered<'a, LIMIT> {
    pub(crate) const NONE: Self = Self { chunks: [None; LIMIT], is_ambiguous: false };

    /// Takes a cookie if it is a chunk of `name`.
    pub(crate) fn offer(&mut self, name: &str, candidate: &[u8], value: &'a [u8]) {
        if let Some(chunk) = chunk_of(name, LIMIT, candidate)
            && let Some(place) = self.chunks.get_mut(chunk)
        {
            self.is_ambiguous |= place.replace(value).is_some();
        }
    }

    /// The chunks that are here, as bits.
    pub(crate) fn presented(&self) -> Presented {
        let bits =
            (0..).zip(&self.chunks).filter(|(_, chunk)| chunk.is_some()).map(|(number, _)| 1 << number);
        Presented(bits.sum())
    }

    /// The sealed bytes. Counts and lengths are checked before anything is allocated.
    pub(crate) fn sealed(&self) -> Result<Zeroizing<Vec<u8>>, NoValue> {
        if self.is_ambiguous {
            return Err(NoValue::Ambiguous);
        }
        let Some(first) = self.chunks.first().copied().flatten() else {
            return Err(if self.presented().is_empty() { NoValue::Absent } else { NoValue::Incomplete });
        };
        let claimed = claimed_chunks(first).map_err(NoValue::Refused)?;
        let length = self.length(claimed).ok_or(NoValue::Incomplete)?;
        let malformed = NoValue::Refused(OpenRefused::Malformed);
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        self.chunks.iter().flatten().for_each(|chunk| text.extend_from_slice(chunk));
        let length = URL_SAFE_NO_PAD.decode_inplace(&mut text).map_err(|_| malformed)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// The sum of the chunks, if exactly the claimed ones are here and all but the last are full.
    fn length(&self, claimed: usize) -> Option<usize> {
        let (here, absent) = self.chunks.split_at_checked(claimed)?;
        let last = here.last().copied().flatten()?.len();
        let are_full = here.iter().rev().skip(1).all(|chunk| chunk.is_some_and(|c| c.len() == CHUNK_CHARS));
        let fits = are_full && absent.iter().all(Option::is_none) && (1..=CHUNK_CHARS).contains(&last);
        fits.then_some((claimed - 1) * CHUNK_CHARS + last)
    }
}

/// Which chunks of a cookie a request presented, so that the answer can take back those that are not written anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presented(u8);

impl Presented {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Where it is not known: everything there may be.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether nothing was presented.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> usize {
        usize::try_from(self.0.count_ones()).unwrap_or(usize::MAX)
    }

    pub(crate) fn has(self, chunk: usize) -> bool {
        self.0.checked_shr(u32::try_from(chunk).unwrap_or(u32::MAX)).is_some_and(|bits| bits & 1 == 1)
    }
}

fn claimed_chunks(first: &[u8]) -> Result<usize, OpenRefused> {
    let mut bytes = [0; 3];
    let head = first.get(..4).ok_or(OpenRefused::Malformed)?;
    let head = URL_SAFE_NO_PAD
        .decode(head, base64_simd::Out::from_slice(&mut bytes))
        .map_err(|_| OpenRefused::Malformed)?;
    seal::claimed_chunks(head)
}

/// How many chunks a text takes once it is sealed.
pub(crate) fn chunks_for(text_bytes: usize) -> usize {
    chars_for(text_bytes).div_ceil(CHUNK_CHARS)
}

fn chars_for(text_bytes: usize) -> usize {
    URL_SAFE_NO_PAD.encoded_length(text_bytes + OVERHEAD_BYTES)
}

/// Where a sealed value goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) binding: Binding<'a>,
    /// The most chunks it may take.
    pub(crate) limit: usize,
    pub(crate) attributes: Attributes,
}

/// Why a text was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotWritten {
    /// It needs this many characters, more than the limit.
    TooLarge(usize),
    /// No random bytes, or aws-lc-rs failed.
    NotSealed,
}

/// Seals `text` into as few cookies as it needs, and takes back those presented chunks that it does not need.
pub(crate) fn write(
    ring: &KeyRing,
    place: Place<'_>,
    text: &[u8],
    presented: Presented,
    to: &mut Vec<HeaderValue>,
) -> Result<(), NotWritten> {
    let count = chunks_for(text.len());
    if count > place.limit {
        return Err(NotWritten::TooLarge(chars_for(text.len())));
    }
    let sealed = u8::try_from(count)
        .ok()
        .zip(random_bytes().ok())
        .and_then(|(count, nonce)| seal::seal(ring, place.binding, count, nonce, text))
        .ok_or(NotWritten::NotSealed)?;
    let value = URL_SAFE_NO_PAD.encode_to_string(&sealed);
    let mut rest = value.as_str();
    for chunk in 0..count {
        let (part, others) = rest.split_at_checked(CHUNK_CHARS).unwrap_or((rest, ""));
        to.push(set_cookie::set(place.binding.name, chunk, part, place.attributes));
        rest = others;
    }
    let Attributes { path, same_site, .. } = place.attributes;
    let unused = (count..place.limit).filter(|chunk| presented.has(*chunk));
    to.extend(unused.map(|chunk| set_cookie::expire(place.binding.name, chunk, path, same_site)));
    Ok(())
}

/// Takes back the presented chunks of a cookie.
pub(crate) fn take_back(
    name: &str,
    limit: usize,
    presented: Presented,
    path: &'static str,
    same_site: SameSite,
    to: &mut Vec<HeaderValue>,
) {
    let chunks = (0..limit).filter(|chunk| presented.has(*chunk));
    to.extend(chunks.map(|chunk| set_cookie::expire(name, chunk, path, same_site)));
}

#[cfg(test)]
mod tests;
