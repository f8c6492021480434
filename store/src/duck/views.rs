//! The views `traces logs metrics_…` of one statement: its files and the hot rows of its snapshot.

use super::hot_table::Offer;
use super::run::Scanned;
use crate::snapshot::{Missing, Pruned, Segment, Snapshot};
use sextant_model::{Signal, Table};
use std::fmt::Write as _;
use std::sync::Arc;

/// Views to be made on a connection before its statement runs. Hot rows stay readable as long as this lives.
pub(super) struct Views {
    pub create: String,
    pub scanned: Scanned,
    pub generation: u64,
    pub missing: Vec<Missing>,
    offers: Vec<Offer>,
    /// Files are kept for as long as the statement may read them.
    pub segments: Vec<Arc<Segment>>,
}

/// Whether the statement can mean this table: its name occurs.
fn occurs(sql: &str, table: Table) -> bool {
    let lower = sql.to_ascii_lowercase();
    lower.contains(table.name()) || (table.signal() == Signal::Metrics && lower.contains("metrics"))
}

impl Views {
    /// Views of all tables that `sql` names, over the segments that `choose` gives; of those only rows `since` a time,
    /// so that row groups and pages of older ones are passed over.
    pub fn over(snapshot: &Snapshot, sql: &str, since: Option<i64>, choose: impl Fn(Table) -> Pruned) -> Self {
        let mut views = Self {
            create: String::new(),
            scanned: Scanned::default(),
            generation: snapshot.generation,
            missing: Vec::new(),
            offers: Vec::new(),
            segments: Vec::new(),
        };
        for table in Table::ALL {
            if occurs(sql, table) {
                views.add(snapshot, table, since, choose(table));
            }
        }
        views
    }

    fn add(&mut self, snapshot: &Snapshot, table: Table, since: Option<i64>, pruned: Pruned) {
        let hot = snapshot.hot_batches(table);
        let segments = pruned.segments;
        self.missing.extend(pruned.missing);
        self.scanned.n_segments += segments.len();
        self.scanned.n_segments_total += pruned.n_total;
        self.scanned.n_bytes += segments.iter().map(|s| s.n_bytes).sum::<u64>();
        self.scanned.n_rows += segments.iter().map(|s| s.n_rows).sum::<u64>();
        self.scanned.n_rows += hot.iter().map(|b| b.num_rows() as u64).sum::<u64>();
        let offer = Offer::new(table, hot);
        let name = table.name();
        let from = since
            .map_or_else(String::new, |since| format!(" WHERE {} >= make_timestamp_ns({since})", table.time_column()));
        let mut body = format!("SELECT * FROM {}{from}", offer.sql());
        if !segments.is_empty() {
            let files: Vec<String> =
                segments.iter().map(|s| format!("'{}'", s.path.to_string_lossy().replace('\'', "''"))).collect();
            let files = files.join(", ");
            body += &format!(" UNION ALL BY NAME SELECT * FROM read_parquet([{files}], union_by_name = true){from}");
        }
        // Writing to a String can't fail.
        write!(self.create, "CREATE TEMP VIEW {name} AS {body}; CREATE TEMP VIEW otel_{name} AS FROM {name};").ok();
        self.offers.push(offer);
        self.segments.extend(segments);
    }
}
