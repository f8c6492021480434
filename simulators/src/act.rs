//! What to do to get there, as text to be read and changed: nothing is applied from here.

use crate::outcome::Outcome;
use crate::sample::Order;
use crate::scenario::{Sampling, Scenario, Tier};
use crate::shape::{Shape, Shaping};
use serde::Serialize;
use sextant_model::{DurationNanos, Signal};

/// A text for some program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// For which program.
    pub name: &'static str,
    /// What it is called as a file.
    pub file: &'static str,
    /// The text.
    pub text: String,
}

/// Texts for all programs that a scenario says something to.
pub(crate) fn steps(scenario: &Scenario, outcome: &Outcome) -> Vec<Step> {
    let mut all = Vec::new();
    let shapes: Vec<&Shape> = scenario.ingest.iter().flat_map(|i| &i.rewrite.shapes).collect();
    if scenario.sampling.is_some() || !shapes.is_empty() || !scenario.filters.is_empty() {
        all.push(Step { name: "Collector", file: "collector.yaml", text: collector(scenario, outcome, &shapes) });
    }
    if !scenario.tiers.is_empty() {
        all.push(Step { name: "ClickHouse", file: "clickhouse.sql", text: clickhouse(scenario, outcome) });
        all.push(Step { name: "Sextant", file: "retention.sh", text: sextant(scenario) });
    }
    all
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// A text between single quotes of YAML or SQL.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn collector(scenario: &Scenario, outcome: &Outcome, shapes: &[&Shape]) -> String {
    let mut out = String::from("# For the OpenTelemetry Collector (contrib). Read it before it is used.\n");
    let mut line = |text: &str| out.extend([text, "\n"]);
    let mut names = Vec::new();
    if let Some(sampled) = &outcome.sampling {
        line(&format!(
            "# Expected: {} of {} traces, {} of {} with an error, {:.0} % of the bytes.",
            sampled.kept_traces,
            sampled.traces,
            sampled.kept_error_traces,
            sampled.error_traces,
            sampled.kept_share() * 100.0
        ));
    }
    line("processors:");
    if let Some(sampling) = &scenario.sampling {
        names.push("tail_sampling");
        tail_sampling(sampling, &mut line);
    }
    if !scenario.filters.is_empty() {
        names.push("filter");
        filter(scenario, outcome, &mut line);
    }
    let mut seen = Vec::new();
    let mut statements = Vec::new();
    for shape in shapes {
        if seen.contains(shape) {
            continue;
        }
        seen.push(shape);
        let key = quoted(&shape.key);
        let of = |scope: &str| match shape.how {
            Shaping::Drop => format!("delete_key({scope}attributes, {key})"),
            Shaping::Hash => {
                format!(
                    "set({scope}attributes[{key}], SHA256({scope}attributes[{key}])) where {scope}attributes[{key}] != nil"
                )
            }
            Shaping::Truncate(n) => format!(
                "set({scope}attributes[{key}], Substring({scope}attributes[{key}], 0, {n})) where Len({scope}attributes[{key}]) > {n}"
            ),
        };
        statements.push((shape.signal, of(""), of("resource.")));
    }
    if !statements.is_empty() {
        names.push("transform");
        line("  transform:");
        line("    error_mode: ignore");
        for (signal, name, scope) in [
            (Signal::Traces, "trace_statements", "span."),
            (Signal::Logs, "log_statements", "log."),
            (Signal::Metrics, "metric_statements", "datapoint."),
        ] {
            let of: Vec<_> = statements.iter().filter(|(of, _, _)| of.is_none_or(|of| of == signal)).collect();
            if of.is_empty() {
                continue;
            }
            line(&format!("    {name}:"));
            for (_, own, resource) in of {
                line(&format!("      - {}", single(&own.replace("attributes", &format!("{scope}attributes")))));
                line(&format!("      - {}", single(resource)));
            }
        }
    }
    line("# And in each pipeline that they are for:");
    line(&format!("#   processors: [{}, batch]", names.join(", ")));
    out
}

/// Severities of OpenTelemetry by the names of levels: the first of four.
const LEVELS: [(&str, u32); 6] = [("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("fatal", 21)];

/// A search of log records as a condition of OTTL, if it is one of a few simple ones.
fn ottl_of_logs(search: &str) -> Option<String> {
    let level = search.strip_prefix("level:").and_then(|name| LEVELS.iter().find(|(of, _)| *of == name));
    if let Some((_, first)) = level {
        return Some(format!("severity_number >= {first} and severity_number < {}", first + 4));
    }
    // What spans have and log records do not is not said of them.
    ottl(search).filter(|c| !c.starts_with("name == ") && !c.contains(" name == ") && !c.contains("status.code"))
}

fn filter(scenario: &Scenario, outcome: &Outcome, line: &mut dyn FnMut(&str)) {
    line("  filter:");
    line("    error_mode: ignore");
    line("    logs:");
    line("      log_record:");
    for (filter, found) in scenario.filters.iter().zip(&outcome.filtered) {
        let share = found.found.share * 100.0;
        line(&format!("        # {}: {:.1} % of the bytes of log records", filter.search, share));
        match ottl_of_logs(&filter.search) {
            Some(_) if filter.keep > 0.0 => line(&format!(
                "        # {:.0} % of them are kept: give them to a pipeline of their own with a probabilistic_sampler",
                filter.keep * 100.0
            )),
            Some(condition) => line(&format!("        - {}", single(&condition))),
            None => line("        # no condition of OTTL is known for it; write it by hand"),
        }
    }
}

fn tail_sampling(sampling: &Sampling, line: &mut dyn FnMut(&str)) {
    line("  tail_sampling:");
    line("    decision_wait: 30s");
    line(
        "    # A trace is kept if any policy keeps it, and shares are drawn by the Collector's own hash: which traces of a",
    );
    line("    # share are kept differs from the replay, how many does not.");
    line("    policies:");
    let percent = |share: f64| format!("{:.4}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned();
    for (i, rule) in sampling.rules.iter().enumerate() {
        let n = i + 1;
        let Some(condition) = ottl(&rule.search) else {
            line(&format!(
                "      # rule {n}, {}, keeps {} %: no condition of OTTL is known for it; write it by hand",
                rule.search,
                percent(rule.keep)
            ));
            continue;
        };
        if rule.keep < sampling.head {
            line(&format!("      # rule {n} keeps less than everything else does: let a `drop` policy precede it"));
        }
        line(&format!("      - name: rule-{n}"));
        line("        type: and");
        line("        and:");
        line("          and_sub_policy:");
        line(&format!(
            "            - {{ name: match, type: ottl_condition, ottl_condition: {{ error_mode: ignore, span: [{}] }} }}",
            single(&condition)
        ));
        line(&format!(
            "            - {{ name: share, type: probabilistic, probabilistic: {{ sampling_percentage: {} }} }}",
            percent(rule.keep)
        ));
    }
    if sampling.keep_errors {
        line("      - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }");
    }
    if let Some(nanos) = sampling.slower_than {
        let text = DurationNanos(nanos).to_string();
        line(&format!(
            "      - {{ name: slow, type: latency, latency: {{ threshold_ms: {} }} }} # longer than {text}",
            nanos / 1_000_000
        ));
    }
    line(&format!(
        "      - {{ name: rest, type: probabilistic, probabilistic: {{ sampling_percentage: {} }} }}",
        percent(sampling.head)
    ));
}

/// A search as a condition of OTTL, if it is one of a few simple ones.
fn ottl(search: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = search.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':')?;
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c));
        if !is_key {
            return None;
        }
        let (value, next) = match after.strip_prefix('"') {
            Some(after) => after.split_once('"')?,
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        if !after.starts_with('"') && (value.is_empty() || value.contains(['*', '>', '<', '(', ')', '/', '|', '~'])) {
            return None;
        }
        rest = next.trim_start();
        let value = quoted(value);
        parts.push(match key {
            "service" => format!("resource.attributes[\"service.name\"] == {value}"),
            "name" | "op" => format!("name == {value}"),
            "status" if value == "\"error\"" => "status.code == STATUS_CODE_ERROR".to_owned(),
            "status" | "duration" | "kind" | "trace" | "span" => return None,
            key => format!("attributes[{}] == {value}", quoted(key)),
        });
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn tables(signal: Signal) -> &'static [(&'static str, &'static str)] {
    match signal {
        Signal::Traces => &[("otel_traces", "toDateTime(Timestamp)")],
        Signal::Logs => &[("otel_logs", "TimestampTime")],
        Signal::Metrics => &[
            ("otel_metrics_gauge", "toDateTime(TimeUnix)"),
            ("otel_metrics_sum", "toDateTime(TimeUnix)"),
            ("otel_metrics_histogram", "toDateTime(TimeUnix)"),
            ("otel_metrics_exponential_histogram", "toDateTime(TimeUnix)"),
            ("otel_metrics_summary", "toDateTime(TimeUnix)"),
        ],
    }
}

fn clickhouse(scenario: &Scenario, outcome: &Outcome) -> String {
    let mut out = String::from(
        "-- For tables of the Collector's ClickHouse exporter. Read it before it is run: Sextant runs nothing there.\n",
    );
    let mut line = |text: String| out.extend([text.as_str(), "\n"]);
    let end = outcome.daily.last().map_or(0.0, |day| day.stored_bytes);
    let days = scenario.ttl();
    line(format!(
        "-- Expected after {days} days: {:.3} GB on disk, replicas included, {:.2} {} a month.",
        end / 1e9,
        outcome.bill.total,
        outcome.bill.currency
    ));
    let volume = |tier: &Tier| single(&tier.name.to_lowercase().replace(' ', "_"));
    if scenario.tiers.len() > 1 {
        line("-- Its tiers are volumes of a storage policy, in the server's configuration (the disks are yours to name):".into());
        line("--   <storage_configuration><policies><sextant><volumes>".into());
        for tier in &scenario.tiers {
            let name = tier.name.to_lowercase().replace(' ', "_");
            line(format!("--     <{name}><disk>{name}</disk></{name}>"));
        }
        line("--   </volumes></sextant></policies></storage_configuration>".into());
    }
    for ingest in &scenario.ingest {
        for (table, time) in tables(ingest.signal) {
            let mut from = 0;
            let mut parts = Vec::new();
            for (i, tier) in scenario.tiers.iter().enumerate() {
                if i > 0 {
                    parts.push(format!("{time} + INTERVAL {from} DAY TO VOLUME {}", volume(tier)));
                }
                from += tier.days;
            }
            parts.push(format!("{time} + INTERVAL {from} DAY DELETE"));
            if scenario.tiers.len() > 1 {
                line(format!("ALTER TABLE {table} MODIFY SETTING storage_policy = 'sextant';"));
            }
            line(format!("ALTER TABLE {table} MODIFY TTL {};", parts.join(", ")));
            let codec = match ingest.rewrite.packing.as_deref() {
                Some("none") => Some("NONE".to_owned()),
                Some("lz4") => Some("LZ4".to_owned()),
                Some(name) => name.strip_prefix("zstd-").map(|level| format!("ZSTD({level})")),
                None => None,
            };
            if let Some(codec) = codec {
                let of = outcome.effects.iter().find(|e| e.signal == ingest.signal.name());
                if let Some(of) = of {
                    line(format!(
                        "-- Tried on a sample, by this program's own writer: {:.0} % of the bytes on disk.",
                        of.effect.stored * 100.0
                    ));
                }
                for column in ["ResourceAttributes", "SpanAttributes", "LogAttributes", "Attributes"] {
                    let is_there = match ingest.signal {
                        Signal::Traces => column != "LogAttributes" && column != "Attributes",
                        Signal::Logs => column != "SpanAttributes" && column != "Attributes",
                        Signal::Metrics => column != "SpanAttributes" && column != "LogAttributes",
                    };
                    if is_there {
                        line(format!("ALTER TABLE {table} MODIFY COLUMN {column} CODEC({codec});"));
                    }
                }
            }
            if ingest.rewrite.order != Order::AsItIs {
                line("-- Another order of rows needs another table: ORDER BY can't be changed.".into());
            }
        }
    }
    out
}

fn sextant(scenario: &Scenario) -> String {
    let mut out = String::from(
        "# For the store on this desk; what it would take away first: sextant retention apply --dry-run\n",
    );
    let days = scenario.ttl();
    for ingest in &scenario.ingest {
        let warm = match scenario.tiers.as_slice() {
            [first, _, ..] => format!(" --warm-after {}d", first.days),
            _ => String::new(),
        };
        out.push_str(&format!("sextant retention set {} {days}d{warm}\n", ingest.signal));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ottl;

    #[test]
    fn simple_searches_are_conditions() {
        for (search, condition) in [
            ("service:cart", Some("resource.attributes[\"service.name\"] == \"cart\"")),
            ("status:error name:\"GET /a\"", Some("status.code == STATUS_CODE_ERROR and name == \"GET /a\"")),
            ("http.route:\"/x\"", Some("attributes[\"http.route\"] == \"/x\"")),
            ("name:*quote", None),
            ("duration:>1s", None),
            ("service:a OR service:b", None),
            ("", None),
        ] {
            assert_eq!(ottl(search).as_deref(), condition, "{search}");
        }
        for (search, condition) in [
            ("level:debug", Some("severity_number >= 5 and severity_number < 9")),
            (
                "service:cart user.id:7",
                Some("resource.attributes[\"service.name\"] == \"cart\" and attributes[\"user.id\"] == \"7\""),
            ),
            ("name:x", None),
            ("refused", None),
        ] {
            assert_eq!(super::ottl_of_logs(search).as_deref(), condition, "{search}");
        }
    }
}
