//! `policies.*.time`: windows of time.

use crate::codes;
use crate::describe::{Grammar, Key, Section, Shape, Words};
use crate::fields::Fields;
use crate::findings::Finding;
use crate::policy::TimeWindow;
use crate::section::TEXT;
use crate::tree::{Node, Value, join_index};
use crate::value::{FromText, Word, Wrong};

static CLOCK: Grammar = <Clock as FromText>::GRAMMAR;
static DAY: Words = Words { now: &TimeWindow::DAYS, later: &[] };

pub(crate) static TIME: Section = Section {
    title: "`policies.*.time`",
    doc: "A window of time, or a list of such of which one suffices.",
    keys: &[
        Key::new("days", Shape::Several(&Shape::Word(&DAY)), "The days on which the window begins.")
            .default("[mon, tue, wed, thu, fri, sat, sun]")
            .example("days: [mon, tue, wed, thu, fri]"),
        Key::new("from", Shape::Text(&CLOCK), "Where it begins, on the clock of `zone`.")
            .default("\"00:00\"")
            .example("from: \"08:00\""),
        Key::new(
            "to",
            Shape::Text(&CLOCK),
            "Where it ends; this minute is outside. Not after `from`: it ends on the next day.",
        )
        .default("\"24:00\"")
        .example("to: \"18:30\""),
        Key::new(
            "zone",
            Shape::Text(&TEXT),
            "A time zone by its name in the IANA database, which is built in. Its changes of the clock are kept.",
        )
        .default("UTC")
        .example("zone: Europe/Berlin"),
    ],
};

/// Minutes after midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Clock(u16);

impl FromText for Clock {
    const GRAMMAR: Grammar =
        Grammar { name: "a time such as `08:30`", pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let parts = text.split_once(':').and_then(|(h, m)| Some((digits(h)?, digits(m)?)));
        match parts {
            Some((hours @ 0..=23, minutes @ 0..=59)) => Ok(Self(hours * 60 + minutes)),
            Some((24, 0)) => Ok(Self(24 * 60)),
            _ => Err(Wrong::new("is not a time").help("hours and minutes, `00:00` to `24:00`, in quotes")),
        }
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Vec<TimeWindow> {
    let Some(node) = fields.node("time") else { return Vec::new() };
    let path = fields.sub("time");
    let Value::List(items) = &node.value else {
        return vec![window(fields, node, &path)];
    };
    if items.is_empty() {
        let message = format!("`{path}` is an empty list");
        let finding = Finding::new(codes::EMPTY_LIST, node.span, &*path, message);
        fields.cx.findings.add(finding.help("name at least one, or remove the key"));
    }
    items.iter().enumerate().map(|(index, item)| window(fields, item, &join_index(&path, index))).collect()
}

fn window(outer: &Fields<'_>, node: &Node, path: &str) -> TimeWindow {
    let fields = Fields::open(outer.cx, Some(node), &TIME, path, node.span);
    let words: Vec<Word> = fields.get("days");
    let Clock(from) = fields.get("from");
    let Clock(to) = fields.get("to");
    let window = TimeWindow {
        days: TimeWindow::DAYS.map(|day| words.contains(&Word(day))),
        from,
        to,
        zone: fields.get("zone"),
    };
    let whole_day = from % (24 * 60) == to % (24 * 60);
    if !fields.cx.findings.spoils(path) {
        let always = whole_day && window.days == [true; 7];
        let message = match () {
            () if from == to => Some(format!("`{path}` begins and ends at the same time")),
            () if always => Some(format!("`{path}` is always")),
            () => None,
        };
        if let Some(message) = message {
            let finding = Finding::new(codes::EITHER_OR, node.span, path, message);
            fields.cx.findings.add(finding.help("give it days, or a `from` and a `to` that differ"));
        }
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_two_digits_on_either_side() {
        for (text, minutes) in [("00:00", 0), ("08:30", 510), ("23:59", 1439), ("24:00", 1440)] {
            assert_eq!(Clock::from_text(text), Ok(Clock(minutes)), "{text}");
        }
        for text in ["", "8:30", "08:60", "24:01", "25:00", "08", "08:30:00", "-1:00", "+8:00", "0８:00"] {
            assert!(Clock::from_text(text).is_err(), "{text}");
        }
    }
}
