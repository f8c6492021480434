//! Data points, those of a metric together.

use super::{Attributes, Envelope, Lists, Rows, Tree, comma, count, number, optional, push, push_double, time};
use crate::otlp::attributes::push_json_string;
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, UInt64Type};
use sextant_model::Table;

/// Flag bit 0 of a point: there is no value, on purpose.
const NO_RECORDED_VALUE: u32 = 1;

struct Points<'a> {
    table: Table,
    rows: Rows<'a>,
    metadata: Attributes<'a>,
    attributes: Attributes<'a>,
    /// Summaries have none.
    exemplars: Option<Lists<'a>>,
}

pub(super) fn write(table: Table, batch: &RecordBatch, tree: &mut Tree) {
    let Some(points) = Points::of(table, batch) else { return };
    let (mut head, mut metric) = (Envelope::default(), Vec::new());
    for row in 0..batch.num_rows() {
        points.rows.envelope(row, &mut head);
        points.metric(row, &mut metric);
        points.point(row, tree.record(&head, (&metric, b"]}}")));
    }
}

impl<'a> Points<'a> {
    fn of(table: Table, batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            table,
            rows: Rows::of(batch)?,
            metadata: Attributes::in_batch(batch, "MetricMetadata")?,
            attributes: Attributes::in_batch(batch, "Attributes")?,
            exemplars: Lists::of(batch, "Exemplars", "FilteredAttributes"),
        })
    }

    /// Everything of the metric but its points; what it ends with is the same for all.
    fn metric(&self, row: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"{\"name\":");
        push_json_string(self.rows.text("MetricName", row).as_bytes(), out);
        optional("description", self.rows.text("MetricDescription", row), out);
        optional("unit", self.rows.text("MetricUnit", row), out);
        self.metadata.write(row, "metadata", out);
        let kind = match self.table {
            Table::Sum => "sum",
            Table::Histogram => "histogram",
            Table::ExpHistogram => "exponentialHistogram",
            Table::Summary => "summary",
            _ => "gauge",
        };
        push(out, format_args!(",\"{kind}\":{{"));
        if let Some(temporality) = self.rows.get::<Int32Type>("AggregationTemporality", row) {
            push(out, format_args!("\"aggregationTemporality\":{temporality},"));
        }
        let is_monotonic: Option<&BooleanArray> =
            self.rows.batch.column_by_name("IsMonotonic").and_then(|c| c.as_boolean_opt());
        if let Some(is_monotonic) = is_monotonic {
            push(out, format_args!("\"isMonotonic\":{},", is_monotonic.value(row)));
        }
        out.extend_from_slice(b"\"dataPoints\":[");
    }

    fn point(&self, row: usize, out: &mut Vec<u8>) {
        let rows = &self.rows;
        push(out, format_args!("{{\"timeUnixNano\":\"{}\"", rows.time("TimeUnix", row)));
        time("startTimeUnixNano", rows.time("StartTimeUnix", row), out);
        self.attributes.write(row, "attributes", out);
        count("flags", rows.number("Flags", row), out);
        match self.table {
            Table::Histogram => self.histogram(row, out),
            Table::ExpHistogram => self.exponential(row, out),
            Table::Summary => self.summary(row, out),
            _ => {
                let (whole, value) = (rows.get::<Int64Type>("ValueInt", row), rows.get::<Float64Type>("Value", row));
                let is_left_out = rows.number("Flags", row) & NO_RECORDED_VALUE != 0 && value.is_none_or(f64::is_nan);
                if !is_left_out {
                    either(whole, value, out);
                }
            }
        }
        self.exemplars(row, out);
        out.push(b'}');
    }

    fn distribution(&self, row: usize, out: &mut Vec<u8>) {
        push(out, format_args!(",\"count\":\"{}\"", self.rows.get::<UInt64Type>("Count", row).unwrap_or(0)));
        for (name, column) in [("sum", "Sum"), ("min", "Min"), ("max", "Max")] {
            if let Some(value) = self.rows.get::<Float64Type>(column, row) {
                push(out, format_args!(",\"{name}\":"));
                push_double(value, out);
            }
        }
    }

    fn histogram(&self, row: usize, out: &mut Vec<u8>) {
        self.distribution(row, out);
        counts("bucketCounts", &self.rows.list::<UInt64Type>("BucketCounts", row), out);
        let bounds = self.rows.list::<Float64Type>("ExplicitBounds", row);
        if !bounds.is_empty() {
            out.extend_from_slice(b",\"explicitBounds\":[");
            for (i, bound) in bounds.into_iter().enumerate() {
                comma(i > 0, out);
                push_double(bound, out);
            }
            out.push(b']');
        }
    }

    fn exponential(&self, row: usize, out: &mut Vec<u8>) {
        self.distribution(row, out);
        let rows = &self.rows;
        number("scale", i64::from(rows.get::<Int32Type>("Scale", row).unwrap_or(0)), out);
        push(out, format_args!(",\"zeroCount\":\"{}\"", rows.get::<UInt64Type>("ZeroCount", row).unwrap_or(0)));
        out.extend_from_slice(b",\"zeroThreshold\":");
        push_double(rows.get::<Float64Type>("ZeroThreshold", row).unwrap_or(0.0), out);
        for (name, side) in [("positive", "Positive"), ("negative", "Negative")] {
            let offset = rows.get::<Int32Type>(&format!("{side}Offset"), row).unwrap_or(0);
            push(out, format_args!(",\"{name}\":{{\"offset\":{offset}"));
            counts("bucketCounts", &rows.list::<UInt64Type>(&format!("{side}BucketCounts"), row), out);
            out.push(b'}');
        }
    }

    fn summary(&self, row: usize, out: &mut Vec<u8>) {
        self.distribution(row, out);
        let Some(lists) = self.rows.batch.column_by_name("ValueAtQuantiles").and_then(|c| c.as_struct_opt()) else {
            return;
        };
        let list = |name: &str| -> Vec<f64> {
            let items = lists.column_by_name(name).and_then(|c| c.as_list_opt::<i32>()).map(|l| l.value(row));
            items.and_then(|i| Some(i.as_primitive_opt::<Float64Type>()?.values().to_vec())).unwrap_or_default()
        };
        out.extend_from_slice(b",\"quantileValues\":[");
        for (i, (quantile, value)) in list("Quantile").into_iter().zip(list("Value")).enumerate() {
            comma(i > 0, out);
            out.extend_from_slice(b"{\"quantile\":");
            push_double(quantile, out);
            out.extend_from_slice(b",\"value\":");
            push_double(value, out);
            out.push(b'}');
        }
        out.push(b']');
    }

    fn exemplars(&self, row: usize, out: &mut Vec<u8>) {
        let Some(exemplars) = &self.exemplars else { return };
        let Some(items) = exemplars.rows(row).filter(|r| !r.is_empty()) else { return };
        out.extend_from_slice(b",\"exemplars\":[");
        for i in items.clone() {
            comma(i > items.start, out);
            push(out, format_args!("{{\"timeUnixNano\":\"{}\"", exemplars.time("TimeUnix", i)));
            either(exemplars.get::<Int64Type>("ValueInt", i), exemplars.get::<Float64Type>("Value", i), out);
            optional("spanId", exemplars.text("SpanId", i), out);
            optional("traceId", exemplars.text("TraceId", i), out);
            exemplars.attributes.write(i, "filteredAttributes", out);
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// The whole number, or else the other.
fn either(whole: Option<i64>, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(whole) = whole {
        push(out, format_args!(",\"asInt\":\"{whole}\""));
    } else if let Some(value) = value {
        out.extend_from_slice(b",\"asDouble\":");
        push_double(value, out);
    }
}

fn counts(name: &str, counts: &[u64], out: &mut Vec<u8>) {
    if counts.is_empty() {
        return;
    }
    push(out, format_args!(",\"{name}\":["));
    for (i, n) in counts.iter().enumerate() {
        comma(i > 0, out);
        push(out, format_args!("\"{n}\""));
    }
    out.push(b']');
}
