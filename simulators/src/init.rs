//! A scenario to begin with: what was measured, with words on each line.

use crate::file::WEEKDAYS;
use crate::history::weekday;
use crate::measure::{Measured, PRIOR};
use std::fmt::Write as _;

/// Services that are named, of each signal.
const NAMED: usize = 50;
/// Days before day 0 that are told one by one.
const MOST_BEFORE: usize = 400;

fn number(n: f64) -> String {
    // As many digits as were measured at best.
    let text = format!("{n:.3e}");
    text.strip_suffix("e0").map_or(text.clone(), str::to_owned)
}

/// A key of TOML.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}

/// A line of the file: what it says, and why.
fn said(out: &mut String, code: &str, why: &str) {
    if why.is_empty() {
        out.extend([code, "\n"]);
    } else {
        writeln!(out, "{code:<33} # {why}").ok();
    }
}

/// The file, from what was measured; `keep` is for how many days it is kept now, if there is a policy.
pub fn commented(signals: &[Measured], keep: Option<u64>, source: &str) -> String {
    let mut out = String::new();
    let mut line = |code: &str, why: &str| said(&mut out, code, why);
    line("# What is kept now, as a scenario: change a figure, and `sextant simulate FILE.toml` says what follows.", "");
    line(
        &format!(
            "# Measured on {source}. Raw bytes are those of all values as they are, not packed; a GB is 10^9 bytes."
        ),
        "",
    );
    line("version = 1", "");
    line("days = 365", "from today on");
    line("seed = 1", "of what is drawn in [uncertainty]");
    line("currency = \"USD\"", "");
    let hours = signals.iter().map(|s| s.hours).fold(0.0, f64::max);
    let (groups, bytes) = signals.iter().fold((0, 0.0), |(g, b), s| (g + s.groups, b + s.sample_bytes));
    line("\n[measured]", "what the figures below are from");
    line(&format!("hours = {:.2}", hours.max(0.01)), "");
    line(&format!("groups = {groups}"), "row groups that were read, to see how well they pack");
    line(&format!("bytes = {}", number(bytes)), "of these, on disk");
    for of in signals {
        ingest(&mut line, of);
    }
    let season =
        signals.iter().filter(|s| s.weekdays.is_some()).max_by(|a, b| a.bytes_per_day.total_cmp(&b.bytes_per_day));
    if let Some(weekdays) = season.and_then(|s| s.weekdays) {
        line("\n[season]", "");
        line(&format!("weekdays = {:?}", weekdays.map(|d| (d * 1e3).round() / 1e3)), "of the mean, from Monday on");
        if let Some(day) = season.and_then(|s| s.day_0) {
            line(&format!("first_weekday = \"{}\"", WEEKDAYS[weekday(day)].0), "day 0");
        }
    }
    let before = before(signals);
    if !before.is_empty() {
        line("\n[before]", "what lies there when day 0 begins");
        line(&format!("stored_bytes = [{}]", before.join(", ")), "of yesterday, of the day before, …");
    }
    let hot = keep.unwrap_or(30);
    let policy = if keep.is_some() { "as the policy of this store" } else { "assumed: this store has no policy" };
    line("\n[[tier]]", "in the order in which a record passes through");
    line("name = \"hot\"", "");
    line(&format!("days = {hot}"), policy);
    line("sku = \"ebs-gp3\"", "a price of the book, or price_per_gb_month = 0.08");
    line("replicas = 1", "");
    for (code, why) in SUGGESTED {
        line(code, why);
    }
    if let Some(largest) = signals.iter().flat_map(|s| &s.attributes).map(|a| a.name.as_str()).next() {
        line("\n# [[shape]]", "tried on a sample, by the writer itself");
        line(&format!("# drop = {}", toml::Value::String(largest.to_owned())), "");
    }
    line("\n# [[compare]]", "the same otherwise, beside it");
    line("# name = \"half as long\"", "");
    line(&format!("# set = {{ \"tier[0].days\" = {} }}", (hot / 2).max(1)), "");
    // The largest signal says how sure all of it is.
    let largest = signals.iter().max_by(|a, b| a.stored_bytes.total_cmp(&b.stored_bytes));
    let sigma = largest.map_or(PRIOR, |s| s.ratio_sigma);
    let is_assumed = (sigma - PRIOR).abs() < 1e-9;
    line("\n[uncertainty]", "");
    line("runs = 2000", "");
    let of = if is_assumed { "assumed" } else { "as between row groups" };
    line(&format!("ratio_sigma = {sigma:.3}"), &format!("of the logarithm of the ratio, {of}"));
    let weeks = season.map_or(&[][..], |s| &s.weeks);
    if weeks.len() >= 2 {
        let weeks: Vec<f64> = weeks.iter().map(|w| (w * 1e3).round() / 1e3).collect();
        line(&format!("weeks = {weeks:?}"), "what past weeks brought of the mean: those to come are drawn from them");
    }
    out
}

/// What lies there of each day before day 0, the last first; nothing, where no day is whole.
fn before(signals: &[Measured]) -> Vec<String> {
    let Some(day_0) = signals.iter().filter_map(|s| s.day_0).max() else { return Vec::new() };
    let mut days = [0.0; MOST_BEFORE];
    for of in signals {
        for (day, raw) in &of.days {
            if let Some(bytes) = usize::try_from(day_0 - 1 - day).ok().and_then(|ago| days.get_mut(ago)) {
                *bytes += raw / of.ratio;
            }
        }
    }
    let n = days.iter().rposition(|bytes| *bytes > 0.0).map_or(0, |last| last + 1);
    days[..n].iter().map(|bytes| format!("{bytes:.3e}")).map(|n| n.trim_end_matches("e0").to_owned()).collect()
}

/// What may be wanted next.
const SUGGESTED: [(&str, &str); 16] = [
    ("\n# [[tier]]", ""),
    ("# name = \"cold\"", ""),
    ("# days = 150", ""),
    ("# sku = \"s3-standard-ia\"", ""),
    ("# object_mb = 64", "small objects are paid for as larger ones"),
    ("# read_per_month = 0.05", "the share that is read back"),
    ("\n# [sampling]", "replayed on the traces that are stored"),
    ("# applied = true", "what comes in is less by it"),
    ("# head = 0.1", "everything else, by trace id"),
    ("# keep_errors = true", ""),
    ("# slower_than = \"1s\"", ""),
    ("# [[sampling.rule]]", "the first that a trace has a span for decides"),
    ("# search = \"service:checkout\"", ""),
    ("# keep = 0.5", ""),
    ("\n# [commitment]", "what is paid in any case"),
    ("# monthly = 0.01", ""),
];

fn ingest(line: &mut dyn FnMut(&str, &str), of: &Measured) {
    line(&format!("\n[ingest.{}]", of.signal), "");
    let scaled = if of.hours < 24.0 {
        format!("scaled up from {:.1} h", of.hours)
    } else {
        format!("over {:.1} days", of.hours / 24.0)
    };
    line(&format!("bytes_per_day = {}", number(of.bytes_per_day)), &format!("raw; {} records, {scaled}", of.rows));
    line(&format!("ratio = {:.2}", of.ratio), "raw to stored");
    match of.growth_per_day {
        Some(growth) => line(&format!("growth_per_day = {growth:.5}"), "of a day, measured"),
        None => line("growth_per_day = 0.0", "assumed: less than 14 whole days are known"),
    }
    line("keep = 1.0", "the share that is kept");
    line(&format!("[ingest.{}.services]", of.signal), "which share each sends");
    for (name, share) in of.services.iter().take(NAMED) {
        // Cut, so that they never come to more than all.
        line(&format!("{} = {:.4}", key(name), (share * 1e4).floor() / 1e4), "");
    }
}
