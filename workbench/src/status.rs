//! Ledger, sizes and listeners as one object.

use crate::workbench::Workbench;
use serde_json::{Value, json};
use sextant_contract::Answer;
use sextant_model::Signal;
use sextant_store::{LedgerKey, LedgerRow};

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

impl Workbench {
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
            "retention": { "traces": "forever", "logs": "forever", "metrics": "forever" },
            "first_services": status.first_services,
            "listeners": listeners,
            "missing_listeners": self.missing_listeners().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "lag": { "durable_p50_micros": status.durable_micros.0, "durable_max_micros": status.durable_micros.1 },
            "recovered": { "torn_bytes": status.recovered.0, "damaged_places": status.recovered.1 },
            "last_problem": status.last_problem,
        });
        Answer::object(object, status.generation)
    }
}
