//! Points of a metric over time: rates of counters, distributions of histograms, with resets.

use crate::Distribution;

/// When a point was, and since when it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds.
    pub time: i64,
    /// Nanoseconds; 0 is not known.
    pub start: i64,
}

/// Whether a sum was begun anew between two points of a series.
fn is_reset(before: Moment, now: Moment) -> bool {
    now.start != 0 && now.start > before.start && now.start >= before.time
}

/// What a point adds to a cumulative series.
#[derive(Debug, Clone, PartialEq)]
pub enum Added<T> {
    /// So much since the point before it.
    Since(T),
    /// All of it: it was begun anew.
    Anew(T),
    /// What was before it is not known.
    Unknown,
}

impl<T> Added<T> {
    /// What was added, where it is known.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Since(value) | Self::Anew(value) => Some(value),
            Self::Unknown => None,
        }
    }
}

/// What a point of a cumulative counter adds to the point before it. The first one is known only if it counts since `from`
/// or later.
pub fn added(before: Option<(Moment, f64)>, now: (Moment, f64), from: i64) -> Added<f64> {
    match before {
        None if now.0.start >= from && now.0.start != 0 => Added::Since(now.1),
        None => Added::Unknown,
        Some((moment, value)) if is_reset(moment, now.0) || now.1 < value => Added::Anew(now.1),
        Some((_, value)) => Added::Since(now.1 - value),
    }
}

/// The same of a cumulative histogram.
pub fn added_distribution(
    before: Option<(Moment, &Distribution)>,
    now: (Moment, &Distribution),
    from: i64,
) -> Added<Distribution> {
    match before {
        None if now.0.start >= from && now.0.start != 0 => Added::Since(now.1.clone()),
        None => Added::Unknown,
        Some((moment, _)) if is_reset(moment, now.0) => Added::Anew(now.1.clone()),
        Some((_, earlier)) => match now.1.since(earlier) {
            Some(since) => Added::Since(since),
            None => Added::Anew(now.1.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64, start: i64) -> Moment {
        Moment { time, start }
    }

    #[test]
    fn counters_are_followed_over_their_resets() {
        for (before, now, from, expected) in [
            (None, (at(10, 0), 5.0), 0, Added::Unknown),
            (None, (at(10, 2), 5.0), 5, Added::Unknown),
            (None, (at(10, 7), 5.0), 5, Added::Since(5.0)),
            (Some((at(10, 2), 5.0)), (at(20, 2), 8.0), 0, Added::Since(3.0)),
            (Some((at(10, 2), 5.0)), (at(20, 2), 5.0), 0, Added::Since(0.0)),
            // It went down, or says that it began later.
            (Some((at(10, 2), 5.0)), (at(20, 2), 1.0), 0, Added::Anew(1.0)),
            (Some((at(10, 2), 5.0)), (at(20, 12), 9.0), 0, Added::Anew(9.0)),
            // A start that moves a little without the sum being lost is none.
            (Some((at(10, 2), 5.0)), (at(20, 3), 9.0), 0, Added::Since(4.0)),
        ] {
            assert_eq!(added(before, now, from), expected, "{before:?} {now:?}");
        }
    }
}
