//! What telemetry costs in a cluster, as its system tables say: each part by itself, as far as this user may see it.

use crate::remotes::Asked;
use crate::workbench::Workbench;
use serde_json::{Map, Value, json};
use sextant_contract::{Answer, AskError, Code};
use sextant_model::Sql;
use sextant_remote::Kind;

/// A part of the page: its name, what it says, and its statement; `{tables}` is the list of the source's own tables.
const PARTS: [(&str, &str); 6] = [
    (
        "tables",
        "SELECT database, name AS table, engine, ifNull(toInt64(total_rows), 0) AS rows, \
         ifNull(toInt64(total_bytes), 0) AS bytes, storage_policy, engine_full LIKE '% TTL %' AS has_ttl \
         FROM system.tables WHERE (database, name) IN ({tables}) ORDER BY bytes DESC",
    ),
    (
        "columns",
        "SELECT database, table, name AS column, type, compression_codec AS codec, toInt64(data_compressed_bytes) AS bytes, \
         toInt64(data_uncompressed_bytes) AS plain_bytes FROM system.columns WHERE (database, table) IN ({tables}) \
         AND data_compressed_bytes > 0 ORDER BY bytes DESC LIMIT 100",
    ),
    (
        "indexes",
        "SELECT database, table, name AS index, type_full AS type, expr, toInt64(data_compressed_bytes) AS bytes \
         FROM system.data_skipping_indices WHERE (database, table) IN ({tables}) ORDER BY bytes DESC",
    ),
    (
        "partitions",
        "SELECT database, table, partition, toInt64(count()) AS parts, toInt64(sum(rows)) AS rows, toInt64(sum(bytes_on_disk)) AS bytes, \
         arrayStringConcat(groupUniqArray(disk_name), ', ') AS disks FROM system.parts WHERE active \
         AND (database, table) IN ({tables}) GROUP BY database, table, partition ORDER BY partition DESC, table LIMIT 200",
    ),
    (
        "disks",
        "SELECT name AS disk, type, toInt64(free_space) AS free_bytes, toInt64(total_space) AS bytes FROM system.disks ORDER BY name",
    ),
    (
        "queries",
        "SELECT any(user) AS user, toInt64(count()) AS times, toInt64(sum(read_bytes)) AS bytes, toInt64(sum(read_rows)) AS rows, \
         toInt64(sum(query_duration_ms)) AS milliseconds, substring(any(text), 1, 300) AS query, any(of_tables) AS of_tables, entries \
         FROM (SELECT user, read_bytes, read_rows, query_duration_ms, query AS text, normalized_query_hash AS form, \
         arrayStringConcat(tables, ' ') AS of_tables, arrayStringConcat(arraySort(arrayDistinct(\
         extractAll(query, '[A-Za-z_]+`?[[]''[^'']+''[]]'))), ' ') AS entries FROM system.query_log \
         WHERE event_time >= now() - INTERVAL 1 DAY AND type = 'QueryFinish') GROUP BY form, entries \
         ORDER BY bytes DESC LIMIT 50",
    ),
];

impl Workbench {
    /// The object has a list for each part that may be seen, `advice`, and `closed` with the reason and the grant for each other.
    pub(crate) fn source_cost(&self, name: &str) -> Result<Answer, AskError> {
        let asked = Asked { source: self.attached(name)?, is_heavy: false };
        let places: Vec<String> = asked.layout.places().iter().map(|(d, t)| sextant_remote::pair(d, t)).collect();
        if places.is_empty() {
            return Err(AskError::new(Code::NotFound, format!("'{name}' has no tables that this user may see")));
        }
        let (mut object, mut closed) = (Map::new(), Vec::new());
        for (part, statement) in PARTS {
            let statement = statement.replace("{tables}", &places.join(", "));
            match self.system_rows(&asked, Sql::plain(statement))? {
                Ok(rows) => drop(object.insert(part.into(), rows)),
                Err(e) => {
                    let table = statement_table(part);
                    let grant =
                        (e.kind == Kind::Grant).then(|| format!("GRANT SELECT ON system.{table} TO {}", asked.user()));
                    closed.push(json!({ "part": part, "why": e.message, "fix": grant }));
                }
            }
        }
        let (advice, why) = self.advice(&asked, &object)?;
        if let Some(why) = why {
            closed.push(json!({ "part": "codecs", "why": format!("other codecs were not tried: {why}"), "fix": null }));
        }
        object.insert("advice".into(), json!(advice));
        object.insert("closed".into(), json!(closed));
        Ok(Answer::object(Value::Object(object), 0))
    }
}

fn statement_table(part: &str) -> &'static str {
    match part {
        "columns" => "columns",
        "indexes" => "data_skipping_indices",
        "partitions" => "parts",
        "disks" => "disks",
        "queries" => "query_log",
        _ => "tables",
    }
}
