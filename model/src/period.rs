//! Periods as people write them. Times without a zone are UTC.

use crate::{DurationNanos, UnixNanos};

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// So many nanoseconds up to now, whenever that is.
    Last(i64),
    /// From one point in time up to another.
    Between(i64, i64),
}

const DAY: i64 = 86_400_000_000_000;
const HOUR: i64 = 3_600_000_000_000;
/// A single moment is shown with so much before and after it.
const AROUND: i64 = 300_000_000_000;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What is meant by one end: a moment, or a time that is as long as what was not said.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: i64,
    /// How long it is: a day, if only the day was said.
    length: i64,
    /// Whether only a time of day was said.
    is_clock: bool,
}

/// Reads `last 2h`, `now-15m`, `today`, `21 Nov 14:00 – 14:30`, `2026-11-21`, `14:00 to 15:30`, two RFC 3339 times, numbers of
/// seconds, milliseconds or nanoseconds since 1970.
///
/// # Errors
/// What can't be read, and what can.
pub fn parse_period(text: &str, now: i64) -> Result<Period, String> {
    let text = text.trim().to_lowercase();
    let examples = "write last 2h, today, 14:00 to 14:30, 21 Nov 14:00 – 15:00, or two RFC 3339 times";
    let bad = |part: &str| format!("'{part}' is no time; {examples}");
    if text.is_empty() {
        return Err(format!("a period is needed; {examples}"));
    }
    let word =
        ["last ", "past ", "now-", "now -", "-"].iter().find_map(|lead| text.strip_prefix(lead)).unwrap_or(&text);
    if let Some(nanos) = length_of(word) {
        return if nanos > 0 { Ok(Period::Last(nanos)) } else { Err("a period has to be longer than nothing".into()) };
    }
    let midnight = now.div_euclid(DAY) * DAY;
    match text.as_str() {
        "today" => return Ok(Period::Between(midnight, now)),
        "yesterday" => return Ok(Period::Between(midnight - DAY, midnight)),
        "this hour" => return Ok(Period::Between(now.div_euclid(HOUR) * HOUR, now)),
        _ => {}
    }
    let Some((from, to)) = halves(&text) else {
        let one = point(&text, now).ok_or_else(|| bad(&text))?;
        return Ok(match one.length {
            0 => Period::Between(one.at.saturating_sub(AROUND), one.at.saturating_add(AROUND)),
            length => Period::Between(one.at, one.at.saturating_add(length)),
        });
    };
    let start = point(from, now).ok_or_else(|| bad(from))?;
    let mut end = point(to, now).ok_or_else(|| bad(to))?;
    // `21 Nov 14:00 – 14:30` is about one day, `23:00 – 01:00` goes on into the next.
    if end.is_clock {
        end.at = (start.at - start.at.rem_euclid(DAY)).saturating_add(end.at.rem_euclid(DAY));
        if end.at <= start.at {
            end.at = end.at.saturating_add(DAY);
        }
    }
    let end = end.at.saturating_add(end.length);
    if end <= start.at {
        return Err(format!("'{to}' is not after '{from}'"));
    }
    if to == "now" && from.starts_with("now") {
        return Ok(Period::Last(end - start.at));
    }
    Ok(Period::Between(start.at, end))
}

/// A length such as `90 min` or `1.5h`.
fn length_of(text: &str) -> Option<i64> {
    let text = text.trim().replace(' ', "");
    let split = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let number = if number.is_empty() { "1" } else { number };
    let unit = match unit {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "w" | "week" | "weeks" => return DurationNanos::parse(&format!("{number}d")).ok()?.0.checked_mul(7),
        other => other,
    };
    DurationNanos::parse(&format!("{number}{unit}")).ok().map(|d| d.0)
}

/// Both ends, where two are written.
fn halves(text: &str) -> Option<(&str, &str)> {
    for between in [" to ", " until ", " – ", " — ", "→", "..", " - ", "–", "/"] {
        if let Some((from, to)) = text.split_once(between) {
            return Some((from.trim(), to.trim()));
        }
    }
    // `14:00-14:30`.
    let (from, to) = text.split_once('-')?;
    (from.contains(':') && to.contains(':') && !to.contains('-')).then(|| (from.trim(), to.trim()))
}

fn point(text: &str, now: i64) -> Option<Point> {
    let moment = |at: i64| Some(Point { at, length: 0, is_clock: false });
    let day = |at: i64| Some(Point { at, length: DAY, is_clock: false });
    let midnight = now.div_euclid(DAY) * DAY;
    match text {
        "now" => return moment(now),
        "today" => return day(midnight),
        "yesterday" => return day(midnight - DAY),
        _ => {}
    }
    if let Some(back) = text.strip_prefix("now-").or_else(|| text.strip_prefix("now -")) {
        return moment(now.checked_sub(length_of(back)?)?);
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        let n: i64 = text.parse().ok()?;
        let scale = match text.len() {
            ..=11 => 1_000_000_000,
            12..=14 => 1_000_000,
            15..=17 => 1_000,
            _ => 1,
        };
        return moment(n.checked_mul(scale)?);
    }
    if let Some(nanos) = clock(text) {
        // The last time that it was so late.
        let at = midnight + nanos;
        return Some(Point { at: if at > now { at - DAY } else { at }, length: 0, is_clock: true });
    }
    if let Ok(time) = UnixNanos::parse(&text.to_uppercase()) {
        return if text.len() == 10 { day(time.0) } else { moment(time.0) };
    }
    // A day, and perhaps a time on it.
    let (date, time) = text.rsplit_once(' ').map_or((text, None), |(date, last)| match clock(last) {
        Some(nanos) => (date, Some(nanos)),
        None => (text, None),
    });
    let start = match date {
        "today" => midnight,
        "yesterday" => midnight - DAY,
        date => date_of(date, now)?,
    };
    match time {
        Some(nanos) => moment(start.checked_add(nanos)?),
        None => day(start),
    }
}

/// `14:30`, `14:30:05.25`, as nanoseconds of the day.
fn clock(text: &str) -> Option<i64> {
    let text = text.strip_suffix('z').unwrap_or(text);
    let mut parts = text.split(':');
    let mut number = |limit: i64| -> Option<i64> {
        let part = parts.next()?;
        let is_plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|n| is_plain && *n < limit)
    };
    let (hours, minutes) = (number(24)?, number(60)?);
    let seconds = match parts.next() {
        None => 0.0,
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            text.parse().ok().filter(|s: &f64| *s < 60.0)?
        }
        Some(_) => return None,
    };
    parts.next().is_none().then_some(hours * HOUR + minutes * 60_000_000_000 + (seconds * 1e9) as i64)
}

/// `2026-11-21`, `21 nov`, `nov 21 2026`, as its midnight. Without a year it is the last such day.
fn date_of(text: &str, now: i64) -> Option<i64> {
    if text.len() == 10 && text.as_bytes()[4] == b'-' {
        return UnixNanos::parse(text).ok().map(|t| t.0);
    }
    let words: Vec<&str> = text.split([' ', ',', '.']).filter(|w| !w.is_empty()).collect();
    let month = words.iter().find_map(|w| MONTHS.iter().position(|m| w.len() >= 3 && w.starts_with(m)))? + 1;
    let mut numbers = words.iter().filter_map(|w| w.parse::<i64>().ok());
    let day = numbers.next().filter(|d| (1..=31).contains(d))?;
    let of_year = |year: i64| UnixNanos::parse(&format!("{year:04}-{month:02}-{day:02}")).ok().map(|t| t.0);
    if words.len() > 3 {
        return None;
    }
    match (numbers.next(), words.len()) {
        (Some(year), 3) if (1970..2262).contains(&year) => of_year(year),
        (None, 2) => {
            let year: i64 = UnixNanos(now).day().get(..4)?.parse().ok()?;
            of_year(year).filter(|at| *at <= now).or_else(|| of_year(year - 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        UnixNanos::parse(text).expect("a time").0
    }

    #[test]
    fn periods_are_read_as_people_write_them() {
        let now = at("2026-11-21T15:04:05Z");
        let between = |from: &str, to: &str| Ok(Period::Between(at(from), at(to)));
        let last = |minutes: i64| Ok(Period::Last(minutes * 60_000_000_000));
        for (text, expected) in [
            ("last 15 min", last(15)),
            ("2h", last(120)),
            ("now-90m", last(90)),
            ("past hour", last(60)),
            ("1.5h", last(90)),
            ("last 1 week", last(7 * 24 * 60)),
            ("now-2h to now", last(120)),
            ("today", between("2026-11-21", "2026-11-21T15:04:05Z")),
            ("Yesterday", between("2026-11-20", "2026-11-21")),
            ("14:00 to 14:30", between("2026-11-21T14:00:00Z", "2026-11-21T14:30:00Z")),
            ("14:00-14:30", between("2026-11-21T14:00:00Z", "2026-11-21T14:30:00Z")),
            ("23:30 – 00:15", between("2026-11-20T23:30:00Z", "2026-11-21T00:15:00Z")),
            ("16:00 to 16:30", between("2026-11-20T16:00:00Z", "2026-11-20T16:30:00Z")),
            ("9223372036854775807", Ok(Period::Between(i64::MAX - AROUND, i64::MAX))),
            ("2262-04-11", Ok(Period::Between(at("2262-04-11"), i64::MAX))),
            ("19 Nov 14:00 – 14:30", between("2026-11-19T14:00:00Z", "2026-11-19T14:30:00Z")),
            ("19 Nov", between("2026-11-19", "2026-11-20")),
            ("Dec 24", between("2025-12-24", "2025-12-25")),
            ("24 december 2024", between("2024-12-24", "2024-12-25")),
            ("19 Nov - 20 Nov", between("2026-11-19", "2026-11-21")),
            ("2026-11-01", between("2026-11-01", "2026-11-02")),
            ("2026-11-01 08:00 to 2026-11-02 09:30:15", between("2026-11-01T08:00:00Z", "2026-11-02T09:30:15Z")),
            ("2026-11-01T08:00:00Z/2026-11-01T09:00:00+02:00", Err(String::new())),
            (
                "2026-11-01T08:00:00Z..2026-11-01T13:00:00+02:00",
                between("2026-11-01T08:00:00Z", "2026-11-01T11:00:00Z"),
            ),
            ("yesterday 10:00 to 11:00", between("2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z")),
            ("1790000000 to 1790000060000", between("2026-09-21T14:13:20Z", "2026-09-21T14:14:20Z")),
            ("12:00:30", between("2026-11-21T11:55:30Z", "2026-11-21T12:05:30Z")),
        ] {
            let found = parse_period(text, now);
            assert!(found == expected || (found.is_err() && expected.is_err()), "{text}: {found:?}");
        }
        for text in [
            "",
            "soon",
            "last x",
            "15:00 to",
            "25:00 to 26:00",
            "32 Nov",
            "0m",
            "now to now-1h",
            "1-2-3-4",
            "9".repeat(30).as_str(),
        ] {
            assert!(parse_period(text, now).is_err(), "{text}: {:?}", parse_period(text, now));
        }
    }
}
