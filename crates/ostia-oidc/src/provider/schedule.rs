//! When an issuer is asked again: after success, after failure, and for a key nobody has seen.

use std::time::Duration;

use http::{HeaderMap, header};

/// The paces at which an issuer is asked. The defaults are what an operator gets; tests bring their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Age at which metadata is fetched again, ± 10 %. Default 1 h.
    pub metadata: Duration,
    /// Age at which the key set is fetched again when its answer has no `Cache-Control: max-age`, ± 10 %. Default
    /// 15 min.
    pub keys: Duration,
    /// The shortest age that a `max-age` may set. Default 5 min.
    pub keys_at_least: Duration,
    /// The longest age that a `max-age` may set. Default 24 h.
    pub keys_at_most: Duration,
    /// Time between two fetches that requests cause (an unknown `kid`, nothing loaded yet), whatever arrives and
    /// however they end. Default 10 s.
    pub on_demand: Duration,
    /// The longest that a request waits for such a fetch. Default 1.5 s.
    pub patience: Duration,
    /// How long a `kid` that a fetch did not bring is remembered as unknown. Default 60 s.
    pub unknown_kid: Duration,
    /// The first pause after a failure. Default 1 s; doubled each time, with jitter.
    pub backoff_first: Duration,
    /// The longest pause after a failure. Default 5 min.
    pub backoff_most: Duration,
    /// Age at which keys that could not be confirmed are used no more, in memory and on disk. Default 7 days.
    pub keys_usable: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            metadata: Duration::from_secs(3600),
            keys: Duration::from_secs(900),
            keys_at_least: Duration::from_secs(300),
            keys_at_most: Duration::from_secs(24 * 3600),
            on_demand: Duration::from_secs(10),
            patience: Duration::from_millis(1500),
            unknown_kid: Duration::from_secs(60),
            backoff_first: Duration::from_secs(1),
            backoff_most: Duration::from_secs(300),
            keys_usable: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

impl Pace {
    /// The pause before the next fetch of metadata. `chance` is in 0..1.
    pub(crate) fn next_metadata(&self, chance: f64) -> Duration {
        around(self.metadata, chance)
    }

    /// The pause before the next fetch of the key set. The clamp is kept with the jitter inside.
    pub(crate) fn next_keys(&self, max_age: Option<Duration>, chance: f64) -> Duration {
        match max_age {
            Some(age) => around(age, chance).clamp(self.keys_at_least, self.keys_at_most),
            None => around(self.keys, chance),
        }
    }

    /// The pause after `failures` failures in a row (at least one).
    pub(crate) fn backoff(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.backoff_first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        around(doubled.min(self.backoff_most), chance).min(self.backoff_most)
    }
}

/// `pause` ± 10 %.
fn around(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0))
}

/// A number in 0..1 for jitter. Not for secrets, though from the same source.
pub(crate) fn chance() -> f64 {
    let mut bytes = [0_u8; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0),
        Err(_) => 0.5,
    }
}

/// How long an answer says that it stays fresh (RFC 9111 section 4.2): `max-age` without the `Age` it already has, else
/// `Expires` minus `Date`. `None` when it says nothing that can be read.
pub(crate) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: header::HeaderName| headers.get(name)?.to_str().ok();
    if let Some(whole) = text(header::CACHE_CONTROL).and_then(max_age) {
        let spent = text(header::AGE).and_then(|age| age.trim().parse().ok()).map_or(0, u32::into);
        return Some(whole.saturating_sub(Duration::from_secs(spent)));
    }
    let date = |name| httpdate(text(name)?);
    Some(date(header::EXPIRES)?.saturating_sub(date(header::DATE)?))
}

/// A date in the one form that senders may write (RFC 9110 section 5.6.7), as time since 1970.
fn httpdate(text: &str) -> Option<Duration> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day: u64 = parts.next()?.parse().ok()?;
    let month = MONTHS.find(parts.next().filter(|month| month.len() == 3)?)? as u64 / 3 + 1;
    let year: u64 = parts.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut clock = parts.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let seconds = clock.next()?? * 3600 + clock.next()?? * 60 + clock.next()??;
    // Days from the first of March of the year 0 (the usual count of the Gregorian calendar).
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day;
    let since_1970 = days.checked_sub(719_469)?;
    (parts.next() == Some("GMT")).then(|| Duration::from_secs(since_1970 * 86_400 + seconds))
}

/// `max-age` of a `Cache-Control` field (RFC 9111 section 5.2.2.1); `no-cache` and `no-store` count as zero, which the
/// clamp raises.
fn max_age(cache_control: &str) -> Option<Duration> {
    let mut age = None;
    for directive in cache_control.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-cache") || name.eq_ignore_ascii_case("no-store") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            age = value.trim_matches('"').parse::<u32>().ok().map(|s| Duration::from_secs(s.into()));
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_control_is_clamped_between_five_minutes_and_a_day() {
        let pace = Pace::default();
        for (field, shortest, longest) in [
            ("max-age=1", 300, 300),
            ("public, max-age=3600, must-revalidate", 3240, 3960),
            ("max-age=99999999", 86400, 86400),
            ("no-store", 300, 300),
            ("public", 810, 990),
            ("max-age=-5", 810, 990),
        ] {
            for chance in [0.0, 0.5, 1.0] {
                let pause = pace.next_keys(max_age(field), chance);
                assert!((shortest..=longest).contains(&pause.as_secs()), "{field}: {pause:?}");
            }
        }
    }

    #[test]
    fn freshness_is_read_from_every_field_that_tells_it() {
        let fresh = |fields: &[(header::HeaderName, &'static str)]| {
            let fields =
                fields.iter().map(|(name, value)| (name.clone(), header::HeaderValue::from_static(value)));
            fresh_for(&fields.collect()).map(|fresh| fresh.as_secs())
        };
        use header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
        let date = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
        for (name, fields, expected) in [
            ("nothing", vec![], None),
            ("max-age", vec![(CACHE_CONTROL, "max-age=600")], Some(600)),
            ("max-age that a cache has spent", vec![(CACHE_CONTROL, "max-age=600"), (AGE, "500")], Some(100)),
            ("more than spent", vec![(CACHE_CONTROL, "max-age=600"), (AGE, "700")], Some(0)),
            ("an age that is none", vec![(CACHE_CONTROL, "max-age=600"), (AGE, "-1")], Some(600)),
            ("dates", vec![date.clone(), (EXPIRES, "Sun, 06 Nov 1994 09:49:37 GMT")], Some(3600)),
            (
                "over midnight of a leap day",
                vec![(DATE, "Wed, 28 Feb 2024 23:59:59 GMT"), (EXPIRES, "Fri, 01 Mar 2024 00:00:00 GMT")],
                Some(86_401),
            ),
            (
                "over a new year",
                vec![(DATE, "Tue, 31 Dec 2024 23:00:00 GMT"), (EXPIRES, "Wed, 01 Jan 2025 01:00:00 GMT")],
                Some(7200),
            ),
            (
                "max-age wins",
                vec![date.clone(), (EXPIRES, "Sun, 06 Nov 1994 09:49:37 GMT"), (CACHE_CONTROL, "max-age=60")],
                Some(60),
            ),
            ("expired at once", vec![date.clone(), (EXPIRES, "0")], None),
            ("before its date", vec![date.clone(), (EXPIRES, "Sun, 06 Nov 1994 07:49:37 GMT")], Some(0)),
            ("no date", vec![(EXPIRES, "Sun, 06 Nov 1994 09:49:37 GMT")], None),
            ("huge numbers", vec![date, (EXPIRES, "Sun, 99999999999999999999 Nov 1994 09:49:37 GMT")], None),
        ] {
            assert_eq!(fresh(&fields), expected, "{name}");
        }
        let known = httpdate("Sun, 06 Nov 1994 08:49:37 GMT").map(|at| at.as_secs());
        assert_eq!(known, Some(784_111_777), "the example of RFC 9110");
    }

    #[test]
    fn backoff_doubles_from_a_second_to_five_minutes() {
        let pace = Pace::default();
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (u32::MAX, 300)] {
            assert_eq!(pace.backoff(failures, 0.5).as_secs(), seconds, "{failures}");
            assert!(pace.backoff(failures, 1.0) <= Duration::from_secs(300));
        }
        assert_eq!(pace.backoff(1, 0.0), Duration::from_millis(900));
    }

    #[test]
    fn chance_is_below_one() {
        assert!((0..100).map(|_| chance()).all(|c| (0.0..1.0).contains(&c)));
    }
}
