//! What it would cost to keep it otherwise, and what would be lost.

use super::charts::{Bar, stacked, tornado};
use super::maker::{Maker, cell, columns, marked, number, table, text};
use super::{Said, refused, section};
use crate::markdown::plain;
use crate::model::{Block, Cell, Origin, Section, Tone};
use serde_json::Value;
use sextant_charts::figures::{bytes, thousands};
use sextant_contract::{Ask, AskError, Code};
use std::fmt::Write as _;

/// A scenario and what came of it.
struct Column {
    name: String,
    object: Value,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// Money with its currency: whole units from a hundred on.
fn money(n: f64, currency: &str) -> String {
    let n = if n.abs() < 100.0 { format!("{n:.2}") } else { thousands(n.round() as i64) };
    if currency == "USD" { format!("${n}") } else { format!("{n} {currency}") }
}

impl Column {
    fn total(&self) -> f64 {
        number(&self.object["bill"], "total")
    }

    fn currency(&self) -> &str {
        self.object["bill"]["currency"].as_str().unwrap_or_default()
    }

    fn said(&self, n: f64) -> String {
        money(n, self.currency())
    }

    fn n(&self, key: &str) -> i64 {
        self.object["sampling"][key].as_i64().unwrap_or(0)
    }

    fn at_end(&self, key: &str) -> u64 {
        list(&self.object["daily"]).last().map_or(0.0, |day| number(day, key)) as u64
    }
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let all = simulated(maker)?;
    let Some(first) = all.first() else {
        return Err(refused(
            "a report about cost needs a scenario",
            "--scenario policy.toml; to begin with one: sextant simulate init",
        ));
    };
    // What is told about is the first thing that could be done.
    let told = all.get(1).unwrap_or(first);
    let origin = attached(maker, &all);
    let mut sections =
        vec![section(if all.len() > 1 { "Side by side" } else { "What it comes to" }, vec![side_by_side(&all)])];
    let mut figures = vec![Block::Figure(costs(&all, &origin))];
    figures.extend(moved(told, &origin));
    sections.push(section("A month, at the end", figures));
    sections.extend(lost(maker, told));
    sections.push(measured(maker)?);
    sections.push(prices(told));
    let saved = first.total() - told.total();
    let errors = match (told.object["sampling"].is_object(), told.n("lost_error_traces")) {
        (true, 0) => "no error trace lost".to_owned(),
        (true, n) => format!("{} of {} error traces lost", thousands(n), thousands(told.n("error_traces"))),
        (false, _) => "nothing sampled away".to_owned(),
    };
    let (title, summary) = if all.len() > 1 {
        let (what, by) = if saved >= 0.0 { ("less", saved) } else { ("more", -saved) };
        let share = if first.total() > 0.0 { by / first.total() * 100.0 } else { 0.0 };
        let summary = format!(
            "“{}” brings the bill from {} to {} a month, {share:.0} % {what}, with {errors}, on the traces that are stored.",
            told.name,
            first.said(first.total()),
            told.said(told.total())
        );
        (format!("{} a month {what}, {errors}", told.said(by)), summary)
    } else {
        let summary = format!("What is described comes to {} a month, with {errors}.", told.said(told.total()));
        (format!("{} a month", told.said(told.total())), summary)
    };
    Ok(Said { kind: "Cost and retention report", kicker: kicker(told), title, summary, sections })
}

/// Every scenario with its variants beside it.
fn simulated(maker: &Maker<'_>) -> Result<Vec<Column>, AskError> {
    let mut all = Vec::new();
    for (name, scenario) in &maker.of.scenarios {
        let ask = Ask::Simulate {
            scenario: scenario.clone(),
            prices: maker.of.prices.clone(),
            period: maker.of.period,
            is_held: false,
        };
        let object = maker.ask(&ask)?.object.unwrap_or_default();
        let variants: Vec<Column> = list(&object["compare"])
            .iter()
            .map(|one| Column { name: text(one, "name"), object: one["outcome"].clone() })
            .collect();
        all.push(Column { name: name.clone(), object });
        all.extend(variants);
    }
    Ok(all)
}

fn kicker(told: &Column) -> String {
    let notes: Vec<&str> = list(&told.object["notes"]).iter().filter_map(Value::as_str).collect();
    notes.first().map_or_else(|| "measured on what is stored".to_owned(), |note| (*note).to_owned())
}

/// All bills as a file.
fn attached(maker: &Maker<'_>, all: &[Column]) -> Origin {
    let mut csv = "scenario,line,amount,currency\n".to_owned();
    let field = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for column in all {
        for line in list(&column.object["bill"]["lines"]) {
            let (name, amount) = (field(&text(line, "name")), number(line, "amount"));
            writeln!(csv, "{},{name},{amount:.2},{}", field(&column.name), column.currency()).ok();
        }
    }
    let (file, hash) = maker.attach("bills", csv.into_bytes());
    let draws = list(&all[0].object["uncertainty"]["daily"]).len();
    let rows = if draws > 0 {
        format!("{} scenarios over {draws} days", all.len())
    } else {
        format!("{} scenarios", all.len())
    };
    Origin { query: "sextant simulate policy.toml".into(), rows, hash, file }
}

fn side_by_side(all: &[Column]) -> Block {
    let mut heads = vec!["*".to_owned()];
    heads.extend(all.iter().enumerate().map(|(i, c)| format!("#{} {}", char::from(b'A' + (i % 26) as u8), c.name)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |name: &str, of: &dyn Fn(&Column) -> Cell| {
        rows.push(std::iter::once(cell(name)).chain(all.iter().map(of)).collect());
    };
    row("Comes in a day, raw", &|c| cell(bytes(c.at_end("ingested_bytes"))));
    row("Of that not kept", &|c| cell(bytes(c.at_end("dropped_bytes"))));
    row("Lies there, all copies", &|c| cell(bytes(c.at_end("stored_bytes"))));
    let mut names: Vec<String> = Vec::new();
    for line in all.iter().flat_map(|c| list(&c.object["bill"]["lines"])) {
        let name = text(line, "name");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in &names {
        row(name, &|c| {
            let line = list(&c.object["bill"]["lines"]).iter().find(|l| text(l, "name") == *name);
            cell(line.map_or_else(|| "–".to_owned(), |l| c.said(number(l, "amount"))))
        });
    }
    row("Total a month", &|c| cell(c.said(c.total())));
    if all.iter().any(|c| c.object["uncertainty"].is_object()) {
        row("P10 – P90", &|c| {
            let of = &c.object["uncertainty"]["total"];
            cell(format!("{} – {}", c.said(number(of, "p10")), c.said(number(of, "p90"))))
        });
    }
    let first = all[0].total();
    if all.len() > 1 {
        row("Saved a month", &|c| {
            let saved = first - c.total();
            let share = if first > 0.0 { saved / first * 100.0 } else { 0.0 };
            cell(format!("{} · {share:.0} %", c.said(saved)))
        });
    }
    if all.iter().any(|c| c.object["sampling"].is_object()) {
        row("Error traces kept", &|c| {
            if !c.object["sampling"].is_object() {
                return cell("all");
            }
            let said = format!("{} of {}", thousands(c.n("kept_error_traces")), thousands(c.n("error_traces")));
            marked(said, Tone::Warn, c.n("lost_error_traces") > 0)
        });
    }
    table(columns(&heads), rows, "A month of 30 days at the end of all days; a GB is 10⁹ bytes, list prices.", None, 40)
}

fn costs(all: &[Column], origin: &Origin) -> crate::model::Figure {
    let bar = |c: &Column| {
        let of = &c.object["uncertainty"]["total"];
        Bar {
            name: c.name.clone(),
            parts: list(&c.object["bill"]["lines"]).iter().map(|l| (text(l, "name"), number(l, "amount"))).collect(),
            band: of.is_object().then(|| (number(of, "p10"), number(of, "p90"))),
            said: c.said(c.total()),
        }
    };
    let all_bars: Vec<Bar> = all.iter().map(bar).collect();
    let currency = all[0].currency().to_owned();
    let alt: Vec<String> = all_bars.iter().map(|b| format!("{}: {}", b.name, b.said)).collect();
    stacked(
        &all_bars,
        &|n| money(n, &currency),
        "What each comes to in a month, by its parts.",
        &alt.join("; "),
        origin.clone(),
    )
}

fn moved(told: &Column, origin: &Origin) -> Option<Block> {
    let all: Vec<(String, f64, f64)> = list(&told.object["movers"])
        .iter()
        .filter(|m| m["total_low"] != m["total_high"])
        .take(8)
        .map(|m| {
            let name = format!("{}, {} … {}", text(m, "what"), text(m, "low"), text(m, "high"));
            (name, number(m, "total_low"), number(m, "total_high"))
        })
        .collect();
    let caption = format!("What moves the bill of “{}”: one thing moved, all others as they are.", told.name);
    let origin = Origin { rows: format!("{} that move it most", all.len()), ..origin.clone() };
    (!all.is_empty()).then(|| Block::Figure(tornado(&all, told.total(), &|n| told.said(n), &caption, origin)))
}

/// What would be gone: errors by name first.
fn lost(maker: &Maker<'_>, told: &Column) -> Option<Section> {
    let sampled = &told.object["sampling"];
    if !sampled.is_object() {
        return None;
    }
    let n = told.n("lost_error_traces");
    let mut blocks = Vec::new();
    let groups: Vec<String> = list(&sampled["lost_errors"])
        .iter()
        .take(5)
        .map(|of| format!("{} of {} ({})", text(of, "name"), text(of, "service"), text(of, "n")))
        .collect();
    if n > 0 {
        let title = format!("{} of {} error traces would be gone.", thousands(n), thousands(told.n("error_traces")));
        let text = format!("They begin with {}. Each of them is named in the attached list.", groups.join(", "));
        blocks.push(Block::Note { tone: Tone::Warn, title, text });
        let ids: Vec<&str> = list(&sampled["lost_error_trace_ids"]).iter().filter_map(Value::as_str).collect();
        maker.attach("error-traces-that-would-be-gone", format!("TraceId\n{}\n", ids.join("\n")).into_bytes());
    } else {
        let text = format!(
            "Each of the {} stored traces with an error was held against the rules.",
            thousands(told.n("error_traces"))
        );
        blocks.push(Block::Note { tone: Tone::Plain, title: "No error trace would be gone.".into(), text });
    }
    let mut rows = vec![
        vec![cell("Traces"), cell(thousands(told.n("kept_traces"))), cell(thousands(told.n("traces")))],
        vec![
            cell("Traces with an error"),
            cell(thousands(told.n("kept_error_traces"))),
            cell(thousands(told.n("error_traces"))),
        ],
        vec![cell("Slow traces"), cell(thousands(told.n("kept_slow_traces"))), cell(thousands(told.n("slow_traces")))],
        vec![cell("Spans"), cell(thousands(told.n("kept_spans"))), cell(thousands(told.n("spans")))],
    ];
    for rule in list(&sampled["rules"]) {
        let search = rule["search"].as_str().map_or_else(|| "everything else".to_owned(), |s| format!("rule: {s}"));
        let of = |key: &str| cell(thousands(rule[key].as_i64().unwrap_or(0)));
        rows.push(vec![cell(search), of("kept_traces"), of("traces")]);
    }
    for watched in list(&sampled["watched"]) {
        let of = |key: &str| watched[key].as_i64().unwrap_or(0);
        let name = format!("{} “{}”", text(watched, "kind"), text(watched, "name"));
        let is_empty = of("kept_traces") == 0 && of("traces") > 0;
        rows.push(vec![
            cell(name),
            marked(thousands(of("kept_traces")), Tone::Warn, is_empty),
            cell(thousands(of("traces"))),
        ]);
    }
    blocks.push(table(
        columns(&["*What", "#kept", "#of"]),
        rows,
        "What is kept of the traces that are stored.",
        None,
        60,
    ));
    let gone: Vec<Vec<Cell>> = list(&sampled["lost_operation_names"])
        .iter()
        .map(|of| vec![cell(text(of, "service")), cell(text(of, "name")), cell(text(of, "n"))])
        .collect();
    if !gone.is_empty() {
        blocks.push(table(
            columns(&["Service", "*Operation", "#spans"]),
            gone,
            "Operations of which nothing would be left.",
            None,
            30,
        ));
    }
    Some(section(&format!("What “{}” would lose", told.name), blocks))
}

fn measured(maker: &Maker<'_>) -> Result<Section, AskError> {
    let ask = Ask::Measure { period: maker.of.period, is_tried: false };
    let object = match maker.ask(&ask) {
        Ok(answer) => answer.object.unwrap_or_default(),
        Err(e) if e.code == Code::NotFound => Value::Null,
        Err(e) => return Err(e),
    };
    let rows: Vec<Vec<Cell>> = list(&object["signals"])
        .iter()
        .map(|s| {
            let per_day = number(s, "bytes_per_day");
            vec![
                cell(text(s, "signal")),
                cell(bytes(per_day as u64)),
                cell(bytes((per_day / number(s, "ratio").max(1e-9)) as u64)),
                cell(format!("{:.1} ×", number(s, "ratio"))),
                cell(thousands(number(s, "rows") as i64)),
                cell(format!("{:.1} h", number(s, "hours"))),
                cell(format!("{} of {}", text(s, "groups"), text(s, "of_groups"))),
            ]
        })
        .collect();
    let heads = columns(&["*Signal", "#raw a day", "#stored a day", "#ratio", "#records", "#over", "#row groups read"]);
    let how = "What lies there on a day is what came within the days of all tiers and was kept, divided by the ratio of raw to \
               stored bytes, times the copies. A tier costs the mean of its last 30 days times its price. What is not known is \
               drawn again and again: one bill in ten lies below P10, one in ten above P90. Sampling is no formula: each \
               stored trace was held against the rules.";
    let mut blocks = vec![Block::Prose { paragraphs: plain(how.to_owned()) }];
    if rows.is_empty() {
        blocks.insert(
            0,
            Block::Note {
                tone: Tone::Warn,
                title: "Nothing is stored here.".into(),
                text: "All figures are from what was typed.".into(),
            },
        );
    } else {
        blocks.insert(0, table(heads, rows, "What is stored, and how well it packs.", None, 10));
    }
    Ok(section("Measured on", blocks))
}

fn prices(told: &Column) -> Section {
    let rows: Vec<Vec<Cell>> = list(&told.object["prices"])
        .iter()
        .map(|p| {
            let day = p["as_of"].as_str().unwrap_or("no date").to_owned();
            let confidence = text(p, "confidence");
            let is_doubtful = confidence == "unverified" || p["as_of"].is_null();
            vec![
                cell(text(p, "service")),
                cell(text(p, "sku")),
                cell(
                    p["price"]
                        .as_f64()
                        .map_or_else(|| "by steps".to_owned(), |n| format!("{n} {}", text(p, "currency"))),
                ),
                cell(text(p, "unit")),
                marked(day, Tone::Warn, p["as_of"].is_null()),
                marked(confidence, Tone::Warn, is_doubtful),
            ]
        })
        .collect();
    let mut blocks: Vec<Block> = list(&told.object["notes"])
        .iter()
        .filter_map(Value::as_str)
        .map(|note| Block::Note { tone: Tone::Warn, title: "To be known first.".into(), text: format!("{note}.") })
        .collect();
    blocks.push(if rows.is_empty() {
        Block::Prose { paragraphs: plain("Prices are those of the scenario itself.".to_owned()) }
    } else {
        let heads = columns(&["*Price of", "`Name in the book", "#Price", "Of one", "`As of", "Confidence"]);
        table(
            heads,
            rows,
            "Prices of the book; what is agreed on with a vendor is in them only where it was typed over them.",
            None,
            40,
        )
    });
    section("Prices and assumptions", blocks)
}
