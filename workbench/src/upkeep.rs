//! Retention, pins and compaction: what is asked of the store's upkeep.

use crate::errors;
use crate::workbench::{Workbench, now};
use serde_json::{Value, json};
use sextant_contract::{AskError, Code, KeepPolicy, Outcome, PinAsk};
use sextant_model::Signal;
use sextant_store::{Applied, PinNote, Policy};
use std::path::PathBuf;

fn signal(name: &str) -> Result<Signal, AskError> {
    Signal::from_name(name).ok_or_else(|| {
        AskError::new(Code::BadQuery, format!("there is no signal '{name}'")).hint("use traces, logs or metrics")
    })
}

fn applied(row: &Applied) -> Value {
    json!({
        "project": row.project, "signal": row.signal.name(), "policy": row.policy, "records": row.n_records,
        "segments": row.n_segments, "bytes": row.n_bytes,
    })
}

fn duration(nanos: Option<i64>) -> Option<String> {
    nanos.map(|n| sextant_model::DurationNanos(n).to_string())
}

impl Workbench {
    pub(crate) fn retention_set(&self, name: &str, policy: KeepPolicy) -> Result<Outcome, AskError> {
        let signal = signal(name)?;
        let is_negative = |v: Option<i64>| v.is_some_and(|v| v < 0);
        if is_negative(policy.keep) || is_negative(policy.warm_after) || is_negative(policy.cold_after) {
            return Err(AskError::new(Code::BadQuery, "a time to keep can't be negative"));
        }
        if policy.cold_after.is_some() != policy.cold_dir.is_some() {
            return Err(AskError::new(Code::BadQuery, "cold segments need both a time and a directory")
                .hint("give --cold-after and --cold-dir together"));
        }
        let policy = Policy {
            project: policy.project.unwrap_or_default(),
            signal,
            keep: policy.keep,
            max_bytes: policy.max_bytes,
            warm_after: policy.warm_after,
            cold_after: policy.cold_after,
            cold_dir: policy.cold_dir.map(PathBuf::from),
            set_at: now(),
        };
        self.store.set_policy(&policy).map_err(|e| errors::store(&e))?;
        Ok(Outcome::Done)
    }

    pub(crate) fn retention_apply(&self, at: Option<i64>, is_dry: bool) -> Result<Outcome, AskError> {
        let at = at.unwrap_or_else(now);
        let rows = self.store.apply_retention(at, is_dry).map_err(|e| errors::store(&e))?;
        let rows: Vec<Value> = rows.iter().map(applied).collect();
        Ok(Outcome::Object { object: json!({ "dry_run": is_dry, "at": at, "applied": rows }) })
    }

    pub(crate) fn pin(&self, ask: PinAsk) -> Result<Outcome, AskError> {
        let trace = match &ask.trace {
            None => None,
            Some(id) => Some(crate::trace::parse_id(id)?),
        };
        if trace.is_none() && ask.from.is_none() && ask.to.is_none() {
            return Err(AskError::new(Code::BadQuery, "nothing is pinned by this")
                .hint("pin a trace with --trace ID, or a period with --from and --to"));
        }
        let note = PinNote {
            project: ask.project.unwrap_or_else(|| "default".into()),
            signal: ask.signal.as_deref().map(signal).transpose()?,
            trace,
            from: ask.from,
            to: ask.to,
            text: ask.note,
        };
        let id = self.store.pin(&note, now()).map_err(|e| errors::store(&e))?;
        Ok(Outcome::Object { object: json!({ "id": id }) })
    }

    pub(crate) fn unpin(&self, id: i64) -> Result<Outcome, AskError> {
        if self.store.unpin(id).map_err(|e| errors::store(&e))? {
            return Ok(Outcome::Done);
        }
        Err(AskError::new(Code::NotFound, format!("there is no pin {id}")).hint("list them with: sextant pin list"))
    }

    pub(crate) fn compact(&self) -> Result<Outcome, AskError> {
        let merged = self.store.compact().map_err(|e| errors::store(&e))?;
        Ok(Outcome::Object {
            object: json!({
                "segments": merged.n_segments, "made": merged.n_made, "bytes_before": merged.bytes_before,
                "bytes_after": merged.bytes_after,
            }),
        })
    }

    /// What is kept how long, by signal; `forever` where nothing is set.
    pub(crate) fn retention(&self) -> Value {
        let policies = self.store.policies().unwrap_or_default();
        let keep = |signal: Signal| {
            let of = policies.iter().find(|p| p.signal == signal && p.project.is_empty());
            of.and_then(|p| duration(p.keep)).unwrap_or_else(|| "forever".into())
        };
        Signal::ALL.iter().map(|s| (s.name().to_owned(), keep(*s).into())).collect::<serde_json::Map<_, _>>().into()
    }

    /// All policies with everything that they say.
    pub(crate) fn policies(&self) -> Value {
        let policies = self.store.policies().unwrap_or_default();
        let rows = policies.iter().map(|p| {
            json!({
                "project": if p.project.is_empty() { Value::Null } else { p.project.clone().into() },
                "signal": p.signal.name(), "keep": duration(p.keep), "max_bytes": p.max_bytes,
                "warm_after": duration(p.warm_after), "cold_after": duration(p.cold_after), "cold_dir": p.cold_dir,
                "set_at": sextant_model::UnixNanos(p.set_at).to_string(),
            })
        });
        rows.collect()
    }

    pub(crate) fn pins(&self) -> Value {
        let time = |t: Option<i64>| t.map(|t| sextant_model::UnixNanos(t).to_string());
        let rows = self.store.pins().unwrap_or_default().into_iter().map(|p| {
            json!({
                "id": p.id, "project": p.note.project, "signal": p.note.signal.map(Signal::name),
                "trace": p.note.trace.map(|t| t.to_string()), "from": time(p.note.from), "to": time(p.note.to),
                "note": p.note.text, "made_at": sextant_model::UnixNanos(p.made_at).to_string(),
            })
        });
        rows.collect()
    }

    /// What policies took away, by project, signal, policy and day.
    pub(crate) fn zones(&self) -> Value {
        let rows = self.store.zones().unwrap_or_default().into_iter().map(|z| {
            json!({
                "project": z.project, "signal": z.signal.name(), "policy": z.policy, "day": z.day, "records": z.n,
                "first": z.times.0, "last": z.times.1,
            })
        });
        rows.collect()
    }
}
