//! `/healthz`, `/readyz` and the program's own `/metrics`.

use crate::serve::App;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use sextant_contract::{Ask, Backend};
use sextant_workbench::Health;
use std::fmt::Write as _;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// 200 once queries are answered; recovery is over before anything listens.
async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.workbench.health() {
        Health::Taking => (StatusCode::OK, "ready"),
        Health::DiskFull => (StatusCode::OK, "ready to read; nothing is taken: the disk is full"),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: &[(String, String)]| {
        writeln!(text, "# HELP sextant_{name} {help}\n# TYPE sextant_{name} {kind}").ok();
        for (labels, value) in rows {
            writeln!(text, "sextant_{name}{labels} {value}").ok();
        }
    };
    let status = app.workbench.ask(Ask::Status).await.ok().and_then(|a| a.object).unwrap_or_default();
    let ledger = status["ledger"].as_array().cloned().unwrap_or_default();
    for (name, key, help) in
        [("received_records_total", "received", "Records received."), ("stored_records", "stored", "Records stored.")]
    {
        let rows: Vec<_> = ledger.iter().map(|r| (format!("{{signal={}}}", r["signal"]), r[key].to_string())).collect();
        family(name, if key == "stored" { "gauge" } else { "counter" }, help, &rows);
    }
    let mut rejected = Vec::new();
    for row in &ledger {
        for (reason, n) in row["rejected"].as_object().into_iter().flatten() {
            rejected.push((format!("{{signal={},reason=\"{reason}\"}}", row["signal"]), n.to_string()));
        }
    }
    family("rejected_records_total", "counter", "Records rejected, by reason.", &rejected);
    for (name, pointer, help) in [
        ("segments", "/sizes/segments", "Segment files."),
        ("segment_bytes", "/sizes/segment_bytes", "Bytes of segment files."),
        ("hot_bytes", "/sizes/hot_bytes", "Bytes of rows in memory."),
        ("queued_bytes", "/sizes/queued_bytes", "Bytes of requests under way."),
        ("disk_free_bytes", "/sizes/disk_free_bytes", "Free bytes on the disk."),
        ("generation", "/generation", "Grows with every change."),
    ] {
        let value = status.pointer(pointer).map_or_else(|| "0".to_owned(), ToString::to_string);
        family(name, "gauge", help, &[(String::new(), value)]);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
