//! What was received, kept and lost, and what a bundle proves.

use super::maker::{Maker, cell, columns, marked, number, table, text, time};
use super::parts::{note_gaps, within};
use super::times::{at, span};
use super::{Said, nothing, section};
use crate::model::{Block, Cell, Fact, Section, Tone};
use serde_json::Value;
use sextant_charts::figures::{bytes, counted, thousands};
use sextant_contract::{Ask, AskError};

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// Counts by reason in one cell: `late 8, twice 2`.
fn reasons(counts: &Value) -> (i64, String) {
    let all = counts.as_object().into_iter().flatten();
    let counts: Vec<(&String, i64)> = all.filter_map(|(why, n)| Some((why, n.as_i64()?))).collect();
    let said: Vec<String> = counts.iter().map(|(why, n)| format!("{} {why}", thousands(*n))).collect();
    (counts.iter().map(|c| c.1).sum(), said.join(", "))
}

/// Received is what was stored, rejected and evicted: every signal has to balance.
fn ledger(status: &Value) -> Block {
    let rows = list(&status["ledger"])
        .iter()
        .map(|row| {
            let (received, stored) = (number(row, "received") as i64, number(row, "stored") as i64);
            let ((rejected, why), (evicted, by)) = (reasons(&row["rejected"]), reasons(&row["evicted"]));
            let difference = received - stored - rejected - evicted;
            let why: Vec<String> = [why, by].into_iter().filter(|w| !w.is_empty()).collect();
            vec![
                cell(text(row, "signal")),
                cell(thousands(received)),
                cell(thousands(stored)),
                marked(thousands(rejected), Tone::Warn, rejected > 0),
                cell(thousands(evicted)),
                marked(thousands(difference), Tone::Error, difference != 0),
                cell(why.join("; ")),
            ]
        })
        .collect();
    let heads = columns(&["Signal", "#received", "#kept", "#rejected", "#evicted", "#difference", "*Why"]);
    table(
        heads,
        rows,
        "Since the store exists: what was received is what is kept, what was rejected and what retention took away.",
        None,
        10,
    )
}

fn clients(status: &Value) -> Option<Block> {
    let rows: Vec<Vec<Cell>> = list(&status["clients"])
        .iter()
        .map(|row| {
            let ((rejected, _), (_, marks)) = (reasons(&row["rejected"]), reasons(&row["marked"]));
            vec![
                cell(text(row, "client")),
                cell(text(row, "protocol")),
                cell(thousands(number(row, "received") as i64)),
                marked(thousands(rejected), Tone::Warn, rejected > 0),
                cell(marks),
            ]
        })
        .collect();
    let heads = columns(&["Who sent", "By", "#received", "#rejected", "*Marked"]);
    (!rows.is_empty()).then(|| table(heads, rows, "Who sent it.", None, 50))
}

/// What there is in the period, by service.
fn kept(maker: &Maker<'_>, ends: (i64, i64)) -> Result<Option<Block>, AskError> {
    let of = |counts: &str, table: &str, column: &str| {
        let times = within(column, ends);
        format!(
            "SELECT ServiceName AS service, {counts}, min({column}) AS first, max({column}) AS last \
             FROM {table} WHERE {times} GROUP BY 1"
        )
    };
    let metrics = ["gauge", "sum", "histogram", "exp_histogram", "summary"]
        .map(|kind| format!("SELECT ServiceName, TimeUnix FROM metrics_{kind}"))
        .join(" UNION ALL ");
    let sql = format!(
        "SELECT service, sum(spans)::BIGINT AS spans, sum(records)::BIGINT AS records, sum(points)::BIGINT AS points, \
         min(first) AS first, max(last) AS last FROM ({} UNION ALL {} UNION ALL {}) GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1",
        of("count(*) AS spans, 0 AS records, 0 AS points", "traces", "Timestamp"),
        of("0, count(*), 0", "logs", "Timestamp"),
        of("0, 0, count(*)", &format!("({metrics})"), "TimeUnix"),
    );
    let found = maker.found(&Ask::sql(sql, Some(10_000)), "records-by-service")?;
    let rows: Vec<Vec<Cell>> = found
        .rows
        .iter()
        .map(|row| {
            let moment = |key: &str| time(row, key).map_or_else(String::new, |t| at(t, ends));
            let n = |key: &str| cell(thousands(number(row, key) as i64));
            let name = text(row, "service");
            vec![
                cell(if name.is_empty() { "(no service)".into() } else { name }),
                n("spans"),
                n("records"),
                n("points"),
                cell(moment("first")),
                cell(moment("last")),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let heads = columns(&["*Service", "#spans", "#log records", "#data points", "`First", "`Last"]);
    Ok(Some(table(heads, rows, "What is kept of the period.", Some(found.origin), 60)))
}

fn keeping(status: &Value, ends: (i64, i64)) -> Vec<Block> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for (signal, policy) in status["retention"].as_object().into_iter().flatten() {
        rows.push(vec![cell(signal.clone()), cell(policy.as_str().unwrap_or_default())]);
    }
    let mut blocks = vec![table(columns(&["Signal", "*Kept"]), rows, "Retention in force.", None, 10)];
    let evicted: Vec<Vec<Cell>> = list(&status["evicted"])
        .iter()
        .map(|z| {
            let moment = |key: &str| z[key].as_i64().map_or_else(String::new, |t| at(t, ends));
            vec![
                cell(text(z, "signal")),
                cell(text(z, "policy")),
                cell(moment("first")),
                cell(moment("last")),
                cell(thousands(number(z, "records") as i64)),
            ]
        })
        .collect();
    if !evicted.is_empty() {
        let heads = columns(&["Signal", "*By", "`First", "`Last", "#records"]);
        blocks.push(table(heads, evicted, "What retention took away.", None, 60));
    }
    let pins: Vec<Vec<Cell>> = list(&status["pins"])
        .iter()
        .map(|p| {
            let what = if p["trace"].is_string() {
                format!("trace {}", text(p, "trace"))
            } else {
                format!("{} – {}", text(p, "from"), text(p, "to"))
            };
            vec![cell(what), cell(text(p, "note")), cell(text(p, "made_at"))]
        })
        .collect();
    if !pins.is_empty() {
        blocks.push(table(columns(&["`Pinned", "*Note", "`Since"]), pins, "What no policy may take away.", None, 60));
    }
    blocks
}

/// Whether everything is still what was written.
fn soundness(maker: &Maker<'_>) -> Result<Block, AskError> {
    let found = maker.ask(&Ask::Doctor)?.object.unwrap_or_default();
    let findings = list(&found["findings"]);
    if found["sound"] == true {
        let text = "Every file of the store was read again and has the checksum that it was written with.".into();
        return Ok(Block::Note { tone: Tone::Plain, title: "Sound.".into(), text });
    }
    let rows =
        findings.iter().map(|f| vec![cell(text(f, "kind")), cell(text(f, "path")), cell(text(f, "what"))]).collect();
    maker.gap("Files of the store are damaged: see the findings.");
    Ok(table(columns(&["Finding", "`File", "*What"]), rows, "What is not as it was written.", None, 100))
}

/// What a bundle says of itself, and what came of checking it.
fn statement(opened: &Value) -> Section {
    let facts = &opened["facts"];
    let question = &facts["question"];
    let tone = if opened["verdict"] == "VALID" {
        Tone::Plain
    } else if opened["verdict"] == "INVALID" {
        Tone::Error
    } else {
        Tone::Warn
    };
    let mut about: Vec<[String; 2]> = vec![
        ["Bundle".into(), text(opened, "hash")],
        ["Signed by".into(), text(opened, "fingerprint")],
        ["Made at".into(), text(facts, "madeAt")],
        ["Made by".into(), text(facts, "madeBy")],
        ["Purpose".into(), text(facts, "purpose")],
        ["Search".into(), text(question, "query")],
        ["From".into(), text(question, "from")],
        ["To".into(), text(question, "to")],
        ["Valid until".into(), text(facts, "notAfter")],
        ["Merkle root".into(), text(facts, "merkleRoot")],
    ];
    about.retain(|[_, value]| !value.is_empty());
    let rows = about.into_iter().map(|[word, value]| vec![cell(word), cell(value)]).collect();
    let why = match (text(opened, "file"), text(opened, "reason")) {
        (file, why) if !file.is_empty() => format!("{file}: {why}"),
        (_, why) => why,
    };
    section(
        "The bundle",
        vec![
            Block::Note { tone, title: format!("{}.", text(opened, "verdict")), text: why },
            table(columns(&["What", "*`It says"]), rows, "What the bundle says of itself, signed.", None, 20),
        ],
    )
}

/// What a bundle leaves out, and what was redacted in it.
fn left_out(facts: &Value) -> Vec<Block> {
    let mut lacks = Vec::new();
    let left: Vec<Vec<Cell>> = list(&facts["leftOut"])
        .iter()
        .map(|l| {
            let n = number(l, "rows") as i64;
            vec![cell(text(l, "reason")), cell(if n > 0 { thousands(n) } else { "not counted".into() })]
        })
        .collect();
    if !left.is_empty() {
        lacks.push(table(
            columns(&["*Left out", "#rows"]),
            left,
            "What was asked about and is not in the bundle.",
            None,
            50,
        ));
    }
    let redacted: Vec<Vec<Cell>> = list(&facts["redactions"])
        .iter()
        .map(|r| {
            vec![
                cell(text(r, "rule")),
                cell(text(r, "column")),
                cell(text(r, "method")),
                cell(thousands(number(r, "rows") as i64)),
            ]
        })
        .collect();
    if !redacted.is_empty() {
        lacks.push(table(
            columns(&["Rule", "*`Column", "Method", "#rows"]),
            redacted,
            "What was redacted before it was sealed.",
            None,
            100,
        ));
    }
    lacks
}

/// What a bundle says, what was checked, and what it does not prove.
fn bundle(opened: &Value) -> Vec<Section> {
    let mut sections = vec![statement(opened)];
    let checks: Vec<Vec<Cell>> = list(&opened["checks"])
        .iter()
        .map(|c| {
            let is_ok = c["ok"] == true;
            let (result, tone) = match c["ok"].as_bool() {
                Some(true) => ("holds", Tone::Plain),
                Some(false) if text(opened, "verdict") == "INVALID" => ("FAILS", Tone::Error),
                Some(false) => ("open", Tone::Warn),
                None => ("not checked", Tone::Warn),
            };
            vec![cell(text(c, "name")), marked(result, tone, !is_ok), cell(text(c, "said"))]
        })
        .collect();
    if !checks.is_empty() {
        sections.push(section(
            "What was checked",
            vec![table(
                columns(&["Check", "Result", "*What was found"]),
                checks,
                "Checked when the bundle was opened.",
                None,
                30,
            )],
        ));
    }
    let lacks = left_out(&opened["facts"]);
    if !lacks.is_empty() {
        sections.push(section("Left out and redacted", lacks));
    }
    let custody: Vec<Vec<Cell>> = list(&opened["custody"])
        .iter()
        .map(|c| vec![cell(text(c, "at")), cell(text(c, "what")), cell(text(c, "note"))])
        .collect();
    if !custody.is_empty() {
        sections.push(section(
            "Custody",
            vec![table(
                columns(&["`When", "What", "*Note"]),
                custody,
                "What happened to the rows up to sealing.",
                None,
                50,
            )],
        ));
    }
    let not: Vec<&str> = list(&opened["not_proven"]).iter().filter_map(Value::as_str).collect();
    if !not.is_empty() {
        sections.push(section(
            "What this does not prove",
            vec![Block::Prose { paragraphs: not.iter().flat_map(|t| crate::plain(*t)).collect() }],
        ));
    }
    sections
}

/// The period that was asked for, else all that there is.
pub(super) fn ends(maker: &Maker<'_>) -> Result<Option<(i64, i64)>, AskError> {
    let of = maker.of.period;
    let sql = ["traces", "logs"]
        .map(|t| format!("SELECT min(Timestamp) AS a, max(Timestamp) AS b FROM {t}"))
        .join(" UNION ALL ");
    let metrics = ["gauge", "sum", "histogram", "exp_histogram", "summary"]
        .map(|k| format!("SELECT min(TimeUnix), max(TimeUnix) FROM metrics_{k}"))
        .join(" UNION ALL ");
    let rows = maker.rows(&Ask::sql(
        format!("SELECT epoch_ns(min(a)) AS a, epoch_ns(max(b)) AS b FROM ({sql} UNION ALL {metrics})"),
        Some(1),
    ))?;
    let all = rows.first().and_then(|r| Some((r["a"].as_i64()?, r["b"].as_i64()?.saturating_add(1))));
    let Some((first, last)) = all else { return Ok(None) };
    let (from, to) = (of.from.unwrap_or(first), of.to.unwrap_or(last));
    if to <= from {
        return Err(super::refused("the period ends before it begins", "--from is the earlier of both"));
    }
    Ok(Some((from, to)))
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let opened = maker.ask(&Ask::Opened)?.object.unwrap_or_default();
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    let Some(ends) = ends(maker)? else { return Err(nothing("there are no records that a report could be about")) };
    note_gaps(maker, &status, ends)?;
    let sum = |key: &str| list(&status["ledger"]).iter().map(|r| number(r, key) as i64).sum::<i64>();
    let of = |key: &str| list(&status["ledger"]).iter().map(|r| reasons(&r[key]).0).sum::<i64>();
    let (received, stored, rejected, evicted) = (sum("received"), sum("stored"), of("rejected"), of("evicted"));
    let fact = |value: String, label: &str, tone: Tone| Fact { value, label: label.into(), tone };
    // One that is INVALID may have no hash, and is no store for that.
    let is_bundle = opened["checks"].is_array();
    let mut sections = Vec::new();
    if is_bundle {
        sections.extend(bundle(&opened));
    } else {
        sections.push(section(
            "",
            vec![Block::Facts {
                facts: vec![
                    fact(thousands(received), "records received", Tone::Plain),
                    fact(thousands(stored), "kept", Tone::Plain),
                    fact(
                        thousands(rejected),
                        "rejected, with a reason",
                        if rejected > 0 { Tone::Warn } else { Tone::Plain },
                    ),
                    fact(thousands(evicted), "taken away by retention", Tone::Plain),
                    fact(
                        bytes(status["sizes"]["segment_bytes"].as_u64().unwrap_or(0)),
                        "in segments on disk",
                        Tone::Plain,
                    ),
                ],
            }],
        ));
        let mut balance = vec![ledger(&status)];
        balance.extend(clients(&status));
        sections.push(section("The ledger", balance));
    }
    sections.extend(kept(maker, ends)?.map(|b| section("What is kept", vec![b])));
    if !is_bundle {
        sections.push(section("How long it is kept", keeping(&status, ends)));
        sections.push(section("Whether it is whole", vec![soundness(maker)?]));
    }
    let what = if is_bundle { "Bundle" } else { "Store" };
    let n = list(&status["ledger"]).len();
    let summary = if is_bundle {
        let rows: u64 =
            opened["facts"]["tables"].as_object().into_iter().flatten().filter_map(|(_, t)| t["rows"].as_u64()).sum();
        format!("The bundle holds {}; its verdict is {}.", counted(rows as usize, "row"), text(&opened, "verdict"))
    } else {
        let lost = received - stored - rejected - evicted;
        let balance = if lost == 0 {
            "Nothing is unaccounted for.".into()
        } else {
            format!("{} are unaccounted for.", thousands(lost))
        };
        format!(
            "Of {} in {}, {} are kept, {} were rejected and {} taken away by retention. {balance}",
            counted(received as usize, "record"),
            counted(n, "signal"),
            thousands(stored),
            thousands(rejected),
            thousands(evicted),
        )
    };
    let title = text(&opened["facts"], "title");
    Ok(Said {
        kind: "Audit report",
        kicker: span(ends.0, ends.1),
        title: if is_bundle && !title.is_empty() { title } else { format!("{what}: what is there, and what is not") },
        summary,
        sections,
    })
}
