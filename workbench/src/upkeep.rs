//! Retention, pins and compaction: what is asked of the store's upkeep.

use crate::errors;
use crate::workbench::{Workbench, now};
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, Code, KeepPolicy, Outcome, PinAsk};
use sextant_model::{Signal, Table};
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

/// Less is no time to keep anything.
const HOUR: i64 = 3_600_000_000_000;

/// A time to keep, in the largest unit that is whole.
fn duration(nanos: Option<i64>) -> Option<String> {
    const UNITS: [(i64, &str); 4] =
        [(86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"), (1_000_000_000, "s")];
    let text = |nanos: i64| match UNITS.iter().find(|(unit, _)| nanos > 0 && nanos % unit == 0) {
        Some((unit, name)) => format!("{} {name}", nanos / unit),
        None => sextant_model::DurationNanos(nanos).to_string(),
    };
    nanos.map(text)
}

/// How long and how much is kept, for people.
fn kept(policy: &Policy) -> String {
    let size = policy.max_bytes.map(|n| match n {
        0..1_000_000_000 => format!("at most {} MB", (n as f64 / 1e5).round() / 10.0),
        _ => format!("at most {} GB", (n as f64 / 1e8).round() / 10.0),
    });
    match (duration(policy.keep), size) {
        (None, None) => "forever".into(),
        (Some(age), None) => age,
        (None, Some(size)) => size,
        (Some(age), Some(size)) => format!("{age}, {size}"),
    }
}

fn refused(what: &str, hint: &str) -> AskError {
    AskError::new(Code::BadQuery, what).hint(hint)
}

fn check(policy: &KeepPolicy) -> Result<(), AskError> {
    let is_negative = |v: Option<i64>| v.is_some_and(|v| v < 0);
    if is_negative(policy.keep) || is_negative(policy.warm_after) || is_negative(policy.cold_after) {
        return Err(AskError::new(Code::BadQuery, "a time to keep can't be negative"));
    }
    if policy.keep == Some(0) || policy.max_bytes == Some(0) {
        return Err(refused("this policy would keep nothing", "give a time such as 7d, or a size such as 20GB"));
    }
    if policy.cold_after.is_some() != policy.cold_dir.is_some() {
        return Err(refused(
            "cold segments need both a time and a directory",
            "give --cold-after and --cold-dir together",
        ));
    }
    let is_too_late = |after: Option<i64>| after.zip(policy.keep).is_some_and(|(after, keep)| after >= keep);
    if is_too_late(policy.warm_after) || is_too_late(policy.cold_after) {
        return Err(refused(
            "records would be gone before they get warm or cold",
            "give a shorter time, or keep longer",
        ));
    }
    if let Some(dir) = policy.cold_dir.as_ref().filter(|dir| !std::path::Path::new(dir).is_dir()) {
        return Err(refused(
            &format!("there is no directory {dir}"),
            "make it, or put its disk in place, then try again",
        ));
    }
    Ok(())
}

impl Workbench {
    pub(crate) fn retention_set(&self, name: &str, policy: KeepPolicy) -> Result<Outcome, AskError> {
        let signal = signal(name)?;
        check(&policy)?;
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
        Ok(Outcome::Object {
            object: json!({ "signal": name, "project": policy.project, "kept": kept(&policy),
            "warm_after": duration(policy.warm_after), "cold_after": duration(policy.cold_after) }),
        })
    }

    /// The policies that there would be if all signals were kept for so long: what a project has of its own stays.
    fn keeping(&self, keep: i64) -> Result<Vec<Policy>, AskError> {
        if keep < HOUR {
            return Err(refused("hardly anything would be kept at all", "give a time of an hour or more"));
        }
        let mut all = self.store.policies().map_err(|e| errors::store(&e))?;
        for signal in Signal::ALL {
            let place = all.iter().position(|p| p.project.is_empty() && p.signal == signal).unwrap_or_else(|| {
                let (keep, max_bytes, warm_after, cold_after) = (None, None, None, None);
                let (project, set_at) = (String::new(), now());
                all.push(Policy { project, signal, keep, max_bytes, warm_after, cold_after, cold_dir: None, set_at });
                all.len() - 1
            });
            let policy = &mut all[place];
            policy.keep = Some(keep);
            // What would be gone before it gets warm or cold needs neither.
            policy.warm_after = policy.warm_after.filter(|after| *after < keep);
            if policy.cold_after.is_some_and(|after| after >= keep) {
                (policy.cold_after, policy.cold_dir) = (None, None);
            }
            policy.set_at = now();
        }
        Ok(all)
    }

    /// What would go.
    pub(crate) fn retention_would(&self, keep: i64) -> Result<Answer, AskError> {
        let at = now();
        let rows = self.store.would_retain(at, self.keeping(keep)?).map_err(|e| errors::store(&e))?;
        let rows: Vec<Value> = rows.iter().map(applied).collect();
        Ok(Answer::object(json!({ "dry_run": true, "at": at, "applied": rows }), self.store.snapshot().generation))
    }

    /// Sets it, and lets go of what is older.
    pub(crate) fn retention_keep(&self, keep: i64) -> Result<Outcome, AskError> {
        for policy in self.keeping(keep)?.iter().filter(|p| p.project.is_empty()) {
            self.store.set_policy(policy).map_err(|e| errors::store(&e))?;
        }
        self.retention_apply(None, false)
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
                .hint("pin a trace with: sextant pin trace ID; or a period with --from and --to, or --since"));
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
        let is_there = match trace {
            None => true,
            Some(id) => {
                let found = |table| self.store.trace(table, id).is_ok_and(|answer| answer.n_rows() > 0);
                found(Table::Traces) || found(Table::Logs)
            }
        };
        Ok(Outcome::Object { object: json!({ "id": id, "is_there": is_there }) })
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
            of.map_or_else(|| "forever".into(), kept)
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
