//! The way to a cluster and what it may be asked: certificates, shards that are down, limits, and what is packed for one.

use sextant_remote::{Connection, Kind};
use sextant_tests::clickhouse::{ClickHouse, added, attach, cli, shop, text};
use std::path::Path;

/// Makes a key and a certificate that `authority` signs, or itself.
fn certificate(dir: &Path, name: &str, authority: Option<&str>, days: &str, more: &str) {
    let at = |ending: &str| dir.join(format!("{name}.{ending}")).to_string_lossy().into_owned();
    let openssl = |args: &[&str]| {
        let output =
            std::process::Command::new("openssl").args(args).output().expect("openssl; `make setup` installs it");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let (key, request, made, extensions) = (at("key"), at("csr"), at("crt"), at("ext"));
    let subject = format!("/CN={name}");
    openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-keyout", &key, "-out", &request, "-subj", &subject]);
    std::fs::write(&extensions, more).expect("a file");
    let mut sign = vec!["x509", "-req", "-in", &request, "-out", &made, "-days", days, "-extfile", &extensions];
    let (by, by_key);
    if let Some(authority) = authority {
        (by, by_key) = (dir.join(format!("{authority}.crt")), dir.join(format!("{authority}.key")));
        sign.extend([
            "-CA",
            by.to_str().expect("a path"),
            "-CAkey",
            by_key.to_str().expect("a path"),
            "-CAcreateserial",
        ]);
    } else {
        sign.extend(["-signkey", &key]);
    }
    openssl(&sign);
    // Certificate and key in one file, as they are shown to a server.
    let both = [std::fs::read(&made).expect("a file"), std::fs::read(&key).expect("a file")].concat();
    std::fs::write(at("pem"), both).expect("a file");
}

#[tokio::test]
async fn certificates_are_looked_at() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path();
    let local = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE";
    certificate(folder, "authority", None, "30", "basicConstraints=critical,CA:TRUE");
    certificate(folder, "server", Some("authority"), "30", local);
    certificate(folder, "old", Some("authority"), "-1", local);
    certificate(
        folder,
        "elsewhere",
        Some("authority"),
        "30",
        "subjectAltName=DNS:elsewhere.example\nbasicConstraints=CA:FALSE",
    );
    certificate(folder, "me", Some("authority"), "30", "basicConstraints=CA:FALSE");
    let file = |name: &str| folder.join(name);
    let start = |name: &str, is_asked: bool| {
        let mut options =
            serde_json::json!({ "cert": file(&format!("{name}.crt")), "key": file(&format!("{name}.key")) });
        if is_asked {
            options["client_ca"] = serde_json::json!(file("authority.crt"));
        }
        ClickHouse::start(&folder.join(format!("of-{name}-{is_asked}")), &options)
    };
    let ask = async |server: &ClickHouse, ca: Option<&str>, identity: Option<&str>, via: Option<String>| {
        let port = server.address.rsplit(':').next().expect("a port");
        let host = if via.is_some() { "localhost:8443".to_owned() } else { format!("127.0.0.1:{port}") };
        let connection = Connection {
            url: format!("https://{host}"),
            ca: ca.map(file),
            identity: identity.map(file),
            via,
            ..Connection::default()
        };
        attach(connection, folder).await.map(|client| client.abilities.version).map_err(|e| (e.kind, e.message))
    };
    let server = start("server", false);
    assert_eq!(ask(&server, Some("authority.crt"), None, None).await, Ok(server.version.clone()));
    // Through a port that is forwarded, by its own name.
    assert_eq!(
        ask(&server, Some("authority.crt"), None, Some(server.address.clone())).await,
        Ok(server.version.clone())
    );
    let (kind, why) = ask(&server, None, None, None).await.expect_err("nobody knows this authority");
    assert!(kind == Kind::Certificate && why.contains("not trusted"), "{kind:?} {why}");
    for (name, part) in [("old", "xpired"), ("elsewhere", "name")] {
        let server = start(name, false);
        let (kind, why) = ask(&server, Some("authority.crt"), None, None).await.expect_err(name);
        assert!(kind == Kind::Certificate && why.contains(part), "{name}: {kind:?} {why}");
    }
    let server = start("server", true);
    assert!(ask(&server, Some("authority.crt"), None, None).await.is_err(), "it wants to see one");
    assert_eq!(ask(&server, Some("authority.crt"), Some("me.pem"), None).await, Ok(server.version.clone()));
    let (kind, why) = ask(&server, Some("no-such.crt"), None, None).await.expect_err("no such file");
    assert!(kind == Kind::Certificate && why.contains("no-such.crt"), "{why}");
    std::fs::write(file("noise.crt"), "hello").expect("a file");
    assert!(ask(&server, Some("noise.crt"), None, None).await.is_err());
}

/// A shard that is down: what the others say is shown and marked; who may send no settings is told.
#[test]
fn a_shard_that_is_down_is_said() {
    let (dir, server) = shop();
    server.ask("default", "CREATE DATABASE halves ENGINE = Atomic");
    for table in ["otel_traces", "otel_logs"] {
        server.ask(
            "halves",
            &format!("CREATE TABLE {table} AS shop.{table} ENGINE = Distributed('half', shop, {table}, rand())"),
        );
    }
    let data = dir.path().join("data");
    let url = server.url();
    let search = ["search", "spans", "service:svc1", "--source", "prod", "--limit", "5000", "--format", "json"];
    let add =
        ["source", "add", "prod", &url, "--user", "careful", "--password-env", "CH_PASSWORD", "--database=halves"];
    text(&cli(&data, &add));
    let output = cli(&data, &search);
    let rows: serde_json::Value = serde_json::from_str(&text(&output)).expect("rows");
    assert_eq!(rows.as_array().map(Vec::len), Some(500), "those of the shard that is up");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("a shard is down"), "{said}");
    text(&cli(&data, &["source", "edit", "prod", "--user", "strict"]));
    let output = cli(&data, &search);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("a part of the cluster does not answer"), "{said}");
}

/// What would read much is estimated first; what may not be read at all is refused; what was read is counted.
#[test]
fn what_is_heavy_is_asked_about() {
    let (dir, server) = shop();
    let data = dir.path().join("data");
    let url = server.url();
    text(&cli(&data, &added(&url, "strict")));
    let limits = |text: &str| {
        let path = data.join("sources.toml");
        let before = std::fs::read_to_string(&path).expect("a file");
        let before = before.split("\n[source.limits]").next().unwrap_or_default().to_owned();
        std::fs::write(&path, format!("{before}\n[source.limits]\n{text}\n")).expect("a file");
    };
    let search = ["search", "spans", "http.route:\"/r3\"", "--source", "prod", "--limit", "5000", "--format", "json"];
    let refused = |args: &[&str], part: &str| {
        let output = cli(&data, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(part), "{said}");
    };
    limits("ask_above_bytes = 1000");
    refused(&search, "of 2000 rows");
    let n = |args: &[&str]| {
        let rows: serde_json::Value = serde_json::from_str(&text(&cli(&data, args))).expect("rows");
        rows.as_array().map_or(0, Vec::len)
    };
    assert_eq!(n(&[&search[..], &["--heavy"]].concat()), 400);
    // Within a second of it there is less to read.
    let within = ["--from", "2030-01-01T00:00:00Z", "--to", "2030-01-01T01:00:00Z"];
    assert_eq!(n(&[&search[..], &within].concat()), 0);
    limits("ask_above_bytes = 1000\nquery_bytes = 2000");
    refused(&[&search[..], &["--heavy"]].concat(), "allowed");
    limits("session_bytes = 0");
    refused(&search, "since the start");
}

/// One column is said in another way: the others stay what they are.
#[test]
fn one_column_is_mapped_and_the_others_stay() {
    let (dir, server) = shop();
    let data = dir.path().join("data");
    let url = server.url();
    text(&cli(&data, &added(&url, "strict")));
    text(&cli(&data, &["source", "map", "prod", "logs", "--set", "Body=concat('said: ', Body)"]));
    let found = text(&cli(
        &data,
        &[
            "search",
            "logs",
            "refused level:error user.id:\"7\"",
            "--source",
            "prod",
            "--format",
            "json",
            "--limit",
            "5000",
        ],
    ));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&found).expect("rows");
    let wanted = "SELECT count() FROM otel_logs WHERE Body LIKE '% refused' AND SeverityNumber >= 17 \
        AND LogAttributes['user.id'] = '7'";
    assert_eq!(rows.len().to_string(), server.ask("shop", wanted));
    assert!(rows.iter().all(|r| r["Body"].as_str().is_some_and(|b| b.starts_with("said: request"))), "{rows:?}");
    assert!(!rows.is_empty());
}

/// What it costs is told part by part, of the tables that this user may see. (This engine denies no system table.)
#[test]
fn what_it_costs_there_is_told() {
    let (dir, server) = shop();
    let url = server.url();
    let data = dir.path().join("data");
    text(&cli(&data, &added(&url, "strict")));
    let object: serde_json::Value =
        serde_json::from_str(&text(&cli(&data, &["source", "cost", "prod", "--format", "json"]))).expect("an object");
    let rows = |part: &str, key: &str, value: &str| -> serde_json::Value {
        let all = object[part].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("{part}: {object}"))
    };
    let bytes =
        server.ask("shop", "SELECT total_bytes FROM system.tables WHERE database = 'shop' AND name = 'otel_traces'");
    assert_eq!(rows("tables", "table", "otel_traces")["bytes"].to_string(), bytes);
    let parts = server
        .ask("shop", "SELECT sum(rows) FROM system.parts WHERE active AND database = 'shop' AND table = 'otel_logs'");
    assert_eq!(rows("partitions", "table", "otel_logs")["rows"].to_string(), parts);
    assert!(rows("indexes", "index", "idx_trace_id")["type"].as_str().is_some_and(|t| t.contains("bloom")));
    drop(server);
    let grants = serde_json::json!({ "grants": ["GRANT SELECT ON shop.otel_traces"] });
    let server = ClickHouse::start(&dir.path().join("server"), &grants);
    text(&cli(&data, &["source", "add", "few", &server.url(), "--database=shop"]));
    let object: serde_json::Value =
        serde_json::from_str(&text(&cli(&data, &["source", "cost", "few", "--format", "json"]))).expect("an object");
    assert_eq!(object["tables"].as_array().map(Vec::len), Some(1), "{object}");
}

/// What is packed for a ClickHouse of one's own is taken by one: tables, and every record.
#[test]
fn what_is_packed_is_taken_by_a_clickhouse() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    sextant_tests::ok(&["demo", "--data", &data.to_string_lossy(), "--spans", "2000", "--seed", "9"]);
    let out = dir.path().join("pack");
    text(&cli(&data, &["pack", &out.to_string_lossy(), "--days", "14"]));
    assert!(!cli(&data, &["pack", &out.to_string_lossy()]).status.success(), "the folder is there already");
    let server = ClickHouse::start(&dir.path().join("server"), &serde_json::json!({}));
    server.ask("default", "CREATE DATABASE otel ENGINE = Atomic");
    let tables = std::fs::read_to_string(out.join("tables/single.sql")).expect("tables");
    for statement in tables.split(";\n").map(str::trim).filter(|s| s.contains("CREATE TABLE")) {
        server.ask("otel", statement);
    }
    let mut n_files = 0;
    for file in std::fs::read_dir(out.join("records")).expect("records") {
        let path = file.expect("a file").path();
        let table = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
        let columns = server.ask(
            "otel",
            &format!(
                "SELECT arrayStringConcat(groupArray(concat('`', name, '`')), ', ') FROM \
            (SELECT name FROM system.columns WHERE database = 'otel' AND table = '{table}' ORDER BY position)"
            ),
        );
        let file = format!("file('{}', Parquet)", path.display());
        let names = server.ask("otel", &format!("SELECT * FROM {file} LIMIT 0 FORMAT TSVWithNames"));
        let names: Vec<String> = names.split('\t').map(|n| format!("`{n}`")).collect();
        assert!(names.iter().all(|n| columns.contains(n)), "{table}: {names:?} in {columns}");
        let names = names.join(", ");
        server.ask("otel", &format!("INSERT INTO {table} ({names}) SELECT {names} FROM {file}"));
        let own = table.trim_start_matches("otel_").replace("exponential", "exp");
        let here = text(&cli(&data, &["sql", &format!("SELECT count(*) AS n FROM {own}"), "--format", "json"]));
        let here: serde_json::Value = serde_json::from_str(&here).expect("rows");
        assert_eq!(server.ask("otel", &format!("SELECT count() FROM {table}")), here[0]["n"].to_string(), "{table}");
        n_files += 1;
    }
    assert!(n_files >= 4, "{n_files}");
    let spans = "SELECT count() FROM otel_traces WHERE SpanAttributes['http.route'] != '' AND Duration > 0";
    assert!(server.ask("otel", spans).parse::<u64>().expect("a number") > 0);
}

/// A pull that broke off has kept nothing, and the same again asks only for what did not come.
#[test]
fn a_pull_that_broke_goes_on() {
    let (dir, server) = shop();
    server.ask("default", "CREATE DATABASE mixed ENGINE = Atomic");
    let distributed = |table: &str, cluster: &str| {
        let engine = format!("Distributed('{cluster}', shop, {table}, rand())");
        server.ask("mixed", &format!("CREATE TABLE {table} AS shop.{table} ENGINE = {engine}"));
    };
    distributed("otel_traces", "one");
    distributed("otel_logs", "half");
    let data = dir.path().join("data");
    let url = server.url();
    text(&cli(
        &data,
        &["source", "add", "prod", &url, "--user", "strict", "--password-env", "CH_PASSWORD", "--database=mixed"],
    ));
    let pull = ["pull", "--source", "prod", "--json", "--from", "2026-11-20T00:00:00Z", "--to", "2026-11-21T00:00:00Z"];
    let output = cli(&data, &pull);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let kept = text(&cli(&data, &["sql", "SELECT count(*) AS n FROM traces", "--format", "json"]));
    assert!(kept.contains("\"n\":0"), "{kept}");
    server.ask("mixed", "DROP TABLE otel_logs SYNC");
    distributed("otel_logs", "one");
    let report: serde_json::Value = serde_json::from_str(&text(&cli(&data, &pull))).expect("a report");
    assert_eq!(report["stored"], 4_000, "{report}");
    let arrived = server.arrived();
    let reads_spans = |s: &&serde_json::Value| {
        s["text"].as_str().is_some_and(|t| t.starts_with("SELECT `") && t.contains("`SpanName`"))
    };
    assert_eq!(arrived.iter().filter(reads_spans).count(), 1, "spans came once");
    assert_eq!(std::fs::read_dir(data.join("pulls")).expect("a folder").count(), 0, "nothing is left behind");
}
