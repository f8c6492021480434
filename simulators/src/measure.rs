//! What a signal comes to, measured: what comes in, what it is packed to, what has which share of it.

use crate::error::ScenarioError;
use crate::history::Course;
use crate::sample::{Change, Sample};
use crate::scenario::{Effect, Rewrite};
use crate::shape::{Shape, Shaping};
use serde::Serialize;
use sextant_columns::PACKINGS;
use sextant_model::Signal;
use std::collections::BTreeMap;

/// Of so many attributes it is tried what the rest comes to without them.
const TRIED: usize = 12;
/// Less than this part of all is not worth trying.
const WORTH: f64 = 0.002;
/// How much ratios differ where nothing is known of it.
pub(crate) const PRIOR: f64 = 0.25;
/// Of so many columns and attributes it is said what they come to.
const SAID: usize = 40;

/// A part of a signal: a column, an attribute, another packing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Of {
    /// What it is called.
    pub name: String,
    /// Its raw bytes.
    pub raw_bytes: f64,
    /// Bytes that it takes on disk; nothing where that was not tried.
    pub stored_bytes: Option<f64>,
}

/// A signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Which.
    pub signal: &'static str,
    /// Records that there are.
    pub rows: u64,
    /// From the first to the last, in hours.
    pub hours: f64,
    /// Raw bytes that there are.
    pub raw_bytes: f64,
    /// Bytes on disk.
    pub stored_bytes: f64,
    /// Raw to stored.
    pub ratio: f64,
    /// How much the ratio differs between row groups.
    pub ratio_sigma: f64,
    /// Row groups that were read.
    pub groups: u64,
    /// Of so many.
    pub of_groups: u64,
    /// Bytes of those that were read, as they lie there.
    pub sample_bytes: f64,
    /// Raw bytes that a day brings now, but for the day of the week.
    pub bytes_per_day: f64,
    /// Raw bytes of each day, by days since 1970.
    pub days: Vec<(i64, f64)>,
    /// The day after the last whole one; nothing, if no day is whole.
    pub day_0: Option<i64>,
    /// What each service sends of it.
    pub services: Vec<(String, f64)>,
    /// What each day of the week brings, from Monday on, if enough days are known.
    pub weekdays: Option<[f64; 7]>,
    /// What a day brings more than the one before, if enough days are known.
    pub growth_per_day: Option<f64>,
    /// What past weeks brought of the mean.
    pub weeks: Vec<f64>,
    /// By column, the largest first.
    pub columns: Vec<Of>,
    /// By attribute, the largest first; on disk it is what would be saved without it.
    pub attributes: Vec<Of>,
    /// All of it, packed otherwise.
    pub packings: Vec<Of>,
}

/// What somebody else counted of a signal: a database that says how large its parts are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// Bytes of all values, as they count them.
    pub raw_bytes: f64,
    /// Bytes on their disks.
    pub stored_bytes: f64,
    /// Both of each part.
    pub parts: Vec<(f64, f64)>,
    /// Columns of all tables.
    pub columns: Vec<Of>,
}

/// The spread of the logarithm of ratios, each as heavy as its raw bytes.
fn sigma_of(parts: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> =
        parts.iter().filter(|(raw, stored)| *raw > 0.0 && *stored > 0.0).map(|(r, s)| (*r, (r / s).ln())).collect();
    if logs.len() < 2 {
        return PRIOR;
    }
    let weight: f64 = logs.iter().map(|(raw, _)| raw).sum();
    let mean = logs.iter().map(|(raw, log)| raw * log).sum::<f64>() / weight;
    (logs.iter().map(|(raw, log)| raw * (log - mean).powi(2)).sum::<f64>() / weight).sqrt()
}

fn sum(sizes: &sextant_columns::Sizes) -> f64 {
    sizes.values().sum::<u64>() as f64
}

fn largest(mut all: Vec<Of>) -> Vec<Of> {
    all.sort_by(|a, b| {
        let size = |of: &Of| of.stored_bytes.unwrap_or(-1.0);
        size(b).total_cmp(&size(a)).then(b.raw_bytes.total_cmp(&a.raw_bytes)).then_with(|| a.name.cmp(&b.name))
    });
    all.truncate(SAID);
    all
}

impl Measured {
    /// Of samples of all tables of a signal; `is_tried` says whether rows are written otherwise, which takes some seconds.
    ///
    /// # Errors
    /// If a sample can't be written.
    pub fn of(signal: Signal, course: Course, samples: &[Sample], is_tried: bool) -> Result<Self, ScenarioError> {
        let (mut columns, mut keys) = (BTreeMap::<String, Of>::new(), BTreeMap::<String, (f64, f64)>::new());
        let of = |name: &str| Of { name: name.to_owned(), raw_bytes: 0.0, stored_bytes: None };
        for sample in samples {
            for (name, raw) in sample.raw() {
                columns.entry(name.clone()).or_insert_with(|| of(&name)).raw_bytes += raw;
            }
            for (name, stored) in &sample.stored {
                let column = columns.entry(name.clone()).or_insert_with(|| of(name));
                column.stored_bytes = Some(column.stored_bytes.unwrap_or(0.0) + *stored as f64);
            }
            for (key, (raw, changing)) in sample.raw_by_key() {
                let of = keys.entry(key).or_default();
                *of = (of.0 + raw, of.1 + changing);
            }
        }
        let stored_bytes: f64 = samples.iter().map(|s| sum(&s.stored)).sum();
        let raw_bytes: f64 = columns.values().map(|c| c.raw_bytes).sum();
        // What changes from row to row is what takes room: that is tried first.
        let mut keys: Vec<(String, (f64, f64))> = keys.into_iter().collect();
        keys.sort_by(|(_, a), (_, b)| b.1.total_cmp(&a.1).then(b.0.total_cmp(&a.0)));
        keys.truncate(SAID);
        let changing: Vec<f64> = keys.iter().map(|(_, (_, changing))| *changing).collect();
        let mut attributes: Vec<Of> =
            keys.into_iter().map(|(name, (raw_bytes, _))| Of { name, raw_bytes, stored_bytes: None }).collect();
        let mut packings = Vec::new();
        if is_tried {
            for (attribute, changing) in attributes.iter_mut().zip(&changing).take(TRIED) {
                if *changing < raw_bytes * WORTH {
                    continue;
                }
                let shape = Shape { signal: Some(signal), key: attribute.name.clone(), how: Shaping::Drop };
                let change = Change { shapes: vec![shape], ..Change::default() };
                let mut saved = 0.0;
                for sample in samples.iter().filter(|sample| sample.has_key(&attribute.name)) {
                    saved += sum(&sample.stored) - sum(&sample.with(&change)?);
                }
                attribute.stored_bytes = Some(saved.max(0.0));
            }
            for (name, compression) in PACKINGS {
                let change = Change { compression: Some(compression), ..Change::default() };
                let stored: f64 =
                    samples.iter().map(|s| s.with(&change).map(|sizes| sum(&sizes))).sum::<Result<f64, _>>()?;
                packings.push(Of { name: name.to_owned(), raw_bytes, stored_bytes: Some(stored) });
            }
        }
        let read: f64 = samples.iter().map(|s| sum(&s.stored) * s.n_read() as f64 / s.n_rows.max(1) as f64).sum();
        // One row group says nothing of how others differ.
        let sigma_of = |s: &Sample| if s.n_groups_read() < 2 { PRIOR } else { s.ratio_sigma() };
        let sigma = samples.iter().map(|s| sigma_of(s) * sum(&s.stored)).sum::<f64>() / stored_bytes.max(1.0);
        let mut measured = Self::on_course(signal, course, (raw_bytes, stored_bytes), sigma);
        measured.groups = samples.iter().map(|s| s.n_groups_read() as u64).sum();
        measured.of_groups = samples.iter().map(|s| s.n_groups as u64).sum();
        measured.sample_bytes = read;
        measured.columns = largest(columns.into_values().collect());
        measured.attributes = largest(attributes);
        measured.packings = packings;
        Ok(measured)
    }

    /// Of what a database counted itself.
    pub fn counted(signal: Signal, course: Course, of: Counted) -> Self {
        let mut measured = Self::on_course(signal, course, (of.raw_bytes, of.stored_bytes), sigma_of(&of.parts));
        measured.groups = of.parts.len() as u64;
        measured.of_groups = measured.groups;
        measured.sample_bytes = of.stored_bytes;
        let mut columns = BTreeMap::<String, Of>::new();
        for column in of.columns {
            match columns.get_mut(&column.name) {
                Some(sum) => {
                    sum.raw_bytes += column.raw_bytes;
                    sum.stored_bytes = Some(sum.stored_bytes.unwrap_or(0.0) + column.stored_bytes.unwrap_or(0.0));
                }
                None => drop(columns.insert(column.name.clone(), column)),
            }
        }
        measured.columns = largest(columns.into_values().collect());
        measured
    }

    fn on_course(signal: Signal, course: Course, (raw_bytes, stored_bytes): (f64, f64), ratio_sigma: f64) -> Self {
        Self {
            signal: signal.name(),
            rows: course.rows,
            hours: course.hours,
            raw_bytes,
            stored_bytes,
            ratio: if stored_bytes > 0.0 { raw_bytes / stored_bytes } else { 1.0 },
            ratio_sigma,
            groups: 0,
            of_groups: 0,
            sample_bytes: 0.0,
            bytes_per_day: course.per_day,
            days: course.days,
            day_0: course.day_0,
            services: course.services,
            weekdays: course.weekdays,
            growth_per_day: course.growth_per_day,
            weeks: course.weeks,
            columns: Vec::new(),
            attributes: Vec::new(),
            packings: Vec::new(),
        }
    }
}

impl Effect {
    /// What is left of a signal that is rewritten, by samples of all its tables.
    ///
    /// # Errors
    /// If a sample can't be written so.
    pub fn of(rewrite: &Rewrite, samples: &[Sample]) -> Result<Self, ScenarioError> {
        let packing = rewrite.packing.as_deref();
        let compression = PACKINGS.iter().find(|(name, _)| Some(*name) == packing).map(|(_, how)| *how);
        let change = Change {
            compression,
            order: rewrite.order,
            shapes: rewrite.shapes.clone(),
            promoted: rewrite.promoted.clone(),
        };
        let (mut raw, mut raw_after, mut stored, mut stored_after) = (0.0, 0.0, 0.0, 0.0);
        for sample in samples {
            raw += sample.raw_with(&[])?;
            raw_after += sample.raw_with(&rewrite.shapes)?;
            stored += sum(&sample.stored);
            stored_after += sum(&sample.with(&change)?);
        }
        let part = |after: f64, before: f64| if before > 0.0 { after / before } else { 1.0 };
        Ok(Self { raw: part(raw_after, raw), stored: part(stored_after, stored) })
    }
}
