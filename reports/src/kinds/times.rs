//! Times as reports write them, in UTC.

use sextant_charts::figures::{clock, day};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

fn date(nanos: i64) -> Option<jiff::civil::Date> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// `19 November 2026`.
pub(super) fn long_day(nanos: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    date(nanos).map_or_else(String::new, |d| {
        let month = MONTHS.get(usize::try_from(d.month() - 1).unwrap_or(0)).unwrap_or(&"");
        format!("{} {month} {}", d.day(), d.year())
    })
}

/// `21 Nov 2026 10:40 UTC`.
pub(super) fn made_at(nanos: i64) -> String {
    let year = date(nanos).map_or(0, jiff::civil::Date::year);
    format!("{} {year} {} UTC", day(nanos), &clock(nanos, 0)[..5])
}

/// `19 November 2026, 14:01:30 – 14:19:10`, with both days where they differ.
pub(super) fn span(from: i64, to: i64) -> String {
    let (first, last) = (long_day(from), long_day(to));
    if first == last {
        format!("{first}, {} – {}", clock(from, 0), clock(to, 0))
    } else {
        format!("{first}, {} – {last}, {}", clock(from, 0), clock(to, 0))
    }
}

/// A time of day, with the day where a period has several.
pub(super) fn at(nanos: i64, ends: (i64, i64)) -> String {
    if ends.1 - ends.0 > DAY { format!("{} {}", day(nanos), clock(nanos, 0)) } else { clock(nanos, 0) }
}

/// How long: `17 min 40 s`, `2 h 5 min`, `3.2 s`.
pub(super) fn length(nanos: i64) -> String {
    let seconds = nanos / SECOND;
    let two = |a: i64, unit: &str, b: i64, less: &str| {
        if b == 0 { format!("{a} {unit}") } else { format!("{a} {unit} {b} {less}") }
    };
    match seconds {
        ..60 => sextant_charts::figures::duration_label(nanos),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A label of a time axis whose labels are so far apart.
pub(super) fn axis_label(nanos: f64, step: f64) -> String {
    let at = nanos as i64;
    match step {
        s if s >= DAY as f64 => day(at),
        s if s >= 60e9 => clock(at, 0)[..5].to_owned(),
        s if s >= 1e9 => clock(at, 0),
        _ => clock(at, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let at = 1_795_010_490 * SECOND;
        assert_eq!(long_day(at), "18 November 2026");
        assert_eq!(made_at(at), "18 Nov 2026 14:01 UTC");
        assert_eq!(span(at, at + 1_060 * SECOND), "18 November 2026, 14:01:30 – 14:19:10");
        assert_eq!(span(at, at + DAY), "18 November 2026, 14:01:30 – 19 November 2026, 14:01:30");
        for (seconds, text) in
            [(1_060, "17 min 40 s"), (7_500, "2 h 5 min"), (3, "3 s"), (93_600, "1 d 2 h"), (60, "1 min")]
        {
            assert_eq!(length(seconds * SECOND), text);
        }
        assert_eq!(axis_label(at as f64, 300e9), "14:01");
    }
}
