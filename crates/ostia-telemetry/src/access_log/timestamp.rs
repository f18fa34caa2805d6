//! A time as RFC 3339 with milliseconds, in UTC: `2026-11-22T00:34:05.123Z`.

use std::cell::Cell;
use std::time::SystemTime;

/// Up to the seconds.
const WHOLE: [u8; 19] = *b"0000-00-00T00:00:00";

thread_local! {
    /// The second that this thread wrote last, so that the calendar is asked once a second.
    static LAST: Cell<(u64, [u8; 19])> = const { Cell::new((u64::MAX, WHOLE)) };
}

/// `time` as text.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let mut text = Vec::with_capacity(24);
    write(&mut text, time);
    String::from_utf8(text).unwrap_or_default()
}

/// Writes `time`. What is before 1970 is 1970; what is after 9999 is its last second.
pub(crate) fn write(buffer: &mut Vec<u8>, time: SystemTime) {
    const LAST_SECOND: u64 = 253_402_300_799;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let second = since.as_secs().min(LAST_SECOND);
    let (known, mut text) = LAST.try_with(Cell::get).unwrap_or((u64::MAX, WHOLE));
    if known != second {
        text = whole(second);
        // Where the thread is ending nothing is kept.
        let _ = LAST.try_with(|last| last.set((second, text)));
    }
    buffer.extend_from_slice(&text);
    let mut fraction = *b".000Z";
    let [_, hundreds, tens, ones, _] = &mut fraction;
    put(&mut [hundreds, tens, ones], u64::from(since.subsec_millis()));
    buffer.extend_from_slice(&fraction);
}

fn whole(second: u64) -> [u8; 19] {
    let (day, of_day) = (second / 86_400, second % 86_400);
    let (year, month, day) = civil(day);
    let mut text = WHOLE;
    let [y1, y2, y3, y4, _, m1, m2, _, d1, d2, _, h1, h2, _, i1, i2, _, s1, s2] = &mut text;
    put(&mut [y1, y2, y3, y4], year);
    put(&mut [m1, m2], month);
    put(&mut [d1, d2], day);
    put(&mut [h1, h2], of_day / 3600);
    put(&mut [i1, i2], of_day / 60 % 60);
    put(&mut [s1, s2], of_day % 60);
    text
}

/// Writes the last decimal digits of `number` over zeros.
fn put(digits: &mut [&mut u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        **digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// The date of a day since 1970 in the Gregorian calendar: years begin in March, so the leap day is the last.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn times_are_written_as_the_calendar_has_them() {
        for (seconds, millis, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800, 0, "2024-02-29T00:00:00.000Z"),
            (1_798_761_599, 120, "2026-12-31T23:59:59.120Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"),
            (253_402_300_799, 0, "9999-12-31T23:59:59.000Z"),
            (253_402_300_800, 0, "9999-12-31T23:59:59.000Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis);
            let mut text = Vec::new();
            super::write(&mut text, time);
            super::write(&mut text, time);
            assert_eq!(String::from_utf8(text).unwrap(), expected.repeat(2));
        }
    }
}
