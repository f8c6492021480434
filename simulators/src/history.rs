//! What came in, by hour, as a data frame: how much a day brings, which days of the week bring more, how it grows.

use crate::error::ScenarioError;
use polars::prelude::{DataFrame, IntoLazy as _, PolarsError, PolarsResult, SortMultipleOptions, col, df};
use sextant_model::Signal;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000_000;
const DAY_HOURS: i64 = 24;
const DAY: i64 = HOUR * DAY_HOURS;
/// 1970 began on a Thursday, the fourth from Monday on.
const FIRST_WEEKDAY: i64 = 3;
/// Shorter histories say nothing of weeks and growth.
const ENOUGH_DAYS: usize = 14;

/// Rows of a service in an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Hour {
    /// Of which signal.
    pub signal: Signal,
    /// Of which service.
    pub service: String,
    /// When its first row was, nanoseconds.
    pub at: i64,
    /// When its last row was.
    pub last: i64,
    /// How many.
    pub rows: u64,
    /// Raw bytes of all of them.
    pub raw_bytes: f64,
}

/// All hours.
#[derive(Debug, Clone)]
pub struct History(DataFrame);

/// What a signal brings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// Rows of all hours.
    pub rows: u64,
    /// Raw bytes of all hours.
    pub raw_bytes: f64,
    /// From the first hour to the last one, in hours.
    pub hours: f64,
    /// Raw bytes that a day brings now, but for the day of the week: the mean, or where growth leads if enough days are known.
    pub per_day: f64,
    /// What each service sends of it, the largest first.
    pub services: Vec<(String, f64)>,
    /// What each day of the week brings of the mean, from Monday on, if enough days are known.
    pub weekdays: Option<[f64; 7]>,
    /// What a day brings more than the one before, as a part of what a day brings now, if enough days are known.
    pub growth_per_day: Option<f64>,
    /// The day after the last whole one, by days since 1970; nothing, if no day is whole.
    pub day_0: Option<i64>,
    /// What each whole week brought of the mean, growth taken out, if enough are known.
    pub weeks: Vec<f64>,
    /// Raw bytes of each day, by days since 1970.
    pub days: Vec<(i64, f64)>,
}

fn wrong(e: &PolarsError) -> ScenarioError {
    ScenarioError::of("", format!("what came in can't be summed: {e}"))
}

impl History {
    /// Of rows by hour.
    ///
    /// # Errors
    /// None that is known: columns are of one length.
    pub fn of(hours: &[Hour]) -> Result<Self, ScenarioError> {
        let frame = df![
            "signal" => hours.iter().map(|h| h.signal.name()).collect::<Vec<_>>(),
            "service" => hours.iter().map(|h| h.service.as_str()).collect::<Vec<_>>(),
            "day" => hours.iter().map(|h| h.at.div_euclid(DAY)).collect::<Vec<_>>(),
            "first" => hours.iter().map(|h| h.at).collect::<Vec<_>>(),
            "last" => hours.iter().map(|h| h.last).collect::<Vec<_>>(),
            "rows" => hours.iter().map(|h| h.rows).collect::<Vec<_>>(),
            "raw" => hours.iter().map(|h| h.raw_bytes).collect::<Vec<_>>(),
        ];
        frame.map(Self).map_err(|e| wrong(&e))
    }

    /// What a signal brings; nothing, if nothing came of it.
    ///
    /// # Errors
    /// None that is known.
    pub fn course(&self, signal: Signal) -> Result<Option<Course>, ScenarioError> {
        self.summed(signal).map_err(|e| wrong(&e))
    }

    fn summed(&self, signal: Signal) -> PolarsResult<Option<Course>> {
        let of = self.0.clone().lazy().filter(col("signal").eq(polars::prelude::lit(signal.name())));
        let whole = of
            .clone()
            .select([col("rows").sum(), col("raw").sum(), col("first").min(), col("last").max()])
            .collect()?;
        let rows = whole.column("rows")?.u64()?.get(0).unwrap_or(0);
        let raw_bytes = whole.column("raw")?.f64()?.get(0).unwrap_or(0.0);
        let end = |name: &str| whole.column(name).and_then(|c| Ok(c.i64()?.get(0)));
        let (Some(first), Some(last)) = (end("first")?, end("last")?) else { return Ok(None) };
        if rows == 0 {
            return Ok(None);
        }
        // A moment is no time: what came within a minute is taken for that of a minute.
        let hours = last.saturating_sub(first).max(HOUR / 60) as f64 / HOUR as f64;
        let services = of
            .clone()
            .group_by([col("service")])
            .agg([col("raw").sum()])
            .sort(["raw"], SortMultipleOptions::default().with_order_descending(true))
            .collect()?;
        let names = services.column("service")?.str()?.iter().map(|name| name.unwrap_or_default().to_owned());
        let shares = services.column("raw")?.f64()?.iter().map(|raw| raw.unwrap_or(0.0) / raw_bytes.max(1.0));
        let days = of
            .group_by([col("day")])
            .agg([col("raw").sum()])
            .sort(["day"], SortMultipleOptions::default())
            .collect()?;
        let numbers = days.column("day")?.i64()?.iter().map(|day| day.unwrap_or(0));
        let sums = days.column("raw")?.f64()?.iter().map(|raw| raw.unwrap_or(0.0));
        let days: Vec<(i64, f64)> = numbers.zip(sums).collect();
        let services = names.zip(shares).collect();
        // What began or ended within a day is no whole one.
        let is_whole = |day: i64| {
            day.saturating_mul(DAY) >= first.saturating_sub(HOUR)
                && (day + 1).saturating_mul(DAY) <= last.saturating_add(HOUR)
        };
        let whole: BTreeMap<i64, f64> = days.iter().copied().filter(|(day, _)| is_whole(*day)).collect();
        let day_0 = whole.keys().last().map(|day| day + 1);
        let mut course = Course { rows, raw_bytes, hours, services, day_0, days, ..Course::default() };
        course.per_day = raw_bytes / hours * DAY_HOURS as f64;
        if let Some(known) = of_whole_days(&whole) {
            course.per_day = known.per_day;
            course.growth_per_day = Some(known.growth);
            course.weekdays = Some(known.weekdays);
            course.weeks = known.weeks;
        }
        Ok(Some(course))
    }
}

/// What enough whole days tell.
struct Known {
    per_day: f64,
    growth: f64,
    weekdays: [f64; 7],
    weeks: Vec<f64>,
}

/// Which day of the week a day since 1970 is, from Monday on.
pub(crate) fn weekday(day: i64) -> usize {
    (day + FIRST_WEEKDAY).rem_euclid(7) as usize
}

/// Growth by a line through all whole days; what is left of each day by day of the week, and by week.
fn of_whole_days(days: &BTreeMap<i64, f64>) -> Option<Known> {
    let (first, last) = (days.keys().next()?, days.keys().last()?);
    let n = (last - first + 1) as usize;
    if n < ENOUGH_DAYS {
        return None;
    }
    // A day on which nothing came is a day.
    let values: Vec<f64> = (*first..=*last).map(|day| days.get(&day).copied().unwrap_or(0.0)).collect();
    let mean = values.iter().sum::<f64>() / n as f64;
    if mean <= 0.0 {
        return None;
    }
    let middle = (n - 1) as f64 / 2.0;
    let variance: f64 = (0..n).map(|i| (i as f64 - middle).powi(2)).sum();
    let weekday = |i: usize| weekday(first + i as i64);
    let (mut weekdays, mut slope, mut level, mut left) = ([1.0; 7], 0.0, mean, Vec::new());
    // A week that ends with a weekend bends the line, and a line bends the weekend: each is taken out of the other in turn.
    for _ in 0..8 {
        let even: Vec<f64> = values.iter().enumerate().map(|(i, v)| v / f64::max(weekdays[weekday(i)], 1e-3)).collect();
        let mean = even.iter().sum::<f64>() / n as f64;
        let covariance: f64 = even.iter().enumerate().map(|(i, v)| (i as f64 - middle) * (v - mean)).sum();
        slope = covariance / variance / mean;
        level = mean;
        let line = |i: usize| (mean * (1.0 + slope * (i as f64 - middle))).max(mean / 100.0);
        let mut by_weekday = [(0.0, 0.0); 7];
        for (i, v) in values.iter().enumerate() {
            let of = &mut by_weekday[weekday(i)];
            *of = (of.0 + v / line(i), of.1 + 1.0);
        }
        weekdays = by_weekday.map(|(sum, n)| if n > 0.0 { sum / n } else { 1.0 });
        let sum: f64 = weekdays.iter().sum();
        weekdays = weekdays.map(|day| day * 7.0 / sum);
        left = even.iter().enumerate().map(|(i, v)| v / line(i)).collect();
    }
    let weeks = left.chunks_exact(7).map(|week| week.iter().sum::<f64>() / 7.0).collect();
    // The line at the day after the last: what grows, grows from there.
    let now = (1.0 + slope * (n as f64 - middle)).max(0.01);
    Some(Known { per_day: level * now, growth: slope / now, weekdays, weeks })
}
