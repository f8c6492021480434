//! Ledger, sizes and listeners as one object.

use crate::workbench::Workbench;
use serde_json::{Value, json};
use sextant_contract::Answer;
use sextant_model::{Signal, UnixNanos};
use sextant_store::{LedgerKey, LedgerRow, Unavailable, UpkeepStatus};

fn ledger_row(name: (&str, &str), row: &LedgerRow) -> Value {
    json!({
        name.0: name.1,
        "received": row.counts.received,
        "stored": row.stored(),
        "rejected": row.counts.rejected.0,
        "evicted": row.evicted.0,
        "marked": row.counts.marked.0,
    })
}

fn sum(rows: &[(LedgerKey, LedgerRow)], keep: impl Fn(&LedgerKey) -> bool) -> LedgerRow {
    let mut all = LedgerRow::default();
    rows.iter().filter(|(key, _)| keep(key)).for_each(|(_, row)| all.merge(row));
    all
}

/// Lines of the ledger beyond this are not sent: the newest days say most.
const MAX_LEDGER_ROWS: usize = 200;

fn upkeep(u: &UpkeepStatus) -> Value {
    json!({
        "doing": u.doing.as_ref().map(|d| json!({
            "what": d.what, "rows": d.n_rows, "rows_done": d.n_done, "bytes": d.n_bytes,
        })),
        "merges": u.n_merges,
        "merged_segments": u.merged.n_segments,
        "made_segments": u.merged.n_made,
        "bytes_before": u.merged.bytes_before,
        "bytes_after": u.merged.bytes_after,
        "next_retention": u.next_retention.map(|t| UnixNanos(t).to_string()),
    })
}

fn unavailable(rows: &[Unavailable]) -> Value {
    let row = |u: &Unavailable| {
        json!({
            "table": u.table.name(), "signal": u.table.signal().name(), "records": u.n_rows,
            "segments": u.n_segments, "why": u.why,
        })
    };
    rows.iter().map(row).collect()
}

impl Workbench {
    /// By project, signal, client, protocol and day; the newest days first.
    fn ledger_rows(rows: &[(LedgerKey, LedgerRow)]) -> Vec<Value> {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by(|a, b| b.0.day.cmp(&a.0.day).then_with(|| a.0.cmp(&b.0)));
        rows.into_iter()
            .take(MAX_LEDGER_ROWS)
            .map(|(key, row)| {
                let mut object = ledger_row(("signal", key.signal.name()), row);
                object["project"] = key.project.as_str().into();
                object["client"] = key.client.as_str().into();
                object["protocol"] = key.protocol.as_str().into();
                object["day"] = key.day.as_str().into();
                object["malformed_requests"] = row.n_malformed.into();
                object
            })
            .collect()
    }

    pub(crate) fn status(&self) -> Answer {
        let rows = self.store.ledger();
        let status = self.store.status();
        let signals: Vec<Value> =
            Signal::ALL.iter().map(|s| ledger_row(("signal", s.name()), &sum(&rows, |k| k.signal == *s))).collect();
        let mut clients: Vec<(&str, &str)> =
            rows.iter().map(|(k, _)| (k.client.as_str(), k.protocol.as_str())).collect();
        clients.sort_unstable();
        clients.dedup();
        let clients: Vec<Value> = clients
            .into_iter()
            .map(|(client, protocol)| {
                let mut row =
                    ledger_row(("client", client), &sum(&rows, |k| k.client == client && k.protocol == protocol));
                row["protocol"] = protocol.into();
                row
            })
            .collect();
        let listeners: serde_json::Map<String, Value> =
            self.listeners().into_iter().map(|l| (l.name, l.address.to_string().into())).collect();
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data": self.data_dir().to_string_lossy(),
            "generation": status.generation,
            "ledger": signals,
            "clients": clients,
            "malformed_requests": sum(&rows, |_| true).n_malformed,
            "sizes": {
                "segments": status.n_segments,
                "segment_bytes": status.segment_bytes,
                "hot_bytes": status.hot_bytes,
                "queued_bytes": status.queued_bytes,
                "queue_limit_bytes": status.queue_limit_bytes,
                "disk_free_bytes": status.free_bytes,
                "disk_reserve_bytes": status.reserve_bytes,
            },
            "ledger_rows": Self::ledger_rows(&rows),
            "retention": self.retention(),
            "policies": self.policies(),
            "pins": self.pins(),
            "evicted": self.zones(),
            "upkeep": upkeep(&status.upkeep),
            "first_services": status.first_services,
            "listeners": listeners,
            "missing_listeners": self.missing_listeners().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "lag": { "durable_p50_micros": status.durable_micros.0, "durable_max_micros": status.durable_micros.1 },
            "recovered": { "torn_bytes": status.recovered.0, "damaged_places": status.recovered.1 },
            "last_problem": status.last_problem.as_ref().map(|(text, _)| text),
            "last_problem_at": status.last_problem.as_ref().map(|(_, at)| UnixNanos(*at).to_string()),
            "refusing": status.refusing,
            "refused_requests": { "busy": status.refused.0, "disk_full": status.refused.1 },
            "unavailable": unavailable(&status.unavailable),
            "quarantine": { "files": status.quarantine.0, "bytes": status.quarantine.1 },
        });
        Answer::object(object, status.generation)
    }
}
