//! Times as nanoseconds since 1970 UTC, durations as signed nanoseconds, and their texts.

use jiff::Timestamp;
use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

/// A signed span of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationNanos(pub i64);

/// A half-open range of time; a missing bound is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// Inclusive.
    pub from: Option<UnixNanos>,
    /// Exclusive.
    pub to: Option<UnixNanos>,
}

/// Why a text is no time or duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither RFC 3339 nor integer nanoseconds.
    #[error("'{0}' is no time: give RFC 3339 such as 2026-11-19T14:00:00Z, or Unix nanoseconds")]
    Time(String),
    /// No number with one of the units.
    #[error("'{0}' is no duration: give a number with ns, us, ms, s, m, h or d, such as 1h or 250ms")]
    Duration(String),
}

impl TimeRange {
    /// Everything there is.
    pub const ALL: Self = Self { from: None, to: None };

    /// Whether `[first, last]`, both inclusive, can hold a time inside this range.
    pub fn overlaps(&self, first: i64, last: i64) -> bool {
        self.from.is_none_or(|f| last >= f.0) && self.to.is_none_or(|t| first < t.0)
    }

    /// Whether `time` lies inside.
    pub fn contains(&self, time: i64) -> bool {
        self.overlaps(time, time)
    }
}

impl UnixNanos {
    /// RFC 3339 or integer nanoseconds.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(n) = text.parse::<i64>() {
            return Ok(Self(n));
        }
        let bad = || TimeError::Time(text.to_owned());
        let with_time = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
        let time: Timestamp = with_time.parse().ok().ok_or_else(bad)?;
        i64::try_from(time.as_nanosecond()).ok().map(Self).ok_or_else(bad)
    }

    /// The day, as `yyyy-mm-dd`.
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for UnixNanos {
    /// RFC 3339 UTC with as many decimals as are not zero, in threes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9), ("d", 86_400e9)];

impl DurationNanos {
    /// A number with one of the units `ns us ms s m h d`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Duration(text.to_owned());
        let text = text.trim();
        let at = text.find(|c: char| c.is_alphabetic() || c == 'µ').ok_or_else(bad)?;
        let (number, unit) = text.split_at(at);
        let unit = if unit == "min" { "m" } else { unit };
        let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?.1;
        if let Ok(whole) = number.parse::<i64>() {
            return whole.checked_mul(scale as i64).map(Self).ok_or_else(bad);
        }
        let value: f64 = number.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(bad)?;
        let nanos = value * scale;
        if nanos.abs() >= 9.2e18 { Err(bad()) } else { Ok(Self(nanos.round() as i64)) }
    }
}

impl DurationNanos {
    /// As [`DurationNanos::parse`] reads it, to the nanosecond: `500ms`, `1500us`.
    pub fn exact(self) -> String {
        let fits = UNITS.iter().rev().find(|(unit, scale)| *unit != "µs" && self.0 % *scale as i64 == 0);
        fits.map_or_else(|| format!("{}ns", self.0), |(unit, scale)| format!("{}{unit}", self.0 / *scale as i64))
    }
}

impl fmt::Display for DurationNanos {
    /// Three to four figures and a unit: `800 µs`, `15.2 ms`, `2.418 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0;
        let size = n.unsigned_abs();
        let (value, unit) = match size {
            0..1_000 => return write!(f, "{n} ns"),
            1_000..1_000_000 => (n as f64 / 1e3, "µs"),
            1_000_000..1_000_000_000 => (n as f64 / 1e6, "ms"),
            1_000_000_000..60_000_000_000 => return write!(f, "{:.3} s", n as f64 / 1e9),
            60_000_000_000..3_600_000_000_000 => (n as f64 / 60e9, "min"),
            _ => (n as f64 / 3_600e9, "h"),
        };
        let digits = match value.abs() {
            v if v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.digits$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_both_ways() {
        let t = UnixNanos::parse("2026-11-19T14:06:41.208113Z").expect("a time");
        assert_eq!(t.to_string(), "2026-11-19T14:06:41.208113Z");
        assert_eq!(UnixNanos::parse("12").expect("nanoseconds"), UnixNanos(12));
        assert_eq!(UnixNanos(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixNanos(i64::MAX).day(), "2262-04-11");
        assert!(UnixNanos::parse("yesterday").is_err());
    }

    #[test]
    fn durations_read_with_units() {
        for (text, nanos) in
            [("1h", 3_600_000_000_000), ("250ms", 250_000_000), ("1.5s", 1_500_000_000), ("2us", 2_000)]
        {
            assert_eq!(DurationNanos::parse(text).expect(text).0, nanos, "{text}");
        }
        assert!(DurationNanos::parse("5").is_err());
        assert!(DurationNanos::parse("5 parsecs").is_err());
        assert!(DurationNanos::parse("999999999999d").is_err());
    }

    #[test]
    fn durations_show_a_unit() {
        for (nanos, text) in
            [(800_000, "800 µs"), (15_200_000, "15.2 ms"), (2_418_000_000, "2.418 s"), (-5_000, "-5.00 µs")]
        {
            assert_eq!(DurationNanos(nanos).to_string(), text);
        }
    }
}
