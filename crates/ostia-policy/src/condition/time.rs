//! Windows of time on the clock of a place.

use std::fmt;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use ostia_config::policy::TimeWindow;

use crate::truth::Truth;

/// A compiled window.
#[derive(Debug)]
pub(crate) struct Window {
    window: TimeWindow,
    zone: TimeZone,
}

/// The database has no time zone of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchZone;

impl Window {
    pub(crate) fn new(window: &TimeWindow) -> Result<Self, NoSuchZone> {
        let zone = TimeZone::get(&window.zone).map_err(|_| NoSuchZone)?;
        Ok(Self { window: window.clone(), zone })
    }

    fn contains(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let day = |weekday: jiff::civil::Weekday| {
            let index = usize::try_from(weekday.to_monday_zero_offset()).unwrap_or_default();
            self.window.days.get(index).copied().unwrap_or_default()
        };
        let (from, to) = (i32::from(self.window.from), i32::from(self.window.to));
        let today = day(local.weekday());
        if from < to {
            return today && (from..to).contains(&minute);
        }
        // Over midnight: begun today, or begun yesterday and not over.
        let yesterday = local.checked_sub(1.day()).is_ok_and(|before| day(before.weekday()));
        (today && minute >= from) || (yesterday && minute < to)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window.fmt(f)
    }
}

/// Whether it is within one of these; unknown when the clock is beyond all calendars.
pub(crate) fn judge(windows: &[Window], now: SystemTime) -> Truth {
    let Ok(now) = Timestamp::try_from(now) else { return Truth::Unknown };
    windows.iter().any(|window| window.contains(now)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_DAY: [bool; 7] = [true; 7];
    const WORKDAYS: [bool; 7] = [true, true, true, true, true, false, false];

    #[test]
    fn a_window_is_kept_by_the_clock_of_its_zone() {
        let window = |days, from: u16, to: u16, zone: &str| {
            Window::new(&TimeWindow { days, from: from * 60, to: to * 60, zone: zone.to_owned() }).unwrap()
        };
        for (what, window, at, expected) in [
            ("before", window(WORKDAYS, 8, 18, "UTC"), "2026-11-20T07:59:59Z", false),
            ("the first minute", window(WORKDAYS, 8, 18, "UTC"), "2026-11-20T08:00:00Z", true),
            ("the last minute", window(WORKDAYS, 8, 18, "UTC"), "2026-11-20T17:59:59Z", true),
            ("the end", window(WORKDAYS, 8, 18, "UTC"), "2026-11-20T18:00:00Z", false),
            ("Saturday", window(WORKDAYS, 8, 18, "UTC"), "2026-11-21T12:00:00Z", false),
            ("winter in Berlin", window(EVERY_DAY, 8, 9, "Europe/Berlin"), "2026-01-05T07:30:00Z", true),
            ("summer in Berlin", window(EVERY_DAY, 8, 9, "Europe/Berlin"), "2026-07-06T06:30:00Z", true),
            (
                "summer, by the clock of winter",
                window(EVERY_DAY, 8, 9, "Europe/Berlin"),
                "2026-07-06T07:30:00Z",
                false,
            ),
            (
                "Friday there, Saturday here",
                window(WORKDAYS, 0, 24, "America/New_York"),
                "2026-11-21T02:00:00Z",
                true,
            ),
            (
                "Monday here, Sunday there",
                window(WORKDAYS, 0, 24, "America/New_York"),
                "2026-11-23T02:00:00Z",
                false,
            ),
            ("over midnight, the evening", window(WORKDAYS, 22, 6, "UTC"), "2026-11-20T23:00:00Z", true),
            (
                "over midnight, the morning after",
                window(WORKDAYS, 22, 6, "UTC"),
                "2026-11-21T05:59:00Z",
                true,
            ),
            ("over midnight, over", window(WORKDAYS, 22, 6, "UTC"), "2026-11-21T06:00:00Z", false),
            ("over midnight, not begun", window(WORKDAYS, 22, 6, "UTC"), "2026-11-21T22:30:00Z", false),
            (
                "Monday morning, begun on Sunday",
                window(WORKDAYS, 22, 6, "UTC"),
                "2026-11-23T05:00:00Z",
                false,
            ),
        ] {
            let now: Timestamp = at.parse().unwrap();
            assert_eq!(judge(&[window], SystemTime::from(now)), expected.into(), "{what}");
        }
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused() {
        let window = TimeWindow { days: EVERY_DAY, from: 0, to: 60, zone: "Europe/Atlantis".to_owned() };
        assert_eq!(Window::new(&window).unwrap_err(), NoSuchZone);
    }
}
