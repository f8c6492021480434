//! Wire → Arrow against the usual way over prost's objects, on the same message, in one run.

#[path = "oracle/mod.rs"]
mod oracle;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp::{self, JsonOptions};
use sextant_model::{Signal, Table};
use std::hint::black_box;

fn decode(c: &mut Criterion) {
    let requests = Shop::new(&ShopConfig { seed: 1, n_spans: 1_500, end: 1_763_560_800_000_000_000 });
    let request = requests.filter(|r| r.path == "/v1/traces").max_by_key(|r| r.n_spans).expect("spans");
    let batches = otlp::decode(Signal::Traces, &request.body, 0).expect("sound").batches;
    let rows: Vec<_> = batches.into_iter().map(|b| b.rows).collect();
    assert_eq!(rows, [oracle::decode(&request.body)], "both ways give the same batch");
    let json = otlp::to_json(Table::Traces, &rows);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(request.n_spans));
    group.bench_function("prost objects", |b| {
        b.iter(|| ExportTraceServiceRequest::decode(black_box(request.body.as_slice())).expect("sound"));
    });
    group.bench_function("prost objects to Arrow builders", |b| {
        b.iter(|| oracle::decode(black_box(&request.body)));
    });
    group.bench_function("wire to columns", |b| {
        b.iter(|| otlp::decode(Signal::Traces, black_box(&request.body), 0).expect("sound"));
    });
    group.bench_function("JSON to columns", |b| {
        b.iter(|| otlp::decode_json(black_box(&json), 0, &JsonOptions::default()).expect("sound"));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
