//! Random messages that are legal OTLP.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::RngExt as _;
use rand::rngs::StdRng;

const TEXTS: [&str; 9] =
    ["", "a", "service.name", "http.route", "ünï 漢字", "with \"quotes\"", "line\nbreak", "\u{1}ctl", "🙂"];

fn text(rng: &mut StdRng) -> String {
    TEXTS[rng.random_range(0..TEXTS.len())].to_owned()
}

fn bytes(rng: &mut StdRng, n: usize) -> Vec<u8> {
    (0..n).map(|_| rng.random_range(1..=255)).collect()
}

fn value(rng: &mut StdRng, depth: usize) -> AnyValue {
    let kind = rng.random_range(0..if depth < 3 { 8 } else { 6 });
    let value = match kind {
        0 => None,
        1 => Some(Value::StringValue(text(rng))),
        2 => Some(Value::BoolValue(rng.random())),
        3 => Some(Value::IntValue(rng.random())),
        4 => Some(Value::DoubleValue(
            [0.0, -0.0, 1.0, 1.5e300, 1e-9, f64::INFINITY, f64::NAN, 0.1][rng.random_range(0..8)],
        )),
        5 => Some(Value::BytesValue(bytes(rng, 5))),
        6 => {
            let values = (0..rng.random_range(0..3)).map(|_| value(rng, depth + 1)).collect();
            Some(Value::ArrayValue(ArrayValue { values }))
        }
        _ => Some(Value::KvlistValue(KeyValueList { values: attributes(rng, depth + 1) })),
    };
    AnyValue { value }
}

fn attributes(rng: &mut StdRng, depth: usize) -> Vec<KeyValue> {
    let n = if rng.random_bool(0.02) { 60 } else { rng.random_range(0..6) };
    (0..n)
        .map(|i| {
            let key = if rng.random_bool(0.8) { format!("{}{i}", text(rng)) } else { text(rng) };
            let value = if rng.random_bool(0.95) { Some(value(rng, depth)) } else { None };
            KeyValue { key, value, ..KeyValue::default() }
        })
        .collect()
}

fn resource(rng: &mut StdRng) -> Option<Resource> {
    let attributes = attributes(rng, 0);
    rng.random_bool(0.9).then_some(Resource { attributes, dropped_attributes_count: 3, ..Resource::default() })
}

fn scope(rng: &mut StdRng) -> Option<InstrumentationScope> {
    let (name, version, attributes) = (text(rng), text(rng), attributes(rng, 0));
    rng.random_bool(0.8).then_some(InstrumentationScope { name, version, attributes, dropped_attributes_count: 1 })
}

fn many<T>(rng: &mut StdRng, max: usize, mut make: impl FnMut(&mut StdRng) -> T) -> Vec<T> {
    (0..rng.random_range(0..max)).map(|_| make(rng)).collect()
}

fn time(rng: &mut StdRng) -> u64 {
    [0, 1, 1_763_560_800_000_000_000, i64::MAX as u64 - 1, 946_684_800_000_000_000][rng.random_range(0..5)]
}

fn span(rng: &mut StdRng) -> Span {
    let parent = if rng.random() { bytes(rng, 8) } else { Vec::new() };
    Span {
        trace_id: bytes(rng, 16),
        span_id: bytes(rng, 8),
        parent_span_id: parent,
        trace_state: text(rng),
        name: text(rng),
        kind: rng.random_range(0..8),
        start_time_unix_nano: time(rng),
        end_time_unix_nano: time(rng),
        attributes: attributes(rng, 0),
        dropped_attributes_count: rng.random_range(0..3),
        events: many(rng, 4, |rng| Event {
            time_unix_nano: time(rng),
            name: text(rng),
            attributes: attributes(rng, 0),
            dropped_attributes_count: 2,
        }),
        dropped_events_count: rng.random_range(0..3),
        links: many(rng, 3, |rng| Link {
            trace_id: bytes(rng, 16),
            span_id: bytes(rng, 8),
            trace_state: text(rng),
            attributes: attributes(rng, 0),
            dropped_attributes_count: 4,
            flags: rng.random(),
        }),
        dropped_links_count: rng.random_range(0..3),
        status: rng.random_bool(0.5).then(|| Status { message: TEXTS[3].into(), code: 2 }),
        flags: rng.random(),
    }
}

pub(crate) fn traces(rng: &mut StdRng) -> ExportTraceServiceRequest {
    let resource_spans = many(rng, 4, |rng| ResourceSpans {
        resource: resource(rng),
        scope_spans: many(rng, 3, |rng| ScopeSpans {
            scope: scope(rng),
            spans: many(rng, 5, span),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportTraceServiceRequest { resource_spans }
}

fn log(rng: &mut StdRng) -> LogRecord {
    LogRecord {
        time_unix_nano: time(rng),
        observed_time_unix_nano: time(rng),
        severity_number: rng.random_range(0..26),
        severity_text: text(rng),
        body: rng.random_bool(0.9).then(|| value(rng, 0)),
        attributes: attributes(rng, 0),
        dropped_attributes_count: 7,
        flags: rng.random(),
        trace_id: if rng.random() { bytes(rng, 16) } else { vec![0; 16] },
        span_id: if rng.random() { bytes(rng, 8) } else { Vec::new() },
        event_name: text(rng),
    }
}

pub(crate) fn logs(rng: &mut StdRng) -> ExportLogsServiceRequest {
    let resource_logs = many(rng, 4, |rng| ResourceLogs {
        resource: resource(rng),
        scope_logs: many(rng, 3, |rng| ScopeLogs {
            scope: scope(rng),
            log_records: many(rng, 5, log),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportLogsServiceRequest { resource_logs }
}

fn number(rng: &mut StdRng) -> NumberDataPoint {
    let value = if rng.random() {
        number_data_point::Value::AsInt(rng.random())
    } else {
        number_data_point::Value::AsDouble(0.5)
    };
    NumberDataPoint {
        attributes: attributes(rng, 0),
        start_time_unix_nano: time(rng),
        time_unix_nano: time(rng).max(1),
        flags: rng.random_range(0..2),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(rng: &mut StdRng) -> HistogramDataPoint {
    let n = rng.random_range(0..4);
    let has_buckets = rng.random_bool(0.8);
    HistogramDataPoint {
        attributes: attributes(rng, 0),
        time_unix_nano: 5,
        count: 9,
        sum: rng.random_bool(0.5).then_some(2.5),
        bucket_counts: if has_buckets { (0..=n).collect() } else { Vec::new() },
        explicit_bounds: if has_buckets { (0..n).map(|b| b as f64).collect() } else { Vec::new() },
        min: rng.random_bool(0.5).then_some(0.5),
        ..HistogramDataPoint::default()
    }
}

fn metric(rng: &mut StdRng) -> Metric {
    let data = match rng.random_range(0..3) {
        0 => Data::Gauge(Gauge { data_points: many(rng, 4, number) }),
        1 => {
            Data::Sum(Sum { data_points: many(rng, 4, number), aggregation_temporality: 2, is_monotonic: rng.random() })
        }
        _ => Data::Histogram(Histogram { data_points: many(rng, 4, histogram), aggregation_temporality: 1 }),
    };
    Metric { name: text(rng), description: text(rng), unit: text(rng), metadata: attributes(rng, 0), data: Some(data) }
}

pub(crate) fn metrics(rng: &mut StdRng) -> ExportMetricsServiceRequest {
    let resource_metrics = many(rng, 3, |rng| ResourceMetrics {
        resource: resource(rng),
        scope_metrics: many(rng, 3, |rng| ScopeMetrics {
            scope: scope(rng),
            metrics: many(rng, 4, metric),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportMetricsServiceRequest { resource_metrics }
}
