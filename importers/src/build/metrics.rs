//! The growing tables of metric points, one a kind.

use super::cells::{Lists, Offsets, Text, numbers, times};
use super::{Envelope, Envelopes, Finished, MapColumn};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray};
use arrow::datatypes::{Field, Fields, Float64Type, Int32Type, UInt32Type, UInt64Type};
use sextant_model::{Table, schema};
use std::rc::Rc;
use std::sync::Arc;

/// What all points of a metric share.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricCells<'a> {
    pub name: &'a [u8],
    pub description: &'a [u8],
    pub unit: &'a [u8],
    /// One row.
    pub metadata: MapColumn,
    pub temporality: i32,
    pub is_monotonic: bool,
}

/// What points of all kinds have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PointCells {
    pub start: u64,
    pub time: u64,
    pub flags: u32,
}

/// The value of a number point or exemplar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NumberValue {
    Double(f64),
    Int(i64),
}

impl NumberValue {
    fn double(self) -> f64 {
        match self {
            Self::Double(v) => v,
            Self::Int(v) => v as f64,
        }
    }
    fn int(self) -> Option<i64> {
        if let Self::Int(v) = self { Some(v) } else { None }
    }
}

/// The value of a histogram or summary point, without its lists.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HistogramCells {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// What an exponential histogram point has beside that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExpHistogramCells {
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: Buckets,
    pub negative: Buckets,
}

/// Where the buckets of one sign begin.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Buckets {
    pub offset: i32,
}

/// The plain fields of one exemplar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExemplarCells<'a> {
    pub time: u64,
    pub value: NumberValue,
    pub span_id: &'a [u8],
    pub trace_id: &'a [u8],
}

#[derive(Debug, Default)]
struct Exemplars {
    rows: Offsets,
    attributes: MapColumn,
    time: Vec<i64>,
    value: Vec<f64>,
    value_int: Vec<Option<i64>>,
    span_id: Text,
    trace_id: Text,
}

/// The kind of a metric; also the index of its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gauge,
    Sum,
    Histogram,
    ExpHistogram,
    Summary,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Gauge, Self::Sum, Self::Histogram, Self::ExpHistogram, Self::Summary];

    fn table(self) -> Table {
        Table::ALL[self as usize + 2]
    }
}

/// Rows of points of one kind; the columns of other kinds stay empty.
#[derive(Debug, Default)]
pub(crate) struct PointRows {
    envelopes: Envelopes,
    name: Text,
    description: Text,
    unit: Text,
    metadata: MapColumn,
    pub attributes: MapColumn,
    start: Vec<i64>,
    time: Vec<i64>,
    flags: Vec<u32>,
    exemplars: Exemplars,
    temporality: Vec<i32>,
    is_monotonic: Vec<bool>,
    value: Vec<f64>,
    value_int: Vec<Option<i64>>,
    count: Vec<u64>,
    sum: Vec<Option<f64>>,
    min: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
    /// Bucket counts; of the positive side for exponential histograms.
    pub counts: Lists<u64>,
    pub negative_counts: Lists<u64>,
    /// Explicit bounds; quantiles of a summary.
    pub bounds: Lists<f64>,
    pub quantile_values: Lists<f64>,
    scale: Vec<i32>,
    zero_count: Vec<u64>,
    zero_threshold: Vec<f64>,
    positive_offset: Vec<i32>,
    negative_offset: Vec<i32>,
}

impl PointRows {
    fn len(&self) -> usize {
        self.time.len()
    }

    pub fn exemplar_attributes(&mut self) -> &mut MapColumn {
        &mut self.exemplars.attributes
    }

    pub fn exemplar(&mut self, exemplar: &ExemplarCells<'_>) {
        self.exemplars.time.push(exemplar.time as i64);
        self.exemplars.value.push(exemplar.value.double());
        self.exemplars.value_int.push(exemplar.value.int());
        self.exemplars.span_id.push_hex(exemplar.span_id);
        self.exemplars.trace_id.push_hex(exemplar.trace_id);
    }

    pub fn push(&mut self, envelope: &Rc<Envelope>, metric: &MetricCells<'_>, point: PointCells) {
        self.envelopes.push(envelope);
        self.name.push(metric.name);
        self.description.push(metric.description);
        self.unit.push(metric.unit);
        self.metadata.extend(&metric.metadata);
        self.start.push(point.start as i64);
        self.time.push(point.time as i64);
        self.flags.push(point.flags);
        self.temporality.push(metric.temporality);
        self.is_monotonic.push(metric.is_monotonic);
        self.exemplars.rows.push(self.exemplars.time.len());
        self.counts.close();
        self.negative_counts.close();
        self.bounds.close();
        self.quantile_values.close();
    }

    pub fn number(&mut self, value: NumberValue) {
        self.value.push(value.double());
        self.value_int.push(value.int());
    }

    pub fn histogram(&mut self, cells: &HistogramCells) {
        self.count.push(cells.count);
        self.sum.push(cells.sum);
        self.min.push(cells.min);
        self.max.push(cells.max);
    }

    pub fn exponential(&mut self, cells: &ExpHistogramCells) {
        self.scale.push(cells.scale);
        self.zero_count.push(cells.zero_count);
        self.zero_threshold.push(cells.zero_threshold);
        self.positive_offset.push(cells.positive.offset);
        self.negative_offset.push(cells.negative.offset);
    }

    /// Drops what was added for a point that is not to be. Value columns are pushed only for good points.
    pub fn rollback(&mut self) {
        let n = self.time.len();
        self.attributes.truncate(n);
        self.counts.truncate(n);
        self.negative_counts.truncate(n);
        self.bounds.truncate(n);
        self.quantile_values.truncate(n);
        let n = self.exemplars.rows.truncate(n);
        self.exemplars.attributes.truncate(n);
        self.exemplars.time.truncate(n);
        self.exemplars.value.truncate(n);
        self.exemplars.value_int.truncate(n);
        self.exemplars.span_id.truncate(n);
        self.exemplars.trace_id.truncate(n);
    }

    fn size_bytes(&self) -> usize {
        self.envelopes.size_bytes()
            + self.name.size_bytes()
            + self.description.size_bytes()
            + self.metadata.size_bytes()
            + self.attributes.size_bytes()
            + self.exemplars.attributes.size_bytes()
            + self.counts.size_bytes()
            + self.bounds.size_bytes()
            + self.len() * 128
    }

    fn finish(self, kind: Kind) -> Finished {
        let mut f = Finished::default();
        self.envelopes.finish(&mut f);
        for text in [self.name, self.description, self.unit] {
            let column = text.finish_text(&mut f);
            f.push(column);
        }
        for map in [self.metadata, self.attributes] {
            for column in map.finish(&mut f) {
                f.push(column);
            }
        }
        f.push(times(self.start));
        f.push(times(self.time));
        f.push(numbers::<UInt32Type>(self.flags));
        let optional = |v: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(v)) };
        match kind {
            Kind::Gauge | Kind::Sum => {
                f.push(numbers::<Float64Type>(self.value));
                f.push(Arc::new(Int64Array::from(self.value_int)) as ArrayRef);
                if kind == Kind::Sum {
                    f.push(numbers::<Int32Type>(self.temporality));
                    f.push(Arc::new(BooleanArray::from(self.is_monotonic)) as ArrayRef);
                }
            }
            Kind::Histogram => {
                f.push(numbers::<UInt64Type>(self.count));
                f.push(optional(self.sum));
                f.push(self.counts.finish::<UInt64Type>());
                f.push(self.bounds.finish::<Float64Type>());
                f.push(optional(self.min));
                f.push(optional(self.max));
                f.push(numbers::<Int32Type>(self.temporality));
            }
            Kind::ExpHistogram => {
                f.push(numbers::<UInt64Type>(self.count));
                f.push(optional(self.sum));
                f.push(numbers::<Int32Type>(self.scale));
                f.push(numbers::<UInt64Type>(self.zero_count));
                f.push(numbers::<Float64Type>(self.zero_threshold));
                f.push(numbers::<Int32Type>(self.positive_offset));
                f.push(self.counts.finish::<UInt64Type>());
                f.push(numbers::<Int32Type>(self.negative_offset));
                f.push(self.negative_counts.finish::<UInt64Type>());
                f.push(optional(self.min));
                f.push(optional(self.max));
                f.push(numbers::<Int32Type>(self.temporality));
            }
            Kind::Summary => {
                f.push(numbers::<UInt64Type>(self.count));
                f.push(numbers::<Float64Type>(self.sum.into_iter().map(|s| s.unwrap_or(0.0)).collect()));
                f.push(quantiles(self.bounds, self.quantile_values));
            }
        }
        if kind != Kind::Summary {
            let exemplars = self.exemplars.finish(&mut f);
            f.push(exemplars);
        }
        f.close(kind.table())
    }
}

fn quantiles(quantiles: Lists<f64>, values: Lists<f64>) -> ArrayRef {
    let columns = vec![quantiles.finish::<Float64Type>(), values.finish::<Float64Type>()];
    let fields: Fields =
        ["Quantile", "Value"].map(|n| Field::new(n, columns[0].data_type().clone(), false)).into_iter().collect();
    Arc::new(arrow::array::StructArray::new(fields, columns, None))
}

impl Exemplars {
    fn finish(self, f: &mut Finished) -> ArrayRef {
        let attributes = self.attributes.finish(f);
        let ids = [self.span_id, self.trace_id].map(|t| t.finish_text(f));
        let mut columns: Vec<ArrayRef> = attributes.into();
        columns.push(times(self.time));
        columns.push(numbers::<Float64Type>(self.value));
        let mut lists: Vec<ArrayRef> = columns.into_iter().map(|c| self.rows.clone().list(c)).collect();
        let ints: ArrayRef = Arc::new(Int64Array::from(self.value_int));
        let item = Arc::new(Field::new("item", ints.data_type().clone(), true));
        lists.push(Arc::new(ListArray::new(item, self.rows.clone().finish(), ints, None)));
        lists.extend(ids.into_iter().map(|c| self.rows.clone().list(c)));
        Arc::new(arrow::array::StructArray::new(Fields::from(schema::exemplar_fields()), lists, None))
    }
}

/// The five tables.
#[derive(Debug, Default)]
pub(crate) struct MetricRows([PointRows; 5]);

impl MetricRows {
    pub fn of(&mut self, kind: Kind) -> &mut PointRows {
        &mut self.0[kind as usize]
    }

    pub fn size_bytes(&self) -> usize {
        self.0.iter().map(PointRows::size_bytes).sum()
    }

    pub fn finish(self) -> impl Iterator<Item = (Table, Finished)> {
        Kind::ALL.into_iter().zip(self.0).map(|(kind, rows)| (kind.table(), rows.finish(kind)))
    }
}
