//! `pack`: the way to a ClickHouse of one's own, as files.

use crate::args::Pack;
use crate::output::note;
use crate::reach::Reach;
use anyhow::{Context as _, ensure};
use arrow::datatypes::DataType;
use sextant_contract::{Ask, Command, Outcome, RowFormat, size_text};
use sextant_model::{Table, schema};
use std::path::Path;
use std::process::ExitCode;

/// The exporter's tables for one server.
const TABLES: &str = include_str!("../pack/exporter.sql");
const COLLECTOR: &str = include_str!("../pack/collector.yaml");
const LOAD: &str = include_str!("../pack/load.sh");

pub async fn run(args: Pack) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(&args.out).context("the folder makes no sense")?;
    ensure!(!out.exists(), "{} is there already; name a folder that is not", out.display());
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    ensure!(
        args.cluster.chars().all(is_name) && !args.cluster.is_empty(),
        "'{}' is no name of a cluster",
        args.cluster
    );
    let reach = Reach::reading(&args.place).await?;
    let done = write(&reach, &args, &out).await;
    super::close(reach).await;
    done?;
    note(format_args!("{}: README.md says what to do with it", out.display()));
    Ok(ExitCode::SUCCESS)
}

async fn write(reach: &Reach, args: &Pack, out: &Path) -> anyhow::Result<()> {
    let (tables, records) = (out.join("tables"), out.join("records"));
    std::fs::create_dir_all(&tables).with_context(|| format!("{} can't be made", tables.display()))?;
    std::fs::create_dir_all(&records)?;
    let kept = with_days(TABLES, args.days);
    std::fs::write(tables.join("single.sql"), in_database(&kept))?;
    std::fs::write(tables.join("replicated.sql"), in_database(&replicated(&kept, &args.cluster)))?;
    std::fs::write(tables.join("distributed.sql"), in_database(&distributed(&kept, &args.cluster)))?;
    std::fs::write(out.join("collector.yaml"), COLLECTOR)?;
    std::fs::write(out.join("load.sh"), LOAD)?;
    let mut lines = Vec::new();
    for table in Table::ALL.into_iter().filter(|_| !args.without_records) {
        let name = name(table);
        let path = records.join(format!("{name}.parquet"));
        let ask = Box::new(Ask::sql(format!("SELECT {} FROM {}", columns(table), table.name()), None));
        let tag = sextant_workbench::now() as u64;
        let place = Some(path.to_string_lossy().into_owned());
        let command = Command::Export { ask, format: RowFormat::Parquet, tag, path: place, location: None };
        let Outcome::Object { object } = reach.act(command, Vec::new()).await? else { continue };
        let rows = object["rows"].as_u64().unwrap_or(0);
        if rows == 0 {
            std::fs::remove_file(&path)?;
            continue;
        }
        let size = size_text(object["bytes"].as_u64().unwrap_or(0));
        note(format_args!("{name}: {rows} rows, {size}"));
        lines.push(format!("| `{name}` | {rows} | {size} |"));
    }
    std::fs::write(out.join("README.md"), readme(&args.cluster, &lines))?;
    Ok(())
}

/// What the exporter calls a table.
fn name(table: Table) -> String {
    match table {
        Table::ExpHistogram => "otel_metrics_exponential_histogram".to_owned(),
        other => format!("otel_{}", other.name()),
    }
}

/// The statement that makes a table.
fn made(table: Table) -> &'static str {
    let begin = format!("CREATE TABLE IF NOT EXISTS {} (", name(table));
    TABLES.split(";\n").find(|statement| statement.contains(&begin)).unwrap_or_default()
}

/// The store's columns that the exporter's table has too, lists within one by themselves.
fn columns(table: Table) -> String {
    let (stored, made) = (schema::stored(table), made(table));
    let has = |name: &str| made.contains(&format!(" {name} ")) || made.contains(&format!("({name} "));
    let mut all = Vec::new();
    for field in stored.fields().iter().filter(|f| has(f.name())) {
        match field.data_type() {
            DataType::Struct(parts) => {
                let there = parts.iter().filter(|p| has(p.name()));
                all.extend(there.map(|p| format!("{0}.{1} AS \"{0}.{1}\"", field.name(), p.name())));
            }
            _ => all.push(field.name().clone()),
        }
    }
    all.join(", ")
}

fn in_database(tables: &str) -> String {
    format!("CREATE DATABASE IF NOT EXISTS otel;\nUSE otel;\n{tables}")
}

/// Tables that forget.
fn with_days(tables: &str, days: Option<u32>) -> String {
    let Some(days) = days else { return tables.to_owned() };
    let statements = tables.split(";\n").map(str::trim_end).filter(|s| !s.is_empty()).map(|statement| {
        let time = if statement.contains("TimeUnix") { "TimeUnix" } else { "Timestamp" };
        format!("{statement}\nTTL toDateTime({time}) + toIntervalDay({days}) SETTINGS ttl_only_drop_parts = 1;\n")
    });
    statements.collect()
}

const PATH: &str = "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')";

fn replicated(tables: &str, cluster: &str) -> String {
    on_cluster(&tables.replace("ENGINE = MergeTree", &format!("ENGINE = {PATH}")), cluster)
}

fn on_cluster(tables: &str, cluster: &str) -> String {
    let lines = tables.lines().map(|line| match line.strip_suffix(" (") {
        Some(head) if line.starts_with("CREATE TABLE") => format!("{head} ON CLUSTER '{cluster}' (\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Tables of each shard, and one over all of them that has the exporter's name. A trace stays on one shard.
fn distributed(tables: &str, cluster: &str) -> String {
    let mut text = tables.to_owned();
    for table in Table::ALL {
        text = text.replace(&format!("EXISTS {} (", name(table)), &format!("EXISTS {}_local (", name(table)));
    }
    let mut text = replicated(&text, cluster);
    for table in Table::ALL {
        let (name, by) = (name(table), if made(table).contains("TraceId String,") { "TraceId" } else { "MetricName" });
        text += &format!(
            "CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{cluster}' AS {name}_local\n\
             ENGINE = Distributed('{cluster}', currentDatabase(), {name}_local, cityHash64({by}));\n"
        );
    }
    text
}

fn readme(cluster: &str, records: &[String]) -> String {
    let records = if records.is_empty() {
        "No records were packed.".to_owned()
    } else {
        format!("| table | rows | size |\n|---|---|---|\n{}", records.join("\n"))
    };
    format!(
        "# To a ClickHouse of your own\n\n\
         1. Make the tables: `clickhouse-client --multiquery < tables/single.sql`. For replicas `replicated.sql`, for several \
         shards `distributed.sql`; both name the cluster `{cluster}` and need the macros `shard` and `replica` and a Keeper.\n\
         2. Load what Sextant kept: `CLICKHOUSE_URL=http://127.0.0.1:8123 sh load.sh`.\n\
         3. Let new telemetry go there: `otelcol-contrib --config collector.yaml`, with `CLICKHOUSE_ENDPOINT`, `CLICKHOUSE_USER` \
         and `CLICKHOUSE_PASSWORD`.\n\
         4. Look at it: make a user who may only read\n\n\
         ```sql\n\
         CREATE USER reader IDENTIFIED BY '…' SETTINGS readonly = 1;\n\
         GRANT SELECT ON otel.* TO reader;\n\
         ```\n\n\
         and `sextant source add mine http://127.0.0.1:8123 --user reader --password-env CH_PASSWORD --database otel`.\n\n\
         {records}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_is_made_and_has_our_columns() {
        for table in Table::ALL {
            assert!(made(table).contains("ENGINE"), "{table}");
            let columns = columns(table);
            assert!(columns.contains(table.time_column()) && columns.contains("ServiceName"), "{table}: {columns}");
        }
        let traces = columns(Table::Traces);
        assert!(traces.contains("Events.Name AS \"Events.Name\"") && traces.contains("SpanAttributes"), "{traces}");
        let text = distributed(&with_days(TABLES, Some(14)), "prod");
        assert_eq!(text.matches("ENGINE = Distributed('prod'").count(), 7);
        assert_eq!(text.matches("_local ON CLUSTER 'prod' (").count(), 7);
        assert_eq!(text.matches("toIntervalDay(14)").count(), 7);
    }
}
