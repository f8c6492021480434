//! Lines a second that are put into patterns.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sextant_analysis::Patterns;
use std::hint::black_box;

fn lines(n: u64) -> Vec<String> {
    let line = |i: u64| match i % 7 {
        0 => format!("GET /api/items/{i} {} in {}.{}ms", 200 + i % 3, i % 900, i % 10),
        1 => format!("payment for order ord_{:08x} declined: \"card {} expired\"", i * 7_919, i % 100),
        2 => format!("cache miss for key user:{}:cart", i * 31 % 5_000),
        3 => format!("10.0.{}.{}:8080 - - \"GET / HTTP/1.1\" {}", i % 7, i % 250, 200 + i % 5),
        4 => format!("user {} logged in from {}", ["anna", "bert", "carl"][(i % 3) as usize], i % 60),
        5 => format!("2026-11-21T10:{:02}:{:02}Z job {:x} finished", i / 60 % 60, i % 60, i * 65_537),
        _ => format!("{{\"event\":\"mail queued\",\"order\":\"ord_{i:08x}\",\"attempt\":{}}}", i % 4),
    };
    (0..n).map(line).collect()
}

fn patterns(c: &mut Criterion) {
    let lines = lines(200_000);
    let mut group = c.benchmark_group("patterns");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.sample_size(10);
    group.bench_function("lines", |b| {
        b.iter(|| {
            let mut patterns = Patterns::default();
            lines.iter().map(|line| patterns.add(black_box(line))).max()
        });
    });
    group.finish();
}

criterion_group!(benches, patterns);
criterion_main!(benches);
