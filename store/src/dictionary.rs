//! Which fields there are and which values they have, for completing what somebody types: counted on a sample of every
//! request as it comes, bounded, kept in the manifest.

use arrow::array::{Array, AsArray, Int32Array, RecordBatch, StringArray};
use serde::{Deserialize, Serialize};
use sextant_model::severity::{LEVELS, level};
use sextant_model::{Signal, Table};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Rows of a batch that are looked at; more are counted by those.
const SAMPLE_ROWS: usize = 64;
/// The same where batches come quickly: looking at 64 rows of each would cost a fifth of what taking them in does.
const RUSHED_ROWS: usize = 3;
const RUSH: Duration = Duration::from_millis(20);
/// Fields of a project and signal; further ones are not remembered.
const MAX_KEYS: usize = 2_000;
/// Values of a field.
const MAX_VALUES: usize = 64;
/// A field that had so many more is one of ids: only a few of its values are remembered.
const MAX_REPLACED: u64 = 2_000;
/// Longer values are of no use for completing.
const MAX_VALUE_BYTES: usize = 200;

/// Values of a field, by how often they were seen, about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Values {
    n: u64,
    counts: HashMap<String, u64>,
    n_replaced: u64,
}

impl Values {
    fn add(&mut self, value: &str, n: u64) {
        self.n += n;
        if value.is_empty() || value.len() > MAX_VALUE_BYTES {
            return;
        }
        if let Some(known) = self.counts.get_mut(value) {
            *known += n;
            return;
        }
        if self.n_replaced >= MAX_REPLACED {
            return;
        }
        let mut n = n;
        if self.counts.len() >= MAX_VALUES {
            // The rarest goes, and its count with it to the new one, which may have been it before.
            let rarest = self.counts.iter().min_by(|a, b| a.1.cmp(b.1).then_with(|| a.0.cmp(b.0)));
            if let Some((rarest, least)) = rarest.map(|(v, n)| (v.clone(), *n)) {
                self.counts.remove(&rarest);
                n += least;
            }
            self.n_replaced += 1;
        }
        self.counts.insert(value.to_owned(), n);
    }
}

/// Fields of one project and signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fields(HashMap<String, Values>);

impl Fields {
    fn add(&mut self, key: &str, value: &str, n: u64) {
        if let Some(values) = self.0.get_mut(key) {
            values.add(value, n);
        } else if self.0.len() < MAX_KEYS && !key.is_empty() && key.len() <= MAX_VALUE_BYTES {
            let mut values = Values::default();
            values.add(value, n);
            self.0.insert(key.to_owned(), values);
        }
    }

    fn see(&mut self, table: Table, rows: &RecordBatch, n_sample: usize) {
        let step = rows.num_rows().div_ceil(n_sample).max(1);
        let sample = || (0..rows.num_rows()).step_by(step);
        let text = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        let columns: &[(&str, &str)] = match table.signal() {
            Signal::Traces => {
                &[("service", "ServiceName"), ("name", "SpanName"), ("kind", "SpanKind"), ("status", "StatusCode")]
            }
            Signal::Logs => &[("service", "ServiceName"), ("name", "EventName")],
            Signal::Metrics => &[("service", "ServiceName"), ("name", "MetricName")],
        };
        for (key, column) in columns {
            let Some(column) = text(column) else { continue };
            sample().map(|row| column.value(row)).filter(|v| !v.is_empty()).for_each(|v| self.add(key, v, step as u64));
        }
        let severity = rows.column_by_name("SeverityNumber").and_then(|c| c.as_any().downcast_ref::<Int32Array>());
        if let Some(numbers) = severity {
            let name = |row| LEVELS[level(numbers.value(row))].0;
            sample().map(name).filter(|v| !v.is_empty()).for_each(|v| self.add("level", v, step as u64));
        }
        let own = match table.signal() {
            Signal::Traces => "SpanAttributes",
            Signal::Logs => "LogAttributes",
            Signal::Metrics => "Attributes",
        };
        for name in [own, "ResourceAttributes"] {
            let Some(map) = rows.column_by_name(name).and_then(|c| c.as_map_opt()) else { continue };
            let texts = |column: &dyn Array| column.as_string_opt::<i32>().cloned();
            let (Some(keys), Some(values)) = (texts(map.keys()), texts(map.values())) else { continue };
            let offsets = map.value_offsets();
            for row in sample() {
                self.see_entries(&keys, &values, offsets[row] as usize..offsets[row + 1] as usize, step as u64);
            }
        }
    }

    fn see_entries(&mut self, keys: &StringArray, values: &StringArray, entries: std::ops::Range<usize>, n: u64) {
        for i in entries {
            // It has a shorter name.
            if keys.value(i) != "service.name" {
                self.add(keys.value(i), values.value(i), n);
            }
        }
    }
}

/// What is known of all projects.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    fields: BTreeMap<(String, Signal), Fields>,
    is_unsaved: bool,
    /// When rows were looked at last.
    looked: Option<Instant>,
}

impl Dictionary {
    /// As it was saved; what makes no sense is left out.
    pub fn saved(rows: Vec<(String, String, Vec<u8>)>) -> Self {
        let read = |(project, signal, bytes): (String, String, Vec<u8>)| {
            let json = zstd::decode_all(bytes.as_slice()).ok()?;
            Some(((project, Signal::from_name(&signal)?), serde_json::from_slice(&json).ok()?))
        };
        Self { fields: rows.into_iter().filter_map(read).collect(), ..Self::default() }
    }

    /// What is to be saved, if it is not: a copy, for writing it takes longer than anybody should wait for it.
    pub fn unsaved(&mut self) -> Option<BTreeMap<(String, Signal), Fields>> {
        std::mem::take(&mut self.is_unsaved).then(|| self.fields.clone())
    }

    /// It was not saved after all.
    pub fn set_unsaved(&mut self) {
        self.is_unsaved = true;
    }

    /// Takes in new rows.
    pub fn see(&mut self, project: &str, table: Table, rows: &RecordBatch) {
        if rows.num_rows() == 0 {
            return;
        }
        self.is_unsaved = true;
        let is_rush = self.looked.is_some_and(|looked| looked.elapsed() < RUSH);
        if !is_rush {
            self.looked = Some(Instant::now());
        }
        let key = (project.to_owned(), table.signal());
        self.fields.entry(key).or_default().see(table, rows, if is_rush { RUSHED_ROWS } else { SAMPLE_ROWS });
    }

    /// Fields of a signal, of all projects, that have `part` in their name: name and about how often they were seen. Those
    /// that begin with it come first, then the most frequent.
    pub fn keys(&self, signal: Signal, part: &str) -> Vec<(String, u64)> {
        let all = self.of(signal).flat_map(|fields| fields.0.iter().map(|(key, values)| (key.as_str(), values.n)));
        ranked(all, part)
    }

    /// The same for the values of a field.
    pub fn values(&self, signal: Signal, key: &str, part: &str) -> Vec<(String, u64)> {
        let all = self.of(signal).filter_map(|fields| fields.0.get(key));
        ranked(all.flat_map(|values| values.counts.iter().map(|(value, n)| (value.as_str(), *n))), part)
    }

    fn of(&self, signal: Signal) -> impl Iterator<Item = &Fields> {
        self.fields.iter().filter(move |((_, s), _)| *s == signal).map(|(_, fields)| fields)
    }
}

/// Rows for the manifest: project, signal, and the rest.
pub(crate) fn encoded(fields: &BTreeMap<(String, Signal), Fields>) -> Vec<(String, &'static str, Vec<u8>)> {
    let row = |((project, signal), fields): (&(String, Signal), &Fields)| {
        let json = serde_json::to_vec(fields).ok()?;
        Some((project.clone(), signal.name(), zstd::encode_all(json.as_slice(), 1).ok()?))
    };
    fields.iter().filter_map(row).collect()
}

fn ranked<'a>(all: impl Iterator<Item = (&'a str, u64)>, part: &str) -> Vec<(String, u64)> {
    let part = part.to_lowercase();
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    all.for_each(|(text, n)| *sums.entry(text).or_default() += n);
    let mut found: Vec<(bool, &str, u64)> = sums
        .into_iter()
        .filter_map(|(text, n)| {
            let at = text.to_lowercase().find(&part)?;
            Some((at > 0, text, n))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| b.2.cmp(&a.2)).then_with(|| a.1.cmp(b.1)));
    found.into_iter().map(|(_, text, n)| (text.to_owned(), n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(n_values: u64) -> Fields {
        let mut fields = Fields::default();
        for i in 0..n_values {
            fields.add("user.id", &format!("u{i}"), 1);
            fields.add("http.route", ["/cart", "/checkout", "/cart"][i as usize % 3], 1);
        }
        fields
    }

    #[test]
    fn what_is_frequent_stays() {
        let mut dictionary = Dictionary::default();
        dictionary.fields.insert(("a".into(), Signal::Traces), fields(9_000));
        dictionary.fields.insert(("b".into(), Signal::Traces), fields(3));
        let routes = dictionary.values(Signal::Traces, "http.route", "");
        assert_eq!(routes, [("/cart".into(), 6_002), ("/checkout".into(), 3_001)]);
        assert_eq!(dictionary.values(Signal::Traces, "http.route", "CHECK")[0].0, "/checkout");
        let users = dictionary.values(Signal::Traces, "user.id", "u").len();
        assert!(users <= MAX_VALUES + 3, "{users}");
        let keys: Vec<_> = dictionary.keys(Signal::Traces, "r").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["http.route", "user.id"], "as frequent, by name");
        assert!(dictionary.keys(Signal::Logs, "").is_empty());
        // As it was, from the manifest.
        dictionary.set_unsaved();
        let rows = encoded(&dictionary.unsaved().expect("is to be saved"));
        let again = Dictionary::saved(rows.into_iter().map(|(p, s, b)| (p, s.to_owned(), b)).collect());
        assert_eq!(again.fields, dictionary.fields);
        assert!(dictionary.unsaved().is_none());
    }

    #[test]
    fn fields_are_bounded() {
        let mut fields = Fields::default();
        for i in 0..MAX_KEYS + 50 {
            fields.add(&format!("k{i}"), &"x".repeat(MAX_VALUE_BYTES + 1), 1);
        }
        assert_eq!(fields.0.len(), MAX_KEYS);
        assert!(fields.0.values().all(|v| v.n == 1 && v.counts.is_empty()));
    }
}
