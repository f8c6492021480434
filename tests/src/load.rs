//! A load generator: requests are encoded once, and every send patches fresh ids and times into them, so that making
//! them costs next to nothing beside the server on the same cores.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Records of a request.
pub const BATCH: usize = 1_000;
/// Records of a resource.
const A_RESOURCE: usize = 500;
/// Requests that are encoded, to be sent in turn.
const POOL: usize = 8;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// 12 attributes, about 560 bytes.
    Spans,
    /// 8 attributes, about 400 bytes.
    Logs,
    /// Gauge points, about 180 bytes.
    Points,
}

impl Signal {
    /// Where it is sent.
    pub fn path(self) -> &'static str {
        match self {
            Self::Spans => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Points => "/v1/metrics",
        }
    }
}

/// A place in a request that differs each time.
#[derive(Debug, Clone, Copy)]
enum Patch {
    /// Bytes to be mixed with a salt.
    Id(usize, usize),
    /// Nanoseconds, with what is added to now.
    Time(usize, u64),
}

/// A request and its places.
#[derive(Debug, Clone)]
pub struct Template {
    /// The bytes.
    pub bytes: Vec<u8>,
    patches: Vec<Patch>,
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(Value::StringValue(value.into())) }),
        ..KeyValue::default()
    }
}

fn int(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(Value::IntValue(value)) }), ..KeyValue::default() }
}

fn resource(i: usize) -> Resource {
    let name = format!("service-{i:02}");
    let attributes = vec![
        text("service.name", name.clone()),
        text("service.version", "1.14.3"),
        text("service.instance.id", format!("{name}-7d9f8b6c5d-{i:05}")),
        text("deployment.environment.name", "production"),
        text("host.name", format!("node-{:02}.eu-central-1.internal", i % 12)),
        text("k8s.namespace.name", "shop"),
        text("k8s.pod.name", format!("{name}-7d9f8b6c5d-abcde")),
        text("cloud.region", "eu-central-1"),
        text("telemetry.sdk.language", "rust"),
        text("process.runtime.version", "1.95.0"),
    ];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "shop.http".into(), version: "0.9.1".into(), ..InstrumentationScope::default() }
}

const ROUTES: [&str; 6] = [
    "/api/cart",
    "/api/checkout",
    "/api/products/{id}",
    "/api/recommendations",
    "/api/shipping/quote",
    "/api/users/{id}",
];

fn span(random: &mut StdRng, id: &[u8; 16], n: usize) -> Span {
    let route = ROUTES[random.random_range(0..ROUTES.len())];
    let status = if random.random_range(0..50) == 0 { 500 } else { 200 };
    let attributes = vec![
        text("http.request.method", if n.is_multiple_of(3) { "POST" } else { "GET" }),
        text("http.route", route),
        int("http.response.status_code", status),
        text("url.path", format!("{route}?page={}", random.random_range(0..500))),
        text("server.address", "checkout.shop.svc.cluster.local"),
        int("server.port", 8080),
        text("client.address", format!("10.2.{}.{}", random.random_range(0..32), random.random_range(0..255))),
        text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
        text("network.protocol.version", "1.1"),
        text("enduser.id", format!("user-{:07}", random.random_range(0..200_000))),
        int("thread.id", random.random_range(1..64)),
        text("code.function.name", "shop::handler::dispatch"),
    ];
    Span {
        trace_id: id.to_vec(),
        span_id: random.random::<[u8; 8]>().to_vec(),
        parent_span_id: if n.is_multiple_of(20) { Vec::new() } else { id[..8].to_vec() },
        name: format!("GET {route}"),
        kind: 2,
        start_time_unix_nano: 1,
        end_time_unix_nano: 1,
        attributes,
        ..Span::default()
    }
}

fn log(random: &mut StdRng, id: &[u8; 16]) -> LogRecord {
    let attributes = vec![
        text("code.function.name", "shop::handler::dispatch"),
        text("thread.name", format!("worker-{}", random.random_range(0..32))),
        text("http.route", ROUTES[random.random_range(0..ROUTES.len())]),
        text("enduser.id", format!("user-{:07}", random.random_range(0..200_000))),
        int("retry", random.random_range(0..4)),
        text("order.id", format!("{:08x}", random.random::<u32>())),
        text("payment.provider", "acme-pay"),
        int("queue.depth", random.random_range(0..900)),
    ];
    let body = format!(
        "order {:08x} accepted for user-{:07} after {} ms, total {}.{:02} EUR",
        random.random::<u32>(),
        random.random_range(0..200_000),
        random.random_range(1..900),
        random.random_range(1..400),
        random.random_range(0..100)
    );
    LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 1,
        severity_number: [9, 9, 9, 13, 17][random.random_range(0..5)],
        severity_text: "INFO".into(),
        body: Some(AnyValue { value: Some(Value::StringValue(body)) }),
        attributes,
        trace_id: id.to_vec(),
        span_id: random.random::<[u8; 8]>().to_vec(),
        ..LogRecord::default()
    }
}

fn point(random: &mut StdRng, n: usize) -> NumberDataPoint {
    let attributes = vec![
        text("http.route", ROUTES[n % ROUTES.len()]),
        text("host.name", format!("node-{:03}", n / ROUTES.len())),
        int("server.port", 8080),
    ];
    NumberDataPoint {
        attributes,
        start_time_unix_nano: 1,
        time_unix_nano: 1,
        value: Some(number_data_point::Value::AsDouble(random.random::<f64>() * 1_000.0)),
        ..NumberDataPoint::default()
    }
}

fn encoded(signal: Signal, random: &mut StdRng) -> Vec<u8> {
    let n_resources = BATCH / A_RESOURCE;
    let first = random.random_range(0..40);
    let mut id = random.random::<[u8; 16]>();
    let mut next = |random: &mut StdRng, n: usize| {
        if n.is_multiple_of(20) {
            id = random.random();
        }
        id
    };
    match signal {
        Signal::Spans => {
            let part = |r: usize, random: &mut StdRng, next: &mut dyn FnMut(&mut StdRng, usize) -> [u8; 16]| {
                let spans = (0..A_RESOURCE)
                    .map(|n| {
                        let id = next(random, n);
                        span(random, &id, n)
                    })
                    .collect();
                let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
                ResourceSpans { resource: Some(resource(first + r)), scope_spans, ..ResourceSpans::default() }
            };
            let resource_spans = (0..n_resources).map(|r| part(r, random, &mut next)).collect();
            ExportTraceServiceRequest { resource_spans }.encode_to_vec()
        }
        Signal::Logs => {
            let mut resource_logs = Vec::new();
            for r in 0..n_resources {
                let log_records = (0..A_RESOURCE)
                    .map(|n| {
                        let id = next(random, n);
                        log(random, &id)
                    })
                    .collect();
                let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
                resource_logs.push(ResourceLogs {
                    resource: Some(resource(first + r)),
                    scope_logs,
                    ..ResourceLogs::default()
                });
            }
            ExportLogsServiceRequest { resource_logs }.encode_to_vec()
        }
        Signal::Points => {
            let mut resource_metrics = Vec::new();
            for r in 0..n_resources {
                let data_points = (0..A_RESOURCE).map(|n| point(random, n)).collect();
                let data = Some(metric::Data::Gauge(Gauge { data_points }));
                let metrics =
                    vec![Metric { name: "shop.queue.depth".into(), unit: "1".into(), data, ..Metric::default() }];
                let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
                resource_metrics.push(ResourceMetrics {
                    resource: Some(resource(first + r)),
                    scope_metrics,
                    ..ResourceMetrics::default()
                });
            }
            ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
        }
    }
}

/// A field of a message: its number, wire type and content.
fn fields(bytes: &[u8], from: usize, to: usize, mut each: impl FnMut(u32, u8, usize, usize)) {
    let mut at = from;
    let varint = |at: &mut usize| {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = bytes[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    };
    while at < to {
        let tag = varint(&mut at);
        let (number, kind) = ((tag >> 3) as u32, (tag & 7) as u8);
        let length = match kind {
            0 => {
                varint(&mut at);
                0
            }
            1 => 8,
            5 => 4,
            _ => varint(&mut at) as usize,
        };
        each(number, kind, at, at + length);
        at += length;
    }
}

/// Visits the messages at a path of field numbers.
fn descend(bytes: &[u8], (from, to): (usize, usize), path: &[u32], each: &mut dyn FnMut(usize, usize)) {
    let Some((first, rest)) = path.split_first() else { return each(from, to) };
    let mut inner = Vec::new();
    fields(bytes, from, to, |number, kind, from, to| {
        if number == *first && kind == 2 {
            inner.push((from, to));
        }
    });
    for place in inner {
        descend(bytes, place, rest, each);
    }
}

impl Template {
    fn new(signal: Signal, random: &mut StdRng) -> Self {
        let bytes = encoded(signal, random);
        let mut patches = Vec::new();
        let (path, times, ids): (&[u32], &[u32], &[u32]) = match signal {
            Signal::Spans => (&[1, 2, 2], &[7, 8], &[1, 2, 4]),
            Signal::Logs => (&[1, 2, 2], &[1, 11], &[9, 10]),
            Signal::Points => (&[1, 2, 2, 5, 1], &[3], &[]),
        };
        let mut n = 0u64;
        descend(&bytes, (0, bytes.len()), path, &mut |from, to| {
            n += 1;
            fields(&bytes, from, to, |number, kind, from, to| {
                if kind == 1 && times.contains(&number) {
                    // A span takes a while; points of a request have one time.
                    let later = if number == 8 { n * 1_000_003 % 40_000_000 } else { 0 };
                    patches.push(Patch::Time(from, if signal == Signal::Points { 0 } else { n * 1_000 + later }));
                }
                if kind == 2 && ids.contains(&number) && to - from >= 8 {
                    patches.push(Patch::Id(from, to));
                }
            });
        });
        Self { bytes, patches }
    }

    /// Requests of a signal, to be sent in turn.
    pub fn pool(signal: Signal, seed: u64) -> Vec<Self> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..POOL).map(|_| Self::new(signal, &mut random)).collect()
    }

    /// Makes it another request, as of `now`.
    pub fn patch(&mut self, salt: u64, now: u64) {
        for patch in &self.patches {
            match *patch {
                Patch::Id(from, to) => {
                    // The same in a span and its parents: whole ids and their halves.
                    for chunk in self.bytes[from..to].chunks_mut(8) {
                        for (byte, salt) in chunk.iter_mut().zip(salt.to_le_bytes()) {
                            *byte ^= salt;
                        }
                    }
                }
                Patch::Time(at, later) => self.bytes[at..at + 8].copy_from_slice(&(now + later).to_le_bytes()),
            }
        }
    }
}

/// What a load came to.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Records acknowledged.
    pub accepted: u64,
    /// Records told to come back.
    pub throttled: u64,
    /// Bytes of the acknowledged requests.
    pub bytes: u64,
    /// How long each acknowledged request took.
    pub took: Vec<Duration>,
    /// From the first send to the last answer.
    pub wall: Duration,
}

impl Loaded {
    /// Milliseconds within which a share of the requests were answered.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.took.sort_unstable();
        let place = ((self.took.len() as f64 * share) as usize).min(self.took.len().saturating_sub(1));
        self.took.get(place).map_or(0.0, |d| d.as_secs_f64() * 1e3)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

/// The status of a POST on a connection that stays open.
pub fn post(stream: &mut TcpStream, path: &str, body: &[u8]) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).expect("a status");
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a head");
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut rest = vec![0; length];
    reader.read_exact(&mut rest).expect("a body");
    status
}

/// Sends for `time` over four connections: as fast as it goes, or `rate` records a second.
pub fn load(address: &str, signal: Signal, time: Duration, rate: Option<u64>) -> Loaded {
    const CONNECTIONS: u64 = 4;
    let since = Instant::now();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|worker| {
            let address = address.to_owned();
            std::thread::spawn(move || {
                let mut pool = Template::pool(signal, worker + 1);
                let mut random = StdRng::seed_from_u64(now() ^ worker);
                let mut stream = TcpStream::connect(&address).expect("it listens");
                stream.set_nodelay(true).expect("an option");
                let mut loaded = Loaded::default();
                let gap = rate.map(|rate| Duration::from_secs_f64(CONNECTIONS as f64 * BATCH as f64 / rate as f64));
                let mut due = Instant::now() + gap.unwrap_or_default().mul_f64(worker as f64 / CONNECTIONS as f64);
                for i in 0.. {
                    if since.elapsed() >= time {
                        break;
                    }
                    if let Some(gap) = gap {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        due += gap;
                    }
                    let template = &mut pool[i % POOL];
                    template.patch(random.random(), now());
                    let sent = Instant::now();
                    if post(&mut stream, signal.path(), &template.bytes) == 200 {
                        loaded.accepted += BATCH as u64;
                        loaded.bytes += template.bytes.len() as u64;
                        loaded.took.push(sent.elapsed());
                    } else {
                        loaded.throttled += BATCH as u64;
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
                loaded
            })
        })
        .collect();
    let mut all = Loaded::default();
    for worker in workers {
        let one = worker.join().expect("a worker ends");
        all.accepted += one.accepted;
        all.throttled += one.throttled;
        all.bytes += one.bytes;
        all.took.extend(one.took);
    }
    all.wall = since.elapsed();
    all
}
