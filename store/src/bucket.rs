//! Where in time rows belong.

use sextant_model::UnixNanos;

const SECOND: i64 = 1_000_000_000;
/// Five minutes.
pub(crate) const BUCKET_NANOS: i64 = 300 * SECOND;
pub(crate) const HOUR_NANOS: i64 = 3_600 * SECOND;
pub(crate) const DAY_NANOS: i64 = 86_400 * SECOND;
/// Rows this late still belong to their five minutes.
pub(crate) const LATENESS_NANOS: i64 = 1_800 * SECOND;
/// 2000-01-01: earlier times are mistakes.
const FIRST_TIME: i64 = 946_684_800 * SECOND;

/// A place in time. Rows go to five minutes, a day or `Absurd`; the others come of merging, and of rows from more days
/// than there should be files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// The five minutes from here.
    FiveMinutes(i64),
    /// The hour from here.
    Hour(i64),
    /// The day from here: late rows, imports, and hours that were laid together.
    Day(i64),
    /// The month from here.
    Month(i64),
    /// The year from here.
    Year(i64),
    /// Before 2000 or more than a day ahead.
    Absurd,
}

impl Bucket {
    /// For a row of `time` that arrived at `received_at`.
    pub(crate) fn of(time: i64, received_at: i64) -> Self {
        if time < FIRST_TIME || time > received_at.saturating_add(DAY_NANOS) {
            return Self::Absurd;
        }
        if time < received_at - LATENESS_NANOS {
            return Self::Day(floor(time, DAY_NANOS));
        }
        Self::FiveMinutes(floor(time, BUCKET_NANOS))
    }

    /// As the manifest names it: a time, an hour, a day, a month or a year.
    pub fn name(self) -> String {
        let cut = |start: i64, n: usize| UnixNanos(start).to_string().chars().take(n).collect();
        match self {
            Self::FiveMinutes(start) => UnixNanos(start).to_string(),
            Self::Hour(start) => cut(start, 13),
            Self::Day(start) => cut(start, 10),
            Self::Month(start) => cut(start, 7),
            Self::Year(start) => cut(start, 4),
            Self::Absurd => "absurd".to_owned(),
        }
    }

    /// Back from its name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let start = |rest: &str| Some(UnixNanos::parse(&format!("{name}{rest}")).ok()?.0);
        Some(match name.len() {
            4 => Self::Year(start("-01-01T00:00:00Z")?),
            6 => Self::Absurd,
            7 => Self::Month(start("-01T00:00:00Z")?),
            10 => Self::Day(start("T00:00:00Z")?),
            13 => Self::Hour(start(":00:00Z")?),
            _ => Self::FiveMinutes(start("")?),
        })
    }

    /// The folder of its files.
    pub(crate) fn folder(self) -> String {
        match self {
            Self::FiveMinutes(start) | Self::Hour(start) => UnixNanos(start).day(),
            other => other.name(),
        }
    }

    /// Where it begins; nothing for absurd times.
    pub(crate) fn start(self) -> Option<i64> {
        match self {
            Self::FiveMinutes(s) | Self::Hour(s) | Self::Day(s) | Self::Month(s) | Self::Year(s) => Some(s),
            Self::Absurd => None,
        }
    }

    pub(crate) fn hour(time: i64) -> Self {
        Self::Hour(floor(time, HOUR_NANOS))
    }

    pub(crate) fn day(time: i64) -> Self {
        Self::Day(floor(time, DAY_NANOS))
    }

    pub(crate) fn month(time: i64) -> Self {
        let name: String = UnixNanos(time).to_string().chars().take(7).collect();
        Self::parse(&name).unwrap_or(Self::Absurd)
    }

    pub(crate) fn year(time: i64) -> Self {
        let name: String = UnixNanos(time).to_string().chars().take(4).collect();
        Self::parse(&name).unwrap_or(Self::Absurd)
    }
}

/// A kind of bucket of which there may be too many, and what then takes its place.
pub(crate) struct Coarser {
    /// Whether a bucket is of this kind.
    pub is_one: fn(Bucket) -> bool,
    /// The next coarser bucket, by its time.
    pub of: fn(i64) -> Bucket,
}

/// Days go by months, months by years.
pub(crate) const COARSER: [Coarser; 2] = [
    Coarser { is_one: |b| matches!(b, Bucket::Day(_)), of: Bucket::month },
    Coarser { is_one: |b| matches!(b, Bucket::Month(_)), of: Bucket::year },
];

fn floor(time: i64, step: i64) -> i64 {
    time - time.rem_euclid(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_their_place() {
        let now = UnixNanos::parse("2026-11-19T14:07:00Z").expect("a time").0;
        let at = |text: &str| Bucket::of(UnixNanos::parse(text).expect(text).0, now).name();
        assert_eq!(at("2026-11-19T14:06:59Z"), "2026-11-19T14:05:00Z");
        assert_eq!(at("2026-11-19T13:37:00Z"), "2026-11-19T13:35:00Z");
        assert_eq!(at("2026-11-19T13:36:59Z"), "2026-11-19");
        assert_eq!(at("2026-11-20T14:07:01Z"), "absurd");
        assert_eq!(at("1970-01-01T00:00:00Z"), "absurd");
    }
    #[test]
    fn a_name_says_what_it_is() {
        let time = UnixNanos::parse("2026-11-19T14:07:00Z").expect("a time").0;
        let buckets = [
            (Bucket::of(time, time), "2026-11-19T14:05:00Z"),
            (Bucket::hour(time), "2026-11-19T14"),
            (Bucket::day(time), "2026-11-19"),
            (Bucket::month(time), "2026-11"),
            (Bucket::year(time), "2026"),
            (Bucket::Absurd, "absurd"),
        ];
        for (bucket, name) in &buckets {
            assert_eq!(bucket.name(), *name);
            assert_eq!(Bucket::parse(name), Some(*bucket));
        }
        assert_eq!(Bucket::parse("yesterday"), None);
    }
}
