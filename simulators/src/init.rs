//! A scenario to begin with: what was measured, with words on each line.

use crate::measure::Measured;

/// Services that are named, of each signal.
const NAMED: usize = 50;

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

/// The file, from what was measured; `keep` is for how many days it is kept now, if there is a policy.
pub fn commented(signals: &[Measured], keep: Option<u64>, source: &str) -> String {
    let mut out = String::new();
    let mut line = |text: String| out.extend([text.as_str(), "\n"]);
    line(
        "# What is kept now, as a scenario: change a figure, and `sextant simulate FILE.toml` says what follows."
            .into(),
    );
    line(format!(
        "# Measured on {source}. Raw bytes are those of all values as they are, not packed; a GB is 10^9 bytes."
    ));
    line("version = 1".into());
    line("days = 365                       # from an empty store on".into());
    line("seed = 1                         # of what is drawn in [uncertainty]".into());
    line("currency = \"USD\"".into());
    let hours = signals.iter().map(|s| s.hours).max().unwrap_or(0);
    let (groups, bytes) = signals.iter().fold((0, 0.0), |(g, b), s| (g + s.groups, b + s.sample_bytes));
    line("\n[measured]                       # what the figures below are from".into());
    line(format!("hours = {hours}"));
    line(format!("groups = {groups}                      # row groups that were read, to see how well they pack"));
    line(format!("bytes = {}", number(bytes)));
    for of in signals {
        line(format!("\n[ingest.{}]", of.signal));
        let days = of.hours as f64 / 24.0;
        let scaled =
            if of.hours < 24 { format!(", scaled up from {} h", of.hours) } else { format!(", over {days:.1} days") };
        line(format!("bytes_per_day = {}         # raw; {} records{scaled}", number(of.bytes_per_day), of.rows));
        line(format!("ratio = {:.2}                     # raw to stored", of.ratio));
        match of.growth_per_day {
            Some(growth) => line(format!("growth_per_day = {growth:.5}         # of a day, measured")),
            None => line("growth_per_day = 0.0             # assumed: less than 14 whole days are known".into()),
        }
        line("keep = 1.0                       # the share that is kept".into());
        line(format!("[ingest.{}.services]         # which share each sends", of.signal));
        for (name, share) in of.services.iter().take(NAMED) {
            line(format!("{} = {:.4}", key(name), share - share % 0.0001));
        }
    }
    let season =
        signals.iter().filter(|s| s.weekdays.is_some()).max_by(|a, b| a.bytes_per_day.total_cmp(&b.bytes_per_day));
    if let Some(weekdays) = season.and_then(|s| s.weekdays) {
        line("\n[season]".into());
        line(format!("weekdays = {:?}  # of the mean, from Monday on", weekdays.map(|d| (d * 1e3).round() / 1e3)));
    }
    let hot = keep.unwrap_or(30);
    line("\n[[tier]]                         # in the order in which a record passes through".into());
    line("name = \"hot\"".into());
    line(format!(
        "days = {hot:<26}# {}",
        if keep.is_some() { "as the policy of this store" } else { "assumed: this store has no policy" }
    ));
    line("sku = \"ebs-gp3\"                  # a price of the book, or price_per_gb_month = 0.08".into());
    line("replicas = 1".into());
    line("\n# [[tier]]".into());
    line("# name = \"cold\"".into());
    line("# days = 150".into());
    line("# sku = \"s3-standard-ia\"".into());
    line("# object_mb = 64                 # small objects are paid for as larger ones".into());
    line("# read_per_month = 0.05          # the share that is read back".into());
    line("\n# [sampling]                     # replayed on the traces that are stored".into());
    line("# applied = true                 # what comes in is less by it".into());
    line("# head = 0.1                     # everything else, by trace id".into());
    line("# keep_errors = true".into());
    line("# slower_than = \"1s\"".into());
    line("# [[sampling.rule]]              # the first that a trace has a span for decides".into());
    line("# search = \"service:checkout\"".into());
    line("# keep = 0.5".into());
    if let Some(largest) = signals.iter().flat_map(|s| &s.attributes).map(|a| a.name.as_str()).next() {
        line("\n# [[shape]]                      # tried on a sample, by the writer itself".into());
        line(format!("# drop = {}", toml::Value::String(largest.to_owned())));
    }
    line("\n# [[compare]]                    # the same otherwise, beside it".into());
    line("# name = \"half as long\"".into());
    line(format!("# set = {{ \"tier[0].days\" = {} }}", (hot / 2).max(1)));
    let sigma = signals.iter().map(|s| s.ratio_sigma).fold(0.0, f64::max);
    line("\n[uncertainty]".into());
    line("runs = 2000".into());
    let sigma = if groups < 2 { 0.25 } else { sigma };
    line(format!(
        "ratio_sigma = {sigma:.3}              # of the logarithm of the ratio, {}",
        if groups < 2 { "assumed" } else { "between row groups" }
    ));
    let weeks = season.map_or(&[][..], |s| &s.weeks);
    if weeks.len() >= 2 {
        let weeks: Vec<f64> = weeks.iter().map(|w| (w * 1e3).round() / 1e3).collect();
        line(format!("weeks = {weeks:?}  # what past weeks brought of the mean: those to come are drawn from them"));
    }
    out
}
