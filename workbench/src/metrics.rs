//! Metrics: which there are, and one of them over time.

use crate::errors;
use crate::explore::At;
use crate::search::not_found;
use crate::workbench::Workbench;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use serde_json::{Value, json};
use sextant_analysis::{Added, Distribution, Explicit, Exponential, Half, Moment, added, added_distribution};
use sextant_contract::{Answer, AskError, Code, Completeness, MetricAsk, SearchAsk};
use sextant_model::query::Query;
use sextant_model::{Prune, Signal, Table, TimeRange};
use sextant_queries::{clickhouse, duckdb, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More points are not read; the newest are.
const MAX_POINTS: usize = 400_000;
/// More groups are not told apart.
const MAX_GROUPS: usize = 200;
const MAX_EXEMPLARS: usize = 200;
/// Columns of the distribution over time, and its buckets.
const HEAT: (i64, usize) = (60, 36);

/// Quantiles that are said of distributions.
const SAID: [f64; 3] = [0.5, 0.95, 0.99];

fn table_of(kind: &str) -> Option<Table> {
    Signal::Metrics.tables().iter().copied().find(|t| t.name().trim_start_matches("metrics_") == kind)
}

fn search_of(search: &SearchAsk) -> Result<(Query, TimeRange, (i64, i64)), AskError> {
    let query = parse(Signal::Metrics, &search.query).map_err(|e| errors::parse(&e))?;
    let (Some(from), Some(to)) = (search.period.from, search.period.to) else {
        return Err(AskError::new(Code::BadQuery, "a period with both bounds is needed here"));
    };
    Ok((query, TimeRange::from(search.period), (from, to)))
}

/// Where a point belongs.
#[derive(Clone, Copy)]
struct Place<'a> {
    series: u64,
    group: &'a str,
    moment: Moment,
    is_delta: bool,
    is_monotonic: bool,
}

/// The points of an answer, one batch after the other.
fn places(batch: &RecordBatch) -> Option<impl Iterator<Item = Place<'_>>> {
    let series = batch.column(0).as_primitive_opt::<UInt64Type>()?;
    let group = batch.column(1).as_string_opt::<i32>()?;
    let (time, start) =
        (batch.column(2).as_primitive_opt::<Int64Type>()?, batch.column(3).as_primitive_opt::<Int64Type>()?);
    let temporality = batch.column(4).as_primitive_opt::<arrow::datatypes::Int32Type>()?;
    let monotonic = batch.column(5).as_boolean_opt()?;
    Some((0..batch.num_rows()).map(move |row| Place {
        series: series.value(row),
        group: group.value(row),
        moment: Moment { time: time.value(row), start: start.value(row) },
        is_delta: temporality.value(row) == 1,
        is_monotonic: monotonic.is_null(row) || monotonic.value(row),
    }))
}

fn doubles(column: &ArrayRef) -> Option<Float64Array> {
    cast(column, &DataType::Float64).ok()?.as_primitive_opt::<Float64Type>().cloned()
}

/// The items of a list at a row, as doubles.
fn items(list: &ListArray, row: usize) -> Vec<f64> {
    doubles(&list.value(row)).map_or_else(Vec::new, |v| v.values().to_vec())
}

/// A part of time, and how many there are.
#[derive(Clone, Copy)]
struct Steps {
    from: i64,
    length: i64,
}

impl Steps {
    fn of(&self, time: i64) -> i64 {
        self.from + (time - self.from).div_euclid(self.length) * self.length
    }
}

/// What the points of a group come to in a step.
#[derive(Default)]
struct Cell {
    sum: f64,
    n: f64,
    min: f64,
    max: f64,
    /// The last value of each series.
    last: BTreeMap<u64, f64>,
    distribution: Option<Distribution>,
}

/// All of them, and what was met on the way.
#[derive(Default)]
struct Cells {
    all: BTreeMap<(String, i64), Cell>,
    n_points: usize,
    n_resets: u64,
    /// Points that could not be added: their bounds differ from the others'.
    n_refused: u64,
    is_delta: bool,
    is_monotonic: bool,
    scale: Option<i32>,
}

impl Cells {
    fn cell(&mut self, place: &Place<'_>, steps: Steps) -> &mut Cell {
        self.all.entry((place.group.to_owned(), steps.of(place.moment.time))).or_default()
    }

    fn value(&mut self, place: &Place<'_>, steps: Steps, value: f64) {
        if !value.is_finite() {
            // One such value would be all that is left of its step.
            self.n_refused += 1;
            return;
        }
        let cell = self.cell(place, steps);
        let is_first = cell.n == 0.0;
        cell.min = if is_first { value } else { cell.min.min(value) };
        cell.max = if is_first { value } else { cell.max.max(value) };
        cell.sum += value;
        cell.n += 1.0;
        cell.last.insert(place.series, value);
    }

    fn distribution(&mut self, place: &Place<'_>, steps: Steps, added: Distribution, sum: f64) {
        let cell = self.cell(place, steps);
        let joined = match &cell.distribution {
            None => Some(added),
            Some(before) => before.plus(&added),
        };
        if let Some(joined) = joined {
            cell.distribution = Some(joined);
            cell.sum += sum;
        } else {
            self.n_refused += 1;
        }
    }
}

/// How far apart points of a series usually are.
fn interval(batches: &[RecordBatch]) -> i64 {
    let mut gaps = Vec::new();
    for batch in batches {
        let Some(all) = places(batch) else { continue };
        let mut before: Option<Place<'_>> = None;
        for place in all.take(20_000) {
            let gap = before.filter(|b| b.series == place.series).map(|b| place.moment.time - b.moment.time);
            gaps.extend(gap.filter(|gap| *gap > 0));
            before = Some(place);
        }
    }
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

fn distributions(batch: &RecordBatch, table: Table) -> Option<Vec<(Distribution, f64)>> {
    let (all_of, sums) = (doubles(batch.column(6))?, doubles(batch.column(7))?);
    let list = |i: usize| batch.column(i).as_list_opt::<i32>();
    // Numbers of the exponential kind: scale, zero count, threshold, and both offsets.
    let is_exponential = table == Table::ExpHistogram;
    let numbers = [8, 9, 10, 11, 13].map(|i| if is_exponential { doubles(batch.column(i)) } else { None });
    let one = |row: usize| -> Option<(Distribution, f64)> {
        let sum = if sums.is_null(row) { 0.0 } else { sums.value(row) };
        if table == Table::Histogram {
            let (mut counts, mut bounds) = (items(list(8)?, row), items(list(9)?, row));
            if counts.is_empty() {
                // Sent without buckets: there is one for everything.
                bounds.clear();
                counts.push(all_of.value(row));
            }
            return Some((Distribution::Explicit(Explicit { bounds, counts }), sum));
        }
        let number = |i: usize| numbers[i].as_ref().map_or(0.0, |c| c.value(row));
        let half = |offset: usize, i: usize| Some(Half { offset: number(offset) as i32, counts: items(list(i)?, row) });
        let of = Exponential {
            scale: number(0) as i32,
            zero_count: number(1),
            zero_threshold: number(2),
            positive: half(3, 12)?,
            negative: half(4, 14)?,
        };
        Some((Distribution::Exponential(of), sum))
    };
    (0..batch.num_rows()).map(one).collect()
}

/// Puts all points into their cells.
fn cells(batches: &[RecordBatch], table: Table, steps: Steps) -> Option<Cells> {
    let mut all = Cells::default();
    let mut before: Option<(u64, Moment, f64)> = None;
    let mut earlier: Option<(u64, Moment, Distribution, f64)> = None;
    for batch in batches {
        let with_buckets = matches!(table, Table::Histogram | Table::ExpHistogram);
        let values = if with_buckets { None } else { Some(doubles(batch.column(6))?) };
        let mut found = if with_buckets { distributions(batch, table)?.into_iter() } else { Vec::new().into_iter() };
        let quantiles = (table == Table::Summary).then(|| (batch.column(8).clone(), batch.column(9).clone()));
        for (row, place) in places(batch)?.enumerate() {
            all.n_points += 1;
            all.is_delta |= place.is_delta;
            all.is_monotonic |= place.is_monotonic;
            if let Some((quantiles, values)) = &quantiles {
                summary(&mut all, &place, steps, (quantiles, values), row);
                continue;
            }
            if let Some(values) = &values {
                let value = values.value(row);
                if table == Table::Gauge || !place.is_monotonic {
                    all.value(&place, steps, value);
                    continue;
                }
                let last = before.filter(|b| b.0 == place.series).map(|b| (b.1, b.2));
                let since =
                    if place.is_delta { Added::Since(value) } else { added(last, (place.moment, value), steps.from) };
                before = Some((place.series, place.moment, value));
                all.n_resets += u64::from(matches!(since, Added::Anew(_)));
                if let Some(since) = since.value() {
                    all.value(&place, steps, since);
                }
                continue;
            }
            let Some((now, sum)) = found.next() else { break };
            if let Distribution::Exponential(e) = &now {
                all.scale = Some(all.scale.map_or(e.scale, |s| s.min(e.scale)));
            }
            let last = earlier.as_ref().filter(|e| e.0 == place.series);
            let since = if place.is_delta {
                Added::Since(now.clone())
            } else {
                added_distribution(last.map(|e| (e.1, &e.2)), (place.moment, &now), steps.from)
            };
            let is_since = matches!(since, Added::Since(_)) && !place.is_delta;
            let sum_before = last.filter(|_| is_since).map_or(0.0, |e| e.3);
            all.n_resets += u64::from(matches!(since, Added::Anew(_)));
            if let Some(since) = since.value() {
                all.distribution(&place, steps, since, sum - sum_before);
            }
            earlier = Some((place.series, place.moment, now, sum));
        }
    }
    Some(all)
}

/// A summary's quantiles are groups of their own: they can't be added up.
fn summary(all: &mut Cells, place: &Place<'_>, steps: Steps, (quantiles, values): (&ArrayRef, &ArrayRef), row: usize) {
    let (Some(quantiles), Some(values)) = (quantiles.as_list_opt::<i32>(), values.as_list_opt::<i32>()) else { return };
    for (quantile, value) in items(quantiles, row).into_iter().zip(items(values, row)) {
        let name = if place.group.is_empty() {
            format!("p{}", quantile * 100.0)
        } else {
            format!("{} p{}", place.group, quantile * 100.0)
        };
        all.value(&Place { group: &name, ..*place }, steps, value);
    }
}

/// What suits the kind, where nothing else is wanted.
fn figure_of(wanted: &str, table: Table, is_monotonic: bool) -> String {
    let fits = figures(table, is_monotonic);
    let usual =
        if matches!(table, Table::Histogram | Table::ExpHistogram) { "p99" } else { fits.first().unwrap_or(&"avg") };
    fits.iter().find(|f| **f == wanted).map_or(usual, |f| *f).to_owned()
}

/// The figures that a kind has.
fn figures(table: Table, is_monotonic: bool) -> &'static [&'static str] {
    match table {
        Table::Histogram | Table::ExpHistogram => &["p50", "p90", "p95", "p99", "p99.9", "avg", "rate", "count"],
        Table::Sum if is_monotonic => &["rate", "increase"],
        Table::Sum => &["sum", "avg", "min", "max"],
        Table::Summary => &[],
        _ => &["avg", "min", "max", "sum"],
    }
}

/// The figure of a cell, and the bounds that it is sure of.
fn figure(cell: &Cell, name: &str, seconds: f64) -> Option<(f64, f64, f64)> {
    let exact = |v: f64| Some((v, v, v));
    if let Some(d) = &cell.distribution {
        let n = d.count();
        return match name {
            "rate" => exact(n / seconds),
            "count" => exact(n),
            "avg" => (n > 0.0).then(|| cell.sum / n).and_then(exact),
            quantile => {
                let share = quantile.strip_prefix('p')?.parse::<f64>().ok()? / 100.0;
                d.quantile(share).map(|q| (q.value, q.low, q.high))
            }
        };
    }
    match name {
        "rate" => exact(cell.sum / seconds),
        "increase" => exact(cell.sum),
        "min" => exact(cell.min),
        "max" => exact(cell.max),
        "sum" => exact(cell.last.values().sum()),
        _ => exact(cell.sum / cell.n.max(1.0)),
    }
}

impl Workbench {
    pub(crate) fn metric_names(&self, at: At<'_>, search: &SearchAsk) -> Result<Answer, AskError> {
        let (query, range, _) = search_of(search)?;
        self.rows_at(
            at,
            || (duckdb::metric_names(&query, range), Prune::within(range)),
            |tables| clickhouse::metric_names(tables, &query, range),
        )
    }

    pub(crate) fn metric(&self, at: At<'_>, ask: &MetricAsk) -> Result<Answer, AskError> {
        let (query, range, (from, to)) = search_of(&ask.search)?;
        let table = table_of(&ask.kind).ok_or_else(|| {
            AskError::new(Code::BadQuery, format!("there is no kind of metric called '{}'", ask.kind))
        })?;
        let of = (table, ask.name.as_str());
        let by = ask.by.as_deref().filter(|by| !by.is_empty());
        let found = self.rows_at(
            at,
            || (duckdb::metric_points(of, by, &query, range, MAX_POINTS), Prune::within(range)),
            |tables| clickhouse::metric_points(tables, of, by, &query, range, MAX_POINTS),
        )?;
        if found.n_rows() == 0 {
            return Err(not_found(format!("{} has no points in this period", ask.name)));
        }
        let mut length = ((to - from) / i64::from(ask.n_steps.max(1))).max(1_000_000);
        // No step is shorter than the time between points, or there would be gaps where there are none.
        length = length.max(interval(&found.batches));
        let steps = Steps { from, length };
        let unreadable = || AskError::new(Code::Internal, "the points can't be read");
        let cells = cells(&found.batches, table, steps).ok_or_else(unreadable)?;
        let name = figure_of(&ask.figure, table, cells.is_monotonic);
        let is_cut = found.n_rows() >= MAX_POINTS;
        let mut answered = found;
        let (rows, groups, n_groups) = rows(&cells, &name, length)?;
        let keys = || -> Result<Vec<String>, AskError> {
            let found = self.rows_at(
                at,
                || (duckdb::metric_keys(of, &query, range), Prune::within(range)),
                |tables| clickhouse::metric_keys(tables, of, &query, range),
            )?;
            let column = |b: &RecordBatch| {
                b.column(0).as_string_opt::<i32>().map(|c| c.iter().flatten().map(str::to_owned).collect::<Vec<_>>())
            };
            Ok(found.batches.iter().filter_map(column).flatten().collect())
        };
        let exemplars = if table == Table::Summary { Vec::new() } else { self.exemplars(at, of, &query, range)? };
        answered.object = Some(json!({
            "figure": name, "step": length, "points": cells.n_points, "resets": cells.n_resets,
            "refused": cells.n_refused, "is_delta": cells.is_delta, "is_monotonic": cells.is_monotonic,
            "scale": cells.scale, "groups": groups, "n_groups": n_groups,
            "figures": figures(table, cells.is_monotonic), "keys": keys()?,
            "exemplars": exemplars, "heat": heat(&cells, steps, (from, to)),
        }));
        if is_cut || n_groups > MAX_GROUPS {
            answered.completeness = answered.completeness.and(Completeness::Limited { total: None });
        }
        answered.schema = rows.schema();
        answered.batches = vec![rows];
        Ok(answered)
    }

    fn exemplars(
        &self,
        at: At<'_>,
        of: (Table, &str),
        query: &Query,
        range: TimeRange,
    ) -> Result<Vec<Value>, AskError> {
        let found = self.rows_at(
            at,
            || (duckdb::metric_exemplars(of, query, range, MAX_EXEMPLARS), Prune::within(range)),
            |tables| clickhouse::metric_exemplars(tables, of, query, range, MAX_EXEMPLARS),
        )?;
        let mut all = Vec::new();
        for batch in &found.batches {
            let text = |i: usize| batch.column(i).as_string::<i32>();
            let (time, value) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Float64Type>());
            for row in 0..batch.num_rows() {
                let (trace, span, service) = (text(2).value(row), text(3).value(row), text(4).value(row));
                all.push(json!([time.value(row), value.value(row), trace, span, service]));
            }
        }
        Ok(all)
    }
}

/// A row: the place of its group, its time, and its figure with the bounds that it is sure of.
struct Listed<'c> {
    rank: usize,
    at: i64,
    group: &'c str,
    figure: (f64, f64, f64),
}

/// Rows of all groups, and what each comes to over the whole period.
fn rows(cells: &Cells, name: &str, length: i64) -> Result<(RecordBatch, Vec<Value>, usize), AskError> {
    let seconds = length as f64 / 1e9;
    let mut groups: BTreeMap<&str, (Vec<f64>, Option<Distribution>)> = BTreeMap::new();
    for ((group, _), cell) in &cells.all {
        let (values, whole) = groups.entry(group).or_default();
        values.extend(figure(cell, name, seconds).map(|f| f.0));
        if let Some(d) = &cell.distribution {
            *whole = match whole.take() {
                None => Some(d.clone()),
                Some(before) => before.plus(d).or(Some(before)),
            };
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut order: Vec<(&str, f64)> = groups.iter().map(|(group, (values, _))| (*group, mean(values))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let n_groups = order.len();
    order.truncate(MAX_GROUPS);
    let said = |(group, mean): &(&str, f64)| {
        let (values, whole) = &groups[group];
        let edge = |f: fn(f64, f64) -> f64, first: f64| values.iter().copied().fold(first, f);
        let quantiles: Option<Vec<Value>> = whole.as_ref().map(|d| {
            SAID.iter().map(|s| d.quantile(*s).map_or(Value::Null, |q| json!([q.value, q.low, q.high]))).collect()
        });
        json!({
            "group": group, "mean": mean, "min": edge(f64::min, f64::INFINITY), "max": edge(f64::max, f64::NEG_INFINITY),
            "last": values.last(), "count": whole.as_ref().map(Distribution::count), "quantiles": quantiles,
        })
    };
    let kept: BTreeMap<&str, usize> = order.iter().enumerate().map(|(i, (group, _))| (*group, i)).collect();
    let mut list: Vec<Listed<'_>> = cells
        .all
        .iter()
        .filter_map(|((group, at), cell)| {
            let (rank, figure) = (*kept.get(group.as_str())?, figure(cell, name, seconds)?);
            Some(Listed { rank, at: *at, group, figure })
        })
        .collect();
    list.sort_by_key(|row| (row.rank, row.at));
    let float = |f: fn(&(f64, f64, f64)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(list.iter().map(|row| f(&row.figure))))
    };
    let batch = RecordBatch::try_from_iter([
        ("time", Arc::new(Int64Array::from_iter_values(list.iter().map(|row| row.at))) as ArrayRef),
        ("group", Arc::new(StringArray::from_iter_values(list.iter().map(|row| row.group)))),
        ("value", float(|f| f.0)),
        ("low", float(|f| f.1)),
        ("high", float(|f| f.2)),
    ]);
    let batch = batch.map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
    Ok((batch, order.iter().map(said).collect(), n_groups))
}

/// How many values were in which bucket when, all groups together: `[[time, [[low, high, n], …]], …]`.
fn heat(cells: &Cells, steps: Steps, (from, to): (i64, i64)) -> Value {
    let length = steps.length.max((to - from) / HEAT.0);
    let mut columns: BTreeMap<i64, Distribution> = BTreeMap::new();
    for ((_, at), cell) in &cells.all {
        let Some(d) = &cell.distribution else { continue };
        let column = columns.entry(from + (at - from) / length * length);
        match column {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(d.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut taken) => {
                if let Some(joined) = taken.get().plus(d) {
                    taken.insert(joined);
                }
            }
        }
    }
    // One scale for all columns, so that their buckets are the same.
    let whole = columns.values().fold(None, |sum: Option<Distribution>, d| match sum {
        None => Some(d.clone()),
        Some(sum) => sum.plus(d).or(Some(sum)),
    });
    let scale = match whole.map(|d| d.coarsened(HEAT.1)) {
        Some(Distribution::Exponential(e)) => Some(e.scale),
        _ => None,
    };
    let bucket = |b: sextant_analysis::Bucket| {
        let open = |v: f64| if v.is_finite() { json!(v) } else { Value::Null };
        json!([open(b.low), open(b.high), b.n])
    };
    let column = |(at, d): (&i64, &Distribution)| {
        let d = match scale {
            Some(scale) => d.at_scale(scale),
            None => d.clone(),
        };
        let buckets: Vec<Value> = d.buckets().into_iter().filter(|b| b.n > 0.0).map(bucket).collect();
        json!([at, buckets])
    };
    json!({ "length": length, "columns": columns.iter().map(column).collect::<Vec<_>>() })
}
