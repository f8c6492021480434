//! `Metric` messages into rows, one a data point.

use super::Decoder;
use super::fault::Fault;
use super::traces::{MAX_TIME, cut};
use crate::DecodeError;
use crate::build::{
    ExemplarCells, ExpHistogramCells, HistogramCells, Kind, MapColumn, MetricCells, NumberValue, PointCells,
};
use crate::wire::{Reader, Value};
use sextant_model::Signal;

/// Flag bit 0 of a point: there is no value, on purpose.
const NO_RECORDED_VALUE: u32 = 1;

/// The fields of a point, whatever its kind.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    cells: PointCells,
    value: Option<NumberValue>,
    histogram: HistogramCells,
    exponential: ExpHistogramCells,
}

impl<'a> Decoder<'a> {
    pub(super) fn metric(&mut self, r: Reader<'a>) -> Result<(), DecodeError> {
        let mut metric = MetricCells::default();
        let mut data = None;
        let mut fields = r;
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => metric.name = b,
                (2, Value::Bytes(b)) => metric.description = b,
                (3, Value::Bytes(b)) => metric.unit = b,
                (5, Value::Bytes(b)) => data = Some((Kind::Gauge, b)),
                (7, Value::Bytes(b)) => data = Some((Kind::Sum, b)),
                (9, Value::Bytes(b)) => data = Some((Kind::Histogram, b)),
                (10, Value::Bytes(b)) => data = Some((Kind::ExpHistogram, b)),
                (11, Value::Bytes(b)) => data = Some((Kind::Summary, b)),
                (12, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                _ => {}
            }
        }
        match self.entries.write(&mut metric.metadata) {
            Ok(odd) => self.mark(Signal::Metrics, odd),
            Err(Fault::Message(e)) => return Err(e),
            Err(Fault::Record(reason)) => {
                metric.metadata = MapColumn::default();
                metric.metadata.end_row();
                self.rows.mark(Signal::Metrics, reason);
            }
        }
        if let Some((kind, b)) = data {
            self.points(kind, r.inside(b), &mut metric)
        } else {
            self.rows.mark(Signal::Metrics, "metric_without_points");
            Ok(())
        }
    }

    fn points(&mut self, kind: Kind, r: Reader<'a>, metric: &mut MetricCells<'a>) -> Result<(), DecodeError> {
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (2, Value::Varint(v)) => metric.temporality = v as i32,
                (3, Value::Varint(v)) => metric.is_monotonic = v != 0,
                _ => {}
            }
        }
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            if let (1, Value::Bytes(b)) = (number, value) {
                self.point(kind, r.inside(b), metric)?;
            }
        }
        Ok(())
    }

    fn point(&mut self, kind: Kind, r: Reader<'a>, metric: &MetricCells<'a>) -> Result<(), DecodeError> {
        self.rows.received(Signal::Metrics);
        match self.point_fields(kind, r, metric) {
            Ok(()) => Ok(()),
            Err(Fault::Message(e)) => Err(e),
            Err(Fault::Record(reason)) => {
                self.rows.metrics.of(kind).rollback();
                self.rows.reject(Signal::Metrics, reason, || {
                    format!("point of metric '{}'", String::from_utf8_lossy(cut(metric.name)))
                });
                Ok(())
            }
        }
    }

    fn point_fields(&mut self, kind: Kind, r: Reader<'a>, metric: &MetricCells<'a>) -> Result<(), Fault> {
        self.entries.clear();
        let point = match kind {
            Kind::Gauge | Kind::Sum => self.number_point(r)?,
            Kind::Histogram => self.histogram_point(r)?,
            Kind::ExpHistogram => self.exponential_point(r)?,
            Kind::Summary => self.summary_point(r)?,
        };
        check(kind, metric, &point)?;
        if !self.rows.has_room(&self.envelope) {
            return Err(Fault::Record("request_too_large_in_memory"));
        }
        let odd = self.entries.write(&mut self.rows.metrics.of(kind).attributes)?;
        self.mark(Signal::Metrics, odd);
        self.exemplars(kind, r)?;
        let rows = self.rows.metrics.of(kind);
        match kind {
            Kind::Gauge | Kind::Sum => rows.number(point.value.unwrap_or(NumberValue::Double(f64::NAN))),
            Kind::ExpHistogram => {
                rows.histogram(&point.histogram);
                rows.exponential(&point.exponential);
            }
            Kind::Histogram | Kind::Summary => rows.histogram(&point.histogram),
        }
        rows.push(&self.envelope, metric, point.cells);
        Ok(())
    }

    fn number_point(&mut self, r: Reader<'a>) -> Result<Point, Fault> {
        let mut point = Point::default();
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (4, Value::Fixed64(v)) => point.value = Some(NumberValue::Double(f64::from_bits(v))),
                (6, Value::Fixed64(v)) => point.value = Some(NumberValue::Int(v as i64)),
                (7, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (8, Value::Varint(v)) => point.cells.flags = v as u32,
                (number, value) => self.times(number, value, &mut point)?,
            }
        }
        Ok(point)
    }

    fn times(&self, number: u32, value: Value<'_>, point: &mut Point) -> Result<(), Fault> {
        match (number, value) {
            (2, Value::Fixed64(v)) => point.cells.start = v,
            (3, Value::Fixed64(v)) => point.cells.time = v,
            (number, value) => self.rejected(number, value)?,
        }
        Ok(())
    }

    fn histogram_point(&mut self, r: Reader<'a>) -> Result<Point, Fault> {
        let mut point = Point::default();
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            let rows = self.rows.metrics.of(Kind::Histogram);
            match (number, value) {
                (4, Value::Fixed64(v)) => point.histogram.count = v,
                (5, v) => point.histogram.sum = v.double(),
                (6, v) => fixed(r, v, &mut rows.counts.items, |v| v)?,
                (7, v) => fixed(r, v, &mut rows.bounds.items, f64::from_bits)?,
                (9, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (10, Value::Varint(v)) => point.cells.flags = v as u32,
                (11, v) => point.histogram.min = v.double(),
                (12, v) => point.histogram.max = v.double(),
                (number, value) => self.times(number, value, &mut point)?,
            }
        }
        let rows = self.rows.metrics.of(Kind::Histogram);
        let (counts, bounds) = (rows.counts.last(), rows.bounds.last());
        let is_empty = counts.is_empty() && bounds.is_empty();
        if !is_empty && counts.len() != bounds.len() + 1 {
            return Err(Fault::Record("bucket_counts_do_not_fit_bounds"));
        }
        if !rising(bounds) {
            return Err(Fault::Record("bucket_bounds_not_rising"));
        }
        let total = counts.iter().fold(0u64, |all, n| all.saturating_add(*n));
        if !is_empty && total != point.histogram.count {
            self.rows.mark(Signal::Metrics, "bucket_counts_do_not_add_up");
        }
        Ok(point)
    }

    fn exponential_point(&mut self, r: Reader<'a>) -> Result<Point, Fault> {
        let mut point = Point::default();
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            let rows = self.rows.metrics.of(Kind::ExpHistogram);
            match (number, value) {
                (1, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (4, Value::Fixed64(v)) => point.histogram.count = v,
                (5, v) => point.histogram.sum = v.double(),
                (6, Value::Varint(v)) => point.exponential.scale = zigzag(v),
                (7, Value::Fixed64(v)) => point.exponential.zero_count = v,
                (8, Value::Bytes(b)) => {
                    point.exponential.positive.offset = buckets(r.inside(b), &mut rows.counts.items)?;
                }
                (9, Value::Bytes(b)) => {
                    point.exponential.negative.offset = buckets(r.inside(b), &mut rows.negative_counts.items)?;
                }
                (10, Value::Varint(v)) => point.cells.flags = v as u32,
                (12, v) => point.histogram.min = v.double(),
                (13, v) => point.histogram.max = v.double(),
                (14, Value::Fixed64(v)) => point.exponential.zero_threshold = f64::from_bits(v),
                (number, value) => self.times(number, value, &mut point)?,
            }
        }
        let rows = self.rows.metrics.of(Kind::ExpHistogram);
        for (offset, counts) in [
            (point.exponential.positive.offset, rows.counts.last()),
            (point.exponential.negative.offset, rows.negative_counts.last()),
        ] {
            if !fits_double(point.exponential.scale, offset, counts) {
                return Err(Fault::Record("exponential_buckets_beyond_float64"));
            }
        }
        Ok(point)
    }

    fn summary_point(&mut self, r: Reader<'a>) -> Result<Point, Fault> {
        let mut point = Point::default();
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (4, Value::Fixed64(v)) => point.histogram.count = v,
                (5, v) => point.histogram.sum = v.double(),
                (6, Value::Bytes(b)) => {
                    let (mut quantile, mut at) = (0.0, 0.0);
                    let mut inner = r.inside(b);
                    while let Some((number, value)) = inner.field()? {
                        match number {
                            1 => quantile = value.double().unwrap_or_default(),
                            2 => at = value.double().unwrap_or_default(),
                            _ => {}
                        }
                    }
                    let rows = self.rows.metrics.of(Kind::Summary);
                    rows.bounds.items.push(quantile);
                    rows.quantile_values.items.push(at);
                }
                (7, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (8, Value::Varint(v)) => point.cells.flags = v as u32,
                (number, value) => self.times(number, value, &mut point)?,
            }
        }
        let quantiles = self.rows.metrics.of(Kind::Summary).bounds.last();
        if !rising(quantiles) || quantiles.iter().any(|q| !(0.0..=1.0).contains(q)) {
            return Err(Fault::Record("quantiles_not_rising_in_0_to_1"));
        }
        Ok(point)
    }

    fn exemplars(&mut self, kind: Kind, r: Reader<'a>) -> Result<(), Fault> {
        let field = match kind {
            Kind::Gauge | Kind::Sum => 5,
            Kind::Histogram => 8,
            Kind::ExpHistogram => 11,
            Kind::Summary => return Ok(()),
        };
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            if let Some(b) = value.bytes().filter(|_| number == field) {
                self.exemplar(kind, r.inside(b))?;
            }
        }
        Ok(())
    }

    fn exemplar(&mut self, kind: Kind, r: Reader<'a>) -> Result<(), Fault> {
        let mut cells = ExemplarCells { time: 0, value: NumberValue::Double(0.0), span_id: &[], trace_id: &[] };
        let mut fields = r;
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (2, Value::Fixed64(v)) => cells.time = v,
                (3, Value::Fixed64(v)) => cells.value = NumberValue::Double(f64::from_bits(v)),
                (4, Value::Bytes(b)) => cells.span_id = b,
                (5, Value::Bytes(b)) => cells.trace_id = b,
                (6, Value::Fixed64(v)) => cells.value = NumberValue::Int(v as i64),
                (7, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (number, value) => self.rejected(number, value)?,
            }
        }
        if cells.time > MAX_TIME {
            return Err(Fault::Record("time_out_of_range"));
        }
        let odd = self.entries.write(self.rows.metrics.of(kind).exemplar_attributes())?;
        self.mark(Signal::Metrics, odd);
        self.rows.metrics.of(kind).exemplar(&cells);
        Ok(())
    }
}

fn check(kind: Kind, metric: &MetricCells<'_>, point: &Point) -> Result<(), Fault> {
    if point.cells.time == 0 {
        return Err(Fault::Record("point_without_time"));
    }
    if point.cells.time > MAX_TIME || point.cells.start > MAX_TIME {
        return Err(Fault::Record("time_out_of_range"));
    }
    let has_flag = point.cells.flags & NO_RECORDED_VALUE != 0;
    if matches!(kind, Kind::Gauge | Kind::Sum) && point.value.is_none() && !has_flag {
        return Err(Fault::Record("point_without_value"));
    }
    let needs_temporality = matches!(kind, Kind::Sum | Kind::Histogram | Kind::ExpHistogram);
    if needs_temporality && metric.temporality == 0 {
        return Err(Fault::Record("temporality_unspecified"));
    }
    Ok(())
}

fn rising(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] < pair[1]) && !values.iter().any(|v| v.is_nan())
}

/// Repeated fixed64, packed or one by one.
fn fixed<T>(r: Reader<'_>, value: Value<'_>, out: &mut Vec<T>, from: impl Fn(u64) -> T) -> Result<(), DecodeError> {
    match value {
        Value::Fixed64(v) => out.push(from(v)),
        Value::Bytes(b) => {
            let mut packed = r.inside(b);
            while !packed.rest().is_empty() {
                out.push(from(packed.u64()?));
            }
        }
        _ => {}
    }
    Ok(())
}

fn zigzag(v: u64) -> i32 {
    let v = v as u32;
    (v >> 1) as i32 ^ -((v & 1) as i32)
}

/// The offset; the counts go to `out`.
fn buckets(mut r: Reader<'_>, out: &mut Vec<u64>) -> Result<i32, DecodeError> {
    let mut offset = 0;
    let whole = r;
    while let Some((number, value)) = r.field()? {
        match (number, value) {
            (1, Value::Varint(v)) => offset = zigzag(v),
            (2, Value::Varint(v)) => out.push(v),
            (2, Value::Bytes(b)) => {
                let mut packed = whole.inside(b);
                while !packed.rest().is_empty() {
                    out.push(packed.varint()?);
                }
            }
            _ => {}
        }
    }
    Ok(offset)
}

/// Whether the bounds of all populated buckets are finite doubles.
fn fits_double(scale: i32, offset: i32, counts: &[u64]) -> bool {
    let (Some(first), Some(last)) = (counts.iter().position(|n| *n > 0), counts.iter().rposition(|n| *n > 0)) else {
        return true;
    };
    // log2 of the lower bound of bucket i is i * 2^-scale.
    let log2 = |i: f64| i * (-f64::from(scale)).exp2();
    let low = log2(f64::from(offset) + first as f64);
    let high = log2(f64::from(offset) + last as f64);
    low >= -1_075.0 && high < 1_024.0
}
