//! Where in time a row belongs: a five-minute bucket, a day, or the bucket of absurd times.

use sextant_model::UnixNanos;

const SECOND: i64 = 1_000_000_000;
/// Five minutes.
pub(crate) const BUCKET_NANOS: i64 = 300 * SECOND;
const DAY_NANOS: i64 = 86_400 * SECOND;
/// Rows this late still belong to their five minutes.
const LATENESS_NANOS: i64 = 1_800 * SECOND;
/// 2000-01-01: earlier times are mistakes.
const FIRST_TIME: i64 = 946_684_800 * SECOND;

/// A place in time. The order is that of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Bucket {
    /// The five minutes from here.
    FiveMinutes(i64),
    /// The day from here: late rows and imports.
    Day(i64),
    /// Before 2000 or more than a day ahead.
    Absurd,
}

impl Bucket {
    /// For a row of `time` that arrived at `received_at`.
    pub fn of(time: i64, received_at: i64) -> Self {
        if time < FIRST_TIME || time > received_at.saturating_add(DAY_NANOS) {
            return Self::Absurd;
        }
        if time < received_at - LATENESS_NANOS {
            return Self::Day(time - time.rem_euclid(DAY_NANOS));
        }
        Self::FiveMinutes(time - time.rem_euclid(BUCKET_NANOS))
    }

    /// As the manifest names it.
    pub fn name(self) -> String {
        match self {
            Self::FiveMinutes(start) => UnixNanos(start).to_string(),
            Self::Day(start) => UnixNanos(start).day(),
            Self::Absurd => "absurd".to_owned(),
        }
    }

    /// The folder of its files.
    pub fn folder(self) -> String {
        match self {
            Self::FiveMinutes(start) | Self::Day(start) => UnixNanos(start).day(),
            Self::Absurd => "absurd".to_owned(),
        }
    }
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
}
