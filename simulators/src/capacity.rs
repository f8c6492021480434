//! Which machines it takes: cores, memory and disks by the rules of thumb that are published for columnar stores, each of which can be
//! said otherwise.

use crate::scenario::Scenario;
use crate::volume::Course;
use serde::Serialize;

/// What machines are planned by.
#[derive(Debug, Clone, PartialEq)]
pub struct Machines {
    /// Questions that are asked in a second, at the worst.
    pub queries_per_second: f64,
    /// How many times the mean of a day the worst second brings.
    pub burst: f64,
    /// Raw megabytes in a second that a core takes in.
    pub mb_per_core: f64,
    /// Memory of a core, GB.
    pub gb_per_core: f64,
    /// The part of a disk that stays free, for merging and for surprises.
    pub headroom: f64,
    /// Cores of a node.
    pub cores_per_node: f64,
    /// Disk of a node, GB.
    pub disk_per_node_gb: f64,
}

impl Machines {
    /// Where nothing else is said.
    pub const USUAL: Self = Self {
        queries_per_second: 1.0,
        burst: 3.0,
        mb_per_core: 10.0,
        gb_per_core: 4.0,
        headroom: 0.3,
        cores_per_node: 16.0,
        disk_per_node_gb: 2_000.0,
    };
}

/// What it takes at the worst of all days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// Raw megabytes in the worst second.
    pub peak_mb_per_second: f64,
    /// Cores that take in.
    pub cores_ingest: u64,
    /// Cores that answer.
    pub cores_query: u64,
    /// GB of memory.
    pub memory_gb: u64,
    /// GB of disk, what stays free and all copies in the first tier included.
    pub disk_gb: f64,
    /// Machines.
    pub nodes: u64,
    /// `small`, `medium`, `large`, `xl`.
    pub pattern: &'static str,
    /// What stands where.
    pub shape: &'static str,
}

const MB: f64 = 1e6;
const GB: f64 = 1e9;
const DAY_SECONDS: f64 = 86_400.0;

/// Up to so many raw megabytes a second: what it is called, and what stands where.
const PATTERNS: [(f64, &str, &str); 4] = [
    (1.0, "small", "agents send to one store"),
    (50.0, "medium", "agents send to a gateway that samples and batches, the gateway to one store with a replica"),
    (500.0, "large", "agents, gateways, a queue, and shards that read from it"),
    (f64::INFINITY, "xl", "agents, gateways by region, a queue, shards with replicas, cold data on objects"),
];

/// What a scenario takes; nothing, where nothing comes in.
pub(crate) fn capacity(scenario: &Scenario, course: &Course) -> Option<Capacity> {
    if scenario.ingest.is_empty() {
        return None;
    }
    let by = &scenario.machines;
    let n = scenario.days as usize;
    let most = (0..n).map(|day| course.raw_bytes(day..day + 1)).fold(0.0, f64::max);
    let peak = most / DAY_SECONDS * by.burst / MB;
    let cores_ingest = (peak / by.mb_per_core).ceil().max(1.0);
    // A core for each question a second and each 10 MB/s that it has to look through.
    let cores_query = (by.queries_per_second * peak / by.mb_per_core).ceil();
    let hot = scenario.tiers.first();
    let lies = |day: usize| match hot {
        Some(tier) => course.between(day, 0, tier.days) * tier.replicas,
        None => course.stored(&[], day),
    };
    let disk_gb = (0..n).map(lies).fold(0.0, f64::max) / (1.0 - by.headroom) / GB;
    let cores = cores_ingest + cores_query;
    let nodes = (cores / by.cores_per_node).max(disk_gb / by.disk_per_node_gb).ceil().max(1.0);
    // Copies of the first tier are on different machines.
    let nodes = nodes.max(hot.map_or(1.0, |tier| tier.replicas.ceil()));
    let (_, pattern, shape) = PATTERNS.into_iter().find(|(up_to, _, _)| peak <= *up_to)?;
    Some(Capacity {
        peak_mb_per_second: (peak * 1e3).round() / 1e3,
        cores_ingest: cores_ingest as u64,
        cores_query: cores_query as u64,
        memory_gb: (cores * by.gb_per_core).ceil() as u64,
        disk_gb: (disk_gb * 1e3).round() / 1e3,
        nodes: nodes as u64,
        pattern,
        shape,
    })
}
