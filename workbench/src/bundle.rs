//! Bundles of what is stored: what is chosen is read oldest first, a part of the period at a time, looked through, and
//! written. A bundle is whole or is not made.

use crate::errors;
use crate::export::Progress;
use crate::pull::Pull;
use crate::remotes::named;
use crate::spread::{Parts, Spread, in_order};
use crate::tried::Sizes;
use crate::workbench::{Workbench, now};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use serde_json::{Value, json};
use sextant_bundles::{
    BundleError, Custody, DEFAULT, Detector, Facts, From, Key, LeftOut, Made, Maker, Papers, Question, Redactor, Ring,
    Rules,
};
use sextant_contract::{AskError, BundleAsk, Code, Completeness, Outcome};
use sextant_model::query::Query;
use sextant_model::{Prune, Signal, Sql, Table, TimeRange, TraceId, UnixNanos};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::{Config as StoreConfig, Limits, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

/// A part of the period has about so many rows.
const PART_ROWS: u64 = 16_000;
/// With more parts, each would get too few rows at once.
const MAX_PARTS: usize = 1_024;
/// So many batches, each of a few thousand rows, wait to be spread.
const WAITING: usize = 4;
/// Reading a table may take so long.
const LIMITS: Limits = Limits { time: Duration::from_hours(2), n_rows: usize::MAX, is_explained: false };
/// What comes of rows that are not whole.
const NO_BUNDLE: &str = "no bundle was made";
/// Whole traces of more than so many are not looked up.
const MAX_TRACES: usize = 200_000;

pub(crate) fn failed(e: &BundleError) -> AskError {
    let hint = match e {
        BundleError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            "make room, or choose another place"
        }
        BundleError::Io { .. } => "choose another place",
        _ => return AskError::new(Code::Refused, e.to_string()),
    };
    AskError::new(Code::Refused, e.to_string()).hint(hint)
}

/// What of a table goes into it.
enum Chosen {
    Matching(Box<Query>),
    Records { ids: Vec<TraceId>, periods: Vec<TimeRange> },
}

impl Chosen {
    /// What is searched lies in the period; traces are taken whole, wherever they reach.
    fn within(&self, period: TimeRange) -> TimeRange {
        match self {
            Self::Matching(_) => period,
            Self::Records { .. } => TimeRange::ALL,
        }
    }

    fn sql(&self, table: Table, range: TimeRange) -> Sql {
        match self {
            Self::Matching(query) => duckdb::records(table, query, range),
            Self::Records { ids, periods } => duckdb::chosen(table, ids, periods, range),
        }
    }

    fn prune(&self, range: TimeRange) -> Prune {
        match self {
            Self::Matching(query) => prune(query, range),
            Self::Records { ids, periods } if periods.is_empty() => {
                Prune { traces: Some(ids.clone()), ..Prune::within(range) }
            }
            Self::Records { .. } => Prune::within(range),
        }
    }
}

/// Where rows are from, and the bundle that they were in.
struct Whence {
    from: From,
    cites: Option<String>,
    /// What did not come from there.
    left_out: Vec<LeftOut>,
}

/// Everything that is to be read, table by table.
struct Plan {
    range: TimeRange,
    tables: Vec<(Table, Chosen)>,
    left_out: Vec<LeftOut>,
}

/// What came of reading it.
#[derive(Default)]
struct Read {
    rows: BTreeMap<Table, u64>,
    /// When the first and the last of them were received.
    received: Option<(i64, i64)>,
}

impl Workbench {
    pub(crate) fn bundle(&self, ask: &BundleAsk) -> Result<Outcome, AskError> {
        let progress = Arc::new(Progress::default());
        self.exports().insert(ask.tag, progress.clone());
        let done = self.here(ask).and_then(|from| self.store.under(ask.tag, || self.bundle_of(ask, &progress, from)));
        self.exports().remove(&ask.tag);
        done.map(|object| Outcome::Object { object })
    }

    /// What the rows of this store are rows of: its own, or those of a bundle that is looked at.
    fn here(&self, ask: &BundleAsk) -> Result<Whence, AskError> {
        let opened = self.looked_at();
        let text = |key: &str| opened[key].as_str().map(str::to_owned);
        let Some(path) = text("path") else {
            return Ok(Whence {
                from: From { kind: "store".into(), name: String::new() },
                cites: None,
                left_out: Vec::new(),
            });
        };
        if text("verdict").as_deref() == Some("INVALID") {
            return Err(AskError::new(Code::Refused, format!("{path} is INVALID: no bundle is made of it")));
        }
        if ask.key.is_none() && !ask.is_tried {
            let why = format!("{path} is only looked at, and its keys go with it: nothing would vouch for the bundle");
            return Err(AskError::new(Code::Refused, why).hint("name the key that signs: --key KEY.pem"));
        }
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let kind = if opened["hash"].is_string() { "bundle" } else { "files" };
        Ok(Whence { from: From { kind: kind.into(), name }, cites: text("hash"), left_out: Vec::new() })
    }

    fn bundle_of(&self, ask: &BundleAsk, progress: &Progress, whence: Whence) -> Result<Value, AskError> {
        let rules = Rules::parse(&ask.redact, &ask.patterns).map_err(|e| failed(&e))?;
        let ring = Ring::of(self.data_dir());
        let tokens = if rules.is_empty() { [0; 32] } else { ring.tokens().map_err(|e| failed(&e))? };
        let mut redactor = Redactor::new(rules, tokens);
        if let Some(source) = &ask.source {
            if !ask.is_tried {
                // Before much is read for it.
                signing_key(ask, &ring)?;
            }
            return self.of_source(source, ask, progress);
        }
        let plan = self.bundle_plan(ask)?;
        if ask.is_tried {
            let mut sizes = Sizes::default();
            let read = self.read_chosen(&plan, progress, &mut |table, rows| {
                let rows = redactor.rows(table, rows).map_err(|e| failed(&e))?;
                sizes.see(table, &rows).map_err(|e| unordered(&e))
            })?;
            redactor.text(&ask.query, "the search");
            let left: Vec<&str> = plan.left_out.iter().map(|l| l.reason.as_str()).collect();
            return crate::tried::tried(&read.rows, &redactor, &left, sizes).map_err(|e| unordered(&e));
        }
        let (key, is_new) = signing_key(ask, &ring)?;
        let claimed = if ask.path.is_none() { Some(self.export_path("bundle", "sxb")?) } else { None };
        let path = claimed.clone().or_else(|| ask.path.as_ref().map(PathBuf::from)).unwrap_or_default();
        let made = self.written(ask, &plan, &path, &mut redactor, (&key, whence), progress);
        if let (Err(_), Some(empty)) = (&made, &claimed) {
            // It held the name only.
            std::fs::remove_file(empty).ok();
        }
        let made = made?;
        let mut object = said(&made, &key);
        object["unmatched"] = redactor.unmatched().into();
        if is_new {
            object["new_key"] = DEFAULT.into();
        }
        Ok(object)
    }

    /// Takes over what a source has of it, into a store that goes with the bundle.
    fn of_source(&self, source: &str, ask: &BundleAsk, progress: &Progress) -> Result<Value, AskError> {
        let dir = tempfile::tempdir_in(self.store.aside()).map_err(|e| unordered(&e))?;
        let aside = self.over(StoreConfig::new(dir.path())).map_err(|e| errors::store(&e))?;
        let signal = if let [one] = &ask.signals[..] { Some(one.as_str()) } else { None };
        let (is_whole, is_heavy) = (ask.whole_traces, ask.is_heavy);
        let pull = Pull { source, query: &ask.query, signal, period: ask.period, is_whole, is_heavy };
        let rest = BundleAsk { source: None, ..ask.clone() };
        let (there, _) = self.sources_files().get(source).map_err(|e| named(&e))?;
        let name = format!("{source}, {} of {}", there.database, there.url);
        let made = aside.pull(&pull).and_then(|pulled| {
            let Outcome::Object { object } = pulled else { return Err(unordered(&"nothing came")) };
            let left = object["files"].as_array().into_iter().flatten().filter_map(|file| {
                let rows = file["skipped"].as_u64().filter(|n| *n > 0)?;
                let reason = format!("{}: equal to others of the source", file["path"].as_str().unwrap_or_default());
                Some(LeftOut { reason, rows })
            });
            let from = From { kind: "source".into(), name };
            aside.bundle_of(&rest, progress, Whence { from, cites: None, left_out: left.collect() })
        });
        aside.store.close();
        made
    }

    fn written(
        &self,
        ask: &BundleAsk,
        plan: &Plan,
        path: &std::path::Path,
        redactor: &mut Redactor,
        (key, whence): (&Key, Whence),
        progress: &Progress,
    ) -> Result<Made, AskError> {
        let mut maker = Maker::begin(path).map_err(|e| failed(&e))?;
        let read = self.read_chosen(plan, progress, &mut |table, rows| {
            let rows = redactor.rows(table, rows).map_err(|e| failed(&e))?;
            maker.write(table, &rows).map_err(|e| failed(&e))?;
            progress.bytes.store(maker.n_bytes(), Ordering::Relaxed);
            Ok(())
        })?;
        not_mistyped(redactor)?;
        if maker.n_rows() == 0 {
            return Err(AskError::new(Code::NotFound, "nothing was found, so no bundle was made")
                .hint("widen the period or the search"));
        }
        let at = UnixNanos(ask.at.unwrap_or_else(now)).to_string();
        let bound = |t: Option<UnixNanos>| t.map_or_else(String::new, |t| t.to_string());
        let signals: BTreeSet<&str> = plan.tables.iter().map(|(t, _)| t.signal().name()).collect();
        let question = Question {
            query: redactor.text(&ask.query, "the search"),
            signals: signals.into_iter().map(str::to_owned).collect(),
            from: bound(plan.range.from),
            to: bound(plan.range.to),
            whole_traces: ask.whole_traces || !ask.traces.is_empty() || ask.pinned,
        };
        let (title, purpose) = (redactor.text(&ask.title, "the title"), redactor.text(&ask.purpose, "the purpose"));
        // An address is as personal as what is behind it.
        let name = redactor.text(&whence.from.name, "where it is from");
        let from = From { name, ..whence.from };
        let mut left_out = Vec::new();
        for left in plan.left_out.iter().chain(&whence.left_out) {
            let counted = self.counted(left, plan, &read)?;
            // Why a search makes no sense may quote it.
            left_out.push(LeftOut { reason: redactor.text(&counted.reason, "what was left out"), ..counted });
        }
        let redactions = redactor.redactions();
        let facts = Facts {
            made_at: at.clone(),
            title,
            purpose,
            question,
            cites: whence.cites,
            left_out,
            not_before: ask.not_before.map(|t| UnixNanos(t).to_string()),
            not_after: ask.not_after.map(|t| UnixNanos(t).to_string()),
            from: from.clone(),
            ..Facts::default()
        };
        let mut custody = Vec::new();
        let n: u64 = read.rows.values().sum();
        if let Some((first, last)) = read.received {
            let (what, note) = match from.kind.as_str() {
                "source" => ("pulled", format!("{n} rows from {}", from.name)),
                "bundle" | "files" => ("taken", format!("{n} rows from the {} {}", from.kind, from.name)),
                _ => ("captured", format!("{n} rows came into the store from {} on", UnixNanos(first))),
            };
            custody.push(Custody { at: UnixNanos(last).to_string(), what: what.into(), note });
        }
        if !redactions.is_empty() {
            let n: u64 = redactions.iter().map(|r| r.rows).sum();
            let rules: BTreeSet<&str> = redactions.iter().map(|r| r.rule.as_str()).collect();
            let rules: Vec<&str> = rules.into_iter().collect();
            let note = format!("{n} values by the rules {}", rules.join(", "));
            custody.push(Custody { at, what: "redacted".into(), note });
        }
        let papers = Papers { custody, redactions, report: None };
        maker.finish(facts, &papers, key).map_err(|e| failed(&e))
    }

    fn bundle_plan(&self, ask: &BundleAsk) -> Result<Plan, AskError> {
        let range = TimeRange::from(ask.period);
        let mut wanted = Vec::new();
        for name in &ask.signals {
            let signal = Signal::from_name(name);
            wanted.push(signal.ok_or_else(|| {
                AskError::new(Code::BadQuery, format!("there is no signal '{name}'")).hint("traces, logs or metrics")
            })?);
        }
        let is_named = !wanted.is_empty();
        if !is_named {
            wanted = Signal::ALL.to_vec();
        }
        if !ask.traces.is_empty() || ask.pinned {
            return self.plan_of_records(ask, &wanted);
        }
        let mut plan = Plan { range, tables: Vec::new(), left_out: Vec::new() };
        let mut first_error = None;
        for signal in wanted {
            if ask.whole_traces && signal != Signal::Metrics {
                continue;
            }
            match parse(signal, &ask.query) {
                Ok(query) if query.aggregate.is_some() => {
                    return Err(AskError::new(Code::BadQuery, "a bundle holds records, not figures")
                        .hint("leave out what follows the |"));
                }
                Ok(query) => {
                    for table in signal.tables() {
                        plan.tables.push((*table, Chosen::Matching(Box::new(query.clone()))));
                    }
                    if !ask.query.trim().is_empty() {
                        let reason = format!("{} of the period that the search does not match", signal.records());
                        plan.left_out.push(LeftOut { reason, rows: 0 });
                    }
                }
                Err(e) if is_named => return Err(errors::parse(&e)),
                Err(e) => {
                    let reason = format!("all {}: the search makes no sense for them ({e})", signal.records());
                    plan.left_out.push(LeftOut { reason, rows: 0 });
                    first_error.get_or_insert(e);
                }
            }
        }
        if ask.whole_traces {
            let ids = self.ids_of(&ask.query, range)?;
            for table in [Table::Traces, Table::Logs] {
                plan.tables.push((table, Chosen::Records { ids: ids.clone(), periods: Vec::new() }));
            }
            plan.left_out.push(LeftOut { reason: "records of other traces".into(), rows: 0 });
        }
        if let (true, Some(e)) = (plan.tables.is_empty(), first_error) {
            return Err(errors::parse(&e));
        }
        plan.tables.sort_by_key(|(table, _)| *table);
        Ok(plan)
    }

    /// Traces by name, or what is pinned.
    fn plan_of_records(&self, ask: &BundleAsk, wanted: &[Signal]) -> Result<Plan, AskError> {
        let mut ids = Vec::new();
        for id in &ask.traces {
            ids.push(
                id.parse::<TraceId>().map_err(|e| AskError::new(Code::BadQuery, format!("'{id}' is no trace: {e}")))?,
            );
        }
        let mut periods: BTreeMap<Signal, Vec<TimeRange>> = BTreeMap::new();
        if ask.pinned {
            for pin in self.store.pins().map_err(|e| errors::store(&e))? {
                if let Some(id) = pin.note.trace {
                    ids.push(id);
                } else {
                    let range = TimeRange { from: pin.note.from.map(UnixNanos), to: pin.note.to.map(UnixNanos) };
                    for signal in Signal::ALL.into_iter().filter(|s| pin.note.signal.is_none_or(|of| of == *s)) {
                        periods.entry(signal).or_default().push(range);
                    }
                }
            }
            if ids.is_empty() && periods.is_empty() {
                return Err(AskError::new(Code::NotFound, "nothing is pinned")
                    .hint("pin a trace or a period with: sextant pin"));
            }
        }
        let mut tables = Vec::new();
        for table in Table::ALL.into_iter().filter(|t| wanted.contains(&t.signal())) {
            let periods = periods.get(&table.signal()).cloned().unwrap_or_default();
            if table.signal() != Signal::Metrics || !periods.is_empty() {
                tables.push((table, Chosen::Records { ids: ids.clone(), periods }));
            }
        }
        let reason = if ask.pinned { "what is not pinned" } else { "records of other traces" };
        Ok(Plan {
            range: TimeRange::from(ask.period),
            tables,
            left_out: vec![LeftOut { reason: reason.into(), rows: 0 }],
        })
    }

    /// The traces that have a match.
    fn ids_of(&self, text: &str, range: TimeRange) -> Result<Vec<TraceId>, AskError> {
        let query = parse(Signal::Traces, text).map_err(|e| errors::parse(&e))?;
        let sql = duckdb::trace_hits(&query, range, MAX_TRACES + 1);
        let found = self.store.query(&sql, &prune(&query, range), LIMITS).map_err(|e| errors::store(&e))?;
        whole(&crate::search::completeness(&found), NO_BUNDLE)?;
        let mut ids = Vec::new();
        for batch in &found.batches {
            let Some(column) = batch.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>()) else { continue };
            ids.extend(column.iter().flatten().filter_map(|id| id.parse::<TraceId>().ok()));
        }
        if ids.len() > MAX_TRACES {
            let why = format!("more than {MAX_TRACES} traces match, which are too many to be taken whole");
            return Err(
                AskError::new(Code::Refused, why).hint("narrow the period or the search, or leave out --whole-traces")
            );
        }
        // Their order must not depend on anything.
        ids.sort_by_key(|id| id.0);
        Ok(ids)
    }

    /// Reads everything, oldest first within each table. Rows lie by service, so all of them are read once, spread over
    /// parts of the period, and each part is put in order by itself.
    fn read_chosen(
        &self,
        plan: &Plan,
        progress: &Progress,
        each: &mut dyn FnMut(Table, &RecordBatch) -> Result<(), AskError>,
    ) -> Result<Read, AskError> {
        let mut read = Read::default();
        let n_tables = plan.tables.len().max(1) as f64;
        for (i, (table, chosen)) in plan.tables.iter().enumerate() {
            let range = chosen.within(plan.range);
            let prune = chosen.prune(range);
            let mut edges: Vec<i64> = self
                .store
                .slices(&[*table], &prune, range, PART_ROWS)
                .iter()
                .filter_map(|part| part.from.map(|t| t.0))
                .filter(|from| range.from.is_none_or(|t| *from > t.0))
                .collect();
            edges.sort_unstable();
            let step = edges.len().div_ceil(MAX_PARTS).max(1);
            let edges = edges.into_iter().step_by(step).collect();
            let parts = self.spread(*table, chosen, (range, &prune), edges, (progress, &mut read))?;
            let n_parts = parts.len();
            let table = *table;
            // One thread puts the next part in order while the last is written.
            std::thread::scope(|scope| {
                let (give, take) = handing(0);
                scope.spawn(move || {
                    for part in parts {
                        let rows = part.and_then(|part| in_order(table, &part)).map_err(|e| unordered(&e));
                        if give.send(rows).is_err() {
                            return;
                        }
                    }
                });
                for (part, rows) in take.iter().enumerate() {
                    if self.is_stopped() {
                        return Err(errors::store(&StoreError::Cancelled));
                    }
                    for rows in rows? {
                        *read.rows.entry(table).or_default() += rows.num_rows() as u64;
                        each(table, &rows)?;
                    }
                    let done = (i as f64 + (part + 1) as f64 / n_parts as f64) / n_tables;
                    progress.part.store((done * 1_000.0) as u64, Ordering::Relaxed);
                }
                Ok(())
            })?;
        }
        Ok(read)
    }

    /// The rows of a table, by parts of the period: one thread reads, another spreads.
    fn spread(
        &self,
        table: Table,
        chosen: &Chosen,
        (range, prune): (TimeRange, &Prune),
        edges: Vec<i64>,
        (progress, read): (&Progress, &mut Read),
    ) -> Result<Parts, AskError> {
        let file = tempfile::tempfile_in(self.store.aside()).map_err(|e| unordered(&e))?;
        let mut spread = Spread::new(table, edges, file);
        let (found, spread) = std::thread::scope(|scope| {
            let (give, take) = handing::<RecordBatch>(WAITING);
            let spreading = scope.spawn(move || {
                for rows in take {
                    let rows = sextant_columns::arrived(table, &rows).map_err(|e| unordered(&e))?;
                    spread.add(rows).map_err(|e| unordered(&e))?;
                }
                spread.parts().map_err(|e| unordered(&e))
            });
            let found = self.store.scan(&chosen.sql(table, range), prune, LIMITS, &mut |rows| {
                progress.rows.fetch_add(rows.num_rows() as u64, Ordering::Relaxed);
                see_received(&rows, &mut read.received);
                self.store.has_room()?;
                if self.is_stopped() {
                    return Err(StoreError::Cancelled);
                }
                // Why it was broken off, the other thread says.
                give.send(rows).map_err(|_e| StoreError::Refused("rows can't be put aside".into()))
            });
            drop(give);
            (found, spreading.join())
        });
        let parts = spread.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        whole(&crate::search::completeness(&found.map_err(|e| errors::store(&e))?), NO_BUNDLE)?;
        Ok(parts)
    }

    /// How many were left out, where that can be counted.
    fn counted(&self, left: &LeftOut, plan: &Plan, read: &Read) -> Result<LeftOut, AskError> {
        let of = Signal::ALL.into_iter().find(|s| left.reason.starts_with(&format!("{} of the period", s.records())));
        let Some(signal) = of else { return Ok(left.clone()) };
        let sql = duckdb::count(&Query::all(signal), plan.range);
        let found = self.store.query(&sql, &Prune::within(plan.range), LIMITS).map_err(|e| errors::store(&e))?;
        let count = found.batches.first().and_then(|b| b.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>());
        let n_all = count.filter(|c| !c.is_empty()).map_or(0, |c| c.value(0) as u64);
        let n_read: u64 = read.rows.iter().filter(|(t, _)| t.signal() == signal).map(|(_, n)| n).sum();
        Ok(LeftOut { reason: left.reason.clone(), rows: n_all.saturating_sub(n_read) })
    }
}

/// A rule that is written wrong would let out what it was meant for: what is nowhere and reads like a rule is none.
fn not_mistyped(redactor: &Redactor) -> Result<(), AskError> {
    for name in redactor.unmatched() {
        let near = Detector::ALL.into_iter().find(|d| d.name().len() > 2 && strsim::osa_distance(d.name(), &name) < 2);
        if let Some(detector) = near {
            let why = format!("nothing is called '{name}', so nothing would be redacted by it, and no bundle was made");
            let hint = format!("is the rule '{}' meant? leave it out otherwise", detector.name());
            return Err(AskError::new(Code::BadQuery, why).hint(hint));
        }
    }
    Ok(())
}

/// The key that signs; made if there is none and none was named. Whether it is new.
fn signing_key(ask: &BundleAsk, ring: &Ring) -> Result<(Key, bool), AskError> {
    let passphrase = ask.passphrase.as_ref().map(|p| p.0.as_str());
    let name = ask.key_name.as_deref().unwrap_or(DEFAULT);
    if let Some(pem) = &ask.key {
        return Key::from_pem(&pem.0, passphrase).map(|key| (key, false)).map_err(|e| failed(&e));
    }
    if ask.key_name.is_none() && !ring.has(DEFAULT) {
        let key = Key::generate().map_err(|e| failed(&e))?;
        ring.add(DEFAULT, &key, None, false).map_err(|e| failed(&e))?;
        return Ok((key, true));
    }
    ring.key(name, passphrase).map(|key| (key, false)).map_err(|e| failed(&e))
}

/// What is said of a bundle that was made.
fn said(made: &Made, key: &Key) -> Value {
    let name = made.path.file_name().map(|n| n.to_string_lossy().into_owned());
    json!({
        "path": made.path.to_string_lossy(), "name": name, "rows": made.facts.rows(), "bytes": made.bytes,
        "hash": made.hash, "fingerprint": key.public().fingerprint(), "tables": made.facts.tables,
        "redactions": made.facts.redactions, "left_out": made.facts.left_out,
        "not_after": made.facts.not_after,
    })
}

/// What stopped early is nothing to build on; `so` says what comes of that.
pub(crate) fn whole(completeness: &Completeness, so: &str) -> Result<(), AskError> {
    let why = match completeness {
        Completeness::Complete => return Ok(()),
        Completeness::Partial { reason } => reason.clone(),
        Completeness::Limited { .. } => "there are more rows than can be read at once".to_owned(),
    };
    Err(AskError::new(Code::Refused, format!("what was asked for is not whole, so {so}: {why}"))
        .hint("look at the store with: sextant doctor"))
}

fn see_received(rows: &RecordBatch, known: &mut Option<(i64, i64)>) {
    let times = rows.column_by_name("ReceivedAt").and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
    for time in times.into_iter().flat_map(|t| t.values().iter()) {
        let (first, last) = known.unwrap_or((*time, *time));
        *known = Some((first.min(*time), last.max(*time)));
    }
}

fn unordered(e: &dyn std::fmt::Display) -> AskError {
    AskError::new(Code::Internal, format!("rows can't be put in order: {e}"))
}

/// From one thread to another, `n` at most between them.
#[expect(clippy::disallowed_methods, reason = "each has at most so many rows, so that counting them bounds the bytes")]
fn handing<T>(n: usize) -> (SyncSender<T>, Receiver<T>) {
    std::sync::mpsc::sync_channel(n)
}
