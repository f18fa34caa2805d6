//! The types that are read by their shape: numbers, durations, sizes, words, lists.

use std::time::Duration;

use crate::codes;
use crate::describe::{Shape, did_you_mean, one_of};
use crate::findings::Finding;
use crate::tree::{Value, join_index};
use crate::value::{FromText, Place, Read, Wrong};

impl<T: FromText> Read for T {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        T::from_text(&scalar.text).map_err(|wrong| place.refuse(wrong)).ok()
    }
}

impl Read for bool {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        match (scalar.plain, scalar.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => {
                place.refuse(Wrong::new("is not `true` or `false`").code(codes::WRONG_TYPE));
                None
            }
        }
    }
}

impl Read for u64 {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let digits = scalar.plain && scalar.text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = scalar.text.len() > 1 && scalar.text.starts_with('0');
        let number = scalar.text.parse::<u64>().ok().filter(|_| digits && !leading_zero);
        let Some(number) = number else {
            place.refuse(Wrong::new("is not a whole number").code(codes::WRONG_TYPE));
            return None;
        };
        let Shape::Integer { min, max } = place.shape else { return Some(number) };
        place.between(number, &min, &max, u64::to_string)
    }
}

macro_rules! narrower_integers {
    ($($integer:ty),*) => {$(
        impl Read for $integer {
            fn read(place: Place<'_>) -> Option<Self> {
                <$integer>::try_from(u64::read(place)?).ok()
            }
        }
    )*};
}

narrower_integers!(u16, u32, usize);

impl Read for f64 {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let digits = scalar.plain && scalar.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let Some(number) = scalar.text.parse::<f64>().ok().filter(|_| digits) else {
            place.refuse(Wrong::new("is not a number").code(codes::WRONG_TYPE));
            return None;
        };
        let Shape::Number { min, max } = place.shape else { return Some(number) };
        place.between(number, &min, &max, f64::to_string)
    }
}

impl Read for Duration {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Ok(duration) = humantime::parse_duration(&scalar.text) else {
            place.refuse(
                Wrong::new("is not a duration").help("a number with a unit: `500ms`, `30s`, `5m`, `1h 30m`"),
            );
            return None;
        };
        let Shape::Duration { min, max } = place.shape else { return Some(duration) };
        place.between(duration, &min, &max, |bound| duration_words(*bound))
    }
}

/// A duration in its largest whole unit.
pub(crate) fn duration_words(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("days", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let whole = units.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) if duration.subsec_nanos().is_multiple_of(1_000_000) => {
            format!("{}{name}", millis / unit)
        }
        _ => humantime::format_duration(duration).to_string(),
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bytes(pub(crate) u64);

impl Read for Bytes {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Ok(size) = scalar.text.parse::<bytesize::ByteSize>() else {
            place.refuse(Wrong::new("is not a size").help("a number with a unit: `512B`, `64KiB`, `100MiB`"));
            return None;
        };
        let Shape::Size { min, max } = place.shape else { return Some(Self(size.0)) };
        place
            .between(size.0, &min, &max, |bound| bytesize::ByteSize(*bound).display().iec().to_string())
            .map(Self)
    }
}

/// A word of a closed set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Word(pub(crate) &'static str);

impl Read for Word {
    fn read(place: Place<'_>) -> Option<Self> {
        let scalar = place.scalar()?;
        let Shape::Word(words) = place.shape else { return None };
        let text = scalar.text.as_str();
        if let Some(word) = words.now.iter().find(|word| **word == text) {
            return Some(Self(word));
        }
        if words.later.contains(&text) {
            place.cx.not_yet(place.node.span, place.path, &format!("`{text}`"));
            return None;
        }
        let help = did_you_mean(text, words.now.iter().chain(words.later).copied());
        let wrong = Wrong::new(format!("is not {}", one_of(words.now)));
        place.refuse(Wrong { help, ..wrong });
        None
    }
}

impl<T: Read> Read for Vec<T> {
    /// Every item is read, so that all that are wrong are told; one wrong item spoils the list.
    fn read(place: Place<'_>) -> Option<Self> {
        let (item, single, none) = match place.shape {
            Shape::List(item) => (*item, false, true),
            Shape::Several(item) => (*item, false, false),
            Shape::OneOrMany(item) => (*item, true, false),
            other => (other, true, false),
        };
        match &place.node.value {
            Value::List(items) if items.is_empty() && !none => {
                let message = format!("`{}` is an empty list", place.path);
                place.cx.findings.add(
                    Finding::new(codes::EMPTY_LIST, place.node.span, place.path, message)
                        .help("name at least one, or remove the key"),
                );
                None
            }
            Value::List(items) => {
                let read: Vec<Option<T>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, node)| {
                        let path = join_index(place.path, index);
                        T::read(Place { cx: place.cx, node, shape: item, path: &path })
                    })
                    .collect();
                read.into_iter().collect()
            }
            _ if single => Some(vec![T::read(place.with(item))?]),
            _ => {
                place.cx.wrong_type(place.node, &place.shape, place.path);
                None
            }
        }
    }
}

impl Default for Word {
    /// Stands where a wrong word was told; matches nothing.
    fn default() -> Self {
        Self("")
    }
}
