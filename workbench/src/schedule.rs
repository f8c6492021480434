//! Reports that are made again and again, for as long as the program runs; what was missed meanwhile is made up for once.

use crate::errors;
use crate::webhook;
use crate::workbench::{Workbench, now};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};
use sextant_contract::{
    Answer, AskError, Backend as _, Code, Command, Outcome, ReportForm, Schedule, WebhookShape, size_text,
};
use sextant_model::UnixNanos;
use sextant_store::Saved;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The kind under which the last run of each is kept.
const RUNS: &str = "schedule";
/// Somebody may have changed the file.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
const MINUTE: i64 = 60_000_000_000;
/// More missed runs are not counted.
const MAX_MISSED: usize = 10_000;

fn refused(why: impl Into<String>) -> AskError {
    AskError::new(Code::Refused, why)
}

fn parsed(cron: &str) -> Result<Cron, AskError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(cron).map_err(|e| {
        AskError::new(Code::BadQuery, format!("'{cron}' is no time that comes again: {e}"))
            .hint("five parts: minute, hour, day, month, day of the week, such as '0 7 * * MON'")
    })
}

fn moment(nanos: i64) -> Option<Zoned> {
    Timestamp::from_nanosecond(i128::from(nanos)).ok().map(|t| t.to_zoned(TimeZone::UTC))
}

fn nanos(time: &Zoned) -> i64 {
    i64::try_from(time.timestamp().as_nanosecond()).unwrap_or(i64::MAX)
}

/// When it comes next.
fn next(cron: &Cron, after: i64) -> Option<i64> {
    cron.find_next_occurrence(&moment(after)?, false).ok().map(|t| nanos(&t))
}

/// The last time that it was due after `since`, and how many there were before that.
fn due(cron: &Cron, since: i64, now: i64) -> Option<(i64, usize)> {
    let mut last = None;
    let mut n = 0;
    for time in cron.iter_after(moment(since)?).take(MAX_MISSED) {
        let time = nanos(&time);
        if time > now {
            break;
        }
        (last, n) = (Some(time), n + 1);
    }
    last.map(|time| (time, n - 1))
}

/// The schedules of a data directory: a file that only its owner may read.
#[derive(Debug, Clone)]
pub struct Schedules {
    path: PathBuf,
}

impl Schedules {
    /// Of this directory.
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("schedules.json") }
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// If the file makes no sense.
    pub fn all(&self) -> Result<Vec<Schedule>, AskError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(refused(format!("{} can't be read: {e}", self.path.display()))),
        };
        serde_json::from_slice(&bytes).map_err(|e| {
            refused(format!("{} makes no sense: {e}", self.path.display()))
                .hint("put it aside, and add the schedules anew")
        })
    }

    /// Keeps one, in the place of what has its name; when it comes next, and whether there was one.
    ///
    /// # Errors
    /// If something about it makes no sense.
    pub fn put(&self, one: Schedule) -> Result<(i64, bool), AskError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if one.name.is_empty() || one.name.len() > 64 || !one.name.chars().all(is_plain) {
            let why =
                format!("'{}' can't be the name of a schedule: letters, digits, '-' and '_', at most 64", one.name);
            return Err(AskError::new(Code::BadQuery, why));
        }
        let next = next(&parsed(&one.cron)?, one.since);
        let next = next.ok_or_else(|| AskError::new(Code::BadQuery, format!("'{}' never comes", one.cron)))?;
        if one.keep == Some(0) || one.last <= 0 || matches!(one.form, ReportForm::Page { .. }) {
            return Err(AskError::new(Code::BadQuery, "a schedule keeps one file at least and is about some time"));
        }
        if let Some(webhook) = &one.webhook {
            webhook::check(webhook).map_err(|why| AskError::new(Code::BadQuery, why))?;
        }
        let mut all = self.all()?;
        let n = all.len();
        all.retain(|s| s.name != one.name);
        let was_there = all.len() < n;
        all.push(one);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        self.write(&all)?;
        Ok((next, was_there))
    }

    /// Gives one up; whether there was one.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn remove(&self, name: &str) -> Result<bool, AskError> {
        let mut all = self.all()?;
        let n = all.len();
        all.retain(|s| s.name != name);
        let is_changed = all.len() < n;
        if is_changed {
            self.write(&all)?;
        }
        Ok(is_changed)
    }

    fn write(&self, all: &[Schedule]) -> Result<(), AskError> {
        let failed = |e: &dyn std::fmt::Display| refused(format!("{} can't be written: {e}", self.path.display()));
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(folder).map_err(|e| failed(&e))?;
        let text = serde_json::to_vec_pretty(all).map_err(|e| failed(&e))?;
        // A new one is for its owner alone.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|e| failed(&e))?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
        file.persist(&self.path).map_err(|e| failed(&e.error))?;
        Ok(())
    }
}

/// The files of a schedule beyond those that stay, the oldest first.
fn beyond(folder: &Path, name: &str, extension: &str, keep: usize) -> Vec<PathBuf> {
    let is_ours = |file: &str| {
        let stamp = file.strip_prefix(name).and_then(|f| f.strip_prefix('-')).and_then(|f| f.strip_suffix(extension));
        stamp.and_then(|s| s.strip_suffix('.')).is_some_and(|s| {
            matches!(s.len(), 13 | 15)
                && s.bytes().enumerate().all(|(i, b)| if i == 8 { b == b'-' } else { b.is_ascii_digit() })
        })
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> =
        entries.filter(|e| e.file_name().to_str().is_some_and(is_ours)).map(|e| e.path()).collect();
    all.sort();
    all.truncate(all.len().saturating_sub(keep));
    all
}

/// What is told of a run.
fn message(one: &Schedule, run: &Value) -> Value {
    let Some(webhook) = &one.webhook else { return Value::Null };
    match webhook.shape {
        WebhookShape::Generic => {
            let mut said = run.clone();
            said["schedule"] = one.name.as_str().into();
            said["report"] = one.report.kind.name().into();
            said
        }
        WebhookShape::Slack => {
            let text = |key: &str| run[key].as_str().unwrap_or_default();
            let missed = match run["missed"].as_u64() {
                Some(0) | None => String::new(),
                Some(n) => format!(" ({n} before it missed)"),
            };
            let what = match run["error"].as_str() {
                Some(e) => format!("was not made: {e}"),
                None => format!("{}, {}", text("path"), size_text(run["bytes"].as_u64().unwrap_or(0))),
            };
            // What is meant for people must not become a mark-up of theirs.
            let words = format!("Report {}, {}{missed}: {what}", one.name, text("due"));
            json!({ "text": words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") })
        }
    }
}

impl Workbench {
    fn schedule(&self, name: &str) -> Result<Schedule, AskError> {
        let all = Schedules::of(self.data_dir()).all()?;
        all.into_iter().find(|s| s.name == name).ok_or_else(|| {
            AskError::new(Code::NotFound, format!("there is no schedule called '{name}'"))
                .hint("see them with: sextant schedule list")
        })
    }

    fn last_run(&self, name: &str) -> Result<Value, AskError> {
        let kept = self.store.saved(RUNS).map_err(|e| errors::store(&e))?;
        let one = kept.into_iter().find(|s| s.name == name);
        Ok(one.and_then(|s| serde_json::from_str(&s.value).ok()).unwrap_or_default())
    }

    /// All schedules: when they come next, and what came of them the last time.
    pub(crate) fn schedules(&self) -> Result<Answer, AskError> {
        let mut all = Vec::new();
        for s in Schedules::of(self.data_dir()).all()? {
            let next = parsed(&s.cron).ok().and_then(|cron| next(&cron, now()));
            all.push(json!({
                "name": s.name, "cron": s.cron, "next": next.map(|t| UnixNanos(t).to_string()),
                "report": s.report.kind.name(), "folder": s.folder, "keep": s.keep,
                "webhook": s.webhook.as_ref().map(webhook::host), "last": self.last_run(&s.name)?,
            }));
        }
        Ok(Answer::object(json!({ "schedules": all }), self.store.snapshot().generation))
    }

    /// Makes one now.
    pub(crate) fn schedule_run(&self, name: &str) -> Result<Outcome, AskError> {
        let one = self.schedule(name)?;
        let run = self.inner.handle.block_on(self.make(&one, now(), 0))?;
        match run["error"].as_str() {
            None => Ok(Outcome::Object { object: run }),
            Some(e) => Err(refused(e)),
        }
    }

    /// Makes what is due, for as long as this is not stopped.
    pub async fn keep_schedules(self) {
        loop {
            let pause = match self.run_due().await {
                Ok(next) => {
                    next.map_or(LOOK_AGAIN, |t| Duration::from_nanos((t - now()).max(0) as u64)).min(LOOK_AGAIN)
                }
                Err(e) => {
                    tracing::warn!("no schedule is looked at: {}", e.message);
                    LOOK_AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes what is due; when the next one is.
    async fn run_due(&self) -> Result<Option<i64>, AskError> {
        let mut soonest: Option<i64> = None;
        for one in Schedules::of(self.data_dir()).all()? {
            let Ok(cron) = parsed(&one.cron) else {
                tracing::warn!("the schedule '{}' never comes: '{}' is no time that comes again", one.name, one.cron);
                continue;
            };
            let last = self.last_run(&one.name)?["due_nanos"].as_i64();
            if let Some((time, n_missed)) = due(&cron, last.unwrap_or(0).max(one.since), now()) {
                self.make(&one, time, n_missed).await?;
            }
            soonest = soonest.into_iter().chain(next(&cron, now())).min();
        }
        Ok(soonest)
    }

    /// Makes one as of a time, keeps what came of it, and tells who wants to know.
    async fn make(&self, one: &Schedule, time: i64, n_missed: usize) -> Result<Value, AskError> {
        let extension = if one.form == ReportForm::Html { "html" } else { "pdf" };
        // What is made on demand must not take the place of what came by itself.
        let n_digits = if time % MINUTE == 0 { 12 } else { 14 };
        let digits: String = UnixNanos(time).to_string().chars().filter(char::is_ascii_digit).take(n_digits).collect();
        let stamp = format!("{}-{}", digits.get(..8).unwrap_or_default(), digits.get(8..).unwrap_or_default());
        let folder = Path::new(&one.folder);
        let path = folder.join(format!("{}-{stamp}.{extension}", one.name));
        let mut run = json!({
            "due": UnixNanos(time).to_string(), "due_nanos": time, "at": UnixNanos(now()).to_string(),
            "missed": n_missed,
        });
        let command = Command::Report {
            report: Box::new(one.report_at(time)),
            form: one.form,
            tag: now() as u64,
            path: Some(path.to_string_lossy().into_owned()),
        };
        let made = match std::fs::create_dir_all(folder) {
            Ok(()) => self.act(command, Vec::new()).await,
            Err(e) => Err(refused(format!("the folder {} can't be made: {e}", folder.display()))),
        };
        match made {
            Ok(Outcome::Object { object }) => {
                for key in ["path", "bytes", "pages", "sha256", "title"] {
                    run[key] = object[key].clone();
                }
                for old in one.keep.map(|keep| beyond(folder, &one.name, extension, keep)).unwrap_or_default() {
                    if let Err(e) = std::fs::remove_file(&old) {
                        tracing::warn!("the old report {} stays: {e}", old.display());
                    }
                }
            }
            Ok(_) => {}
            Err(e) => run["error"] = e.message.into(),
        }
        // Kept before anyone is told: who is slow must not have it made twice.
        self.keep_run(&one.name, &run)?;
        if let Some(webhook) = &one.webhook {
            let told = webhook::told(webhook, &message(one, &run)).await;
            run["told"] = told.unwrap_or_else(|why| why).into();
            self.keep_run(&one.name, &run)?;
        }
        if let Some(e) = run["error"].as_str() {
            tracing::warn!("the report '{}' was not made: {e}", one.name);
        } else {
            tracing::info!("the report '{}' was made: {}", one.name, path.display());
        }
        Ok(run)
    }

    fn keep_run(&self, name: &str, run: &Value) -> Result<(), AskError> {
        let kept = Saved { name: name.to_owned(), value: run.to_string(), at: now() };
        self.store.save(RUNS, &kept).map_err(|e| errors::store(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_the_last_time_that_was_missed() {
        let at = |text: &str| UnixNanos::parse(text).expect("a time").0;
        let cron = parsed("0 7 * * MON").expect("a time that comes again");
        let since = at("2026-11-01T00:00:00Z");
        assert_eq!(next(&cron, since), Some(at("2026-11-02T07:00:00Z")));
        assert_eq!(due(&cron, since, at("2026-11-02T06:59:59Z")), None);
        assert_eq!(due(&cron, since, at("2026-11-02T07:00:00Z")), Some((at("2026-11-02T07:00:00Z"), 0)));
        assert_eq!(due(&cron, since, at("2026-11-22T00:00:00Z")), Some((at("2026-11-16T07:00:00Z"), 2)));
        // What was made is not due again.
        assert_eq!(due(&cron, at("2026-11-16T07:00:00Z"), at("2026-11-22T00:00:00Z")), None);
        for wrong in ["", "7", "0 25 * * *", "0 0 * * * *", "@soon", "* * * * * * *"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        assert_eq!(next(&parsed("0 0 30 2 *").expect("it is written well"), since), None);
    }

    #[test]
    fn only_files_of_the_schedule_make_room() {
        let home = tempfile::tempdir().expect("a directory");
        for name in [
            "w-20261101-0700.pdf",
            "w-20261108-0700.pdf",
            "w-20261115-0700.pdf",
            "w-2026.pdf",
            "w-20261101-0700.html",
            "ww-20261101-0700.pdf",
            "w-notes-of-mine.pdf",
        ] {
            std::fs::write(home.path().join(name), "x").expect("a file");
        }
        let gone = beyond(home.path(), "w", "pdf", 2);
        assert_eq!(gone, [home.path().join("w-20261101-0700.pdf")]);
        assert_eq!(beyond(home.path(), "w", "pdf", 9), [] as [PathBuf; 0]);
    }
}
