//! The search in the words of others, each to be copied.

use super::sheet_frame;
use crate::app::State;
use crate::fonts::Font;
use crate::kit::{Kit, icon, rect};
use crate::route::View;
use eframe::egui::{Rect, Ui};
use sextant_model::query::Query;
use sextant_model::{Signal, TimeRange, UnixNanos};
use sextant_queries::clickhouse::{self, Tables};
use sextant_queries::{duckdb, parse, text, view_as};

/// Rows that the statement asks for.
const LIMIT: usize = 1_000;
const ROW: f32 = 84.0;

/// Each way to say the search: its name, and the text or why there is none.
fn ways(query: &Query, period: (i64, i64)) -> Vec<(&'static str, Result<String, &'static str>)> {
    let range = TimeRange { from: Some(UnixNanos(period.0)), to: Some(UnixNanos(period.1)) };
    let tables = &Tables::EXPORTER;
    let (here, there) = match (&query.aggregate, query.signal) {
        (Some(aggregate), _) => (
            duckdb::aggregate(query, aggregate, range, LIMIT),
            clickhouse::aggregate(tables, query, aggregate, range, LIMIT),
        ),
        (None, Signal::Logs) => (duckdb::logs(query, range, LIMIT), clickhouse::logs(tables, query, range, LIMIT)),
        (None, _) => (duckdb::spans(query, range, LIMIT), clickhouse::spans(tables, query, range, LIMIT)),
    };
    let mut all = vec![
        ("Search", Ok(text(query))),
        ("SQL (DuckDB)", Ok(duckdb::inlined(&here))),
        ("SQL (ClickHouse)", Ok(clickhouse::inlined(&there))),
    ];
    if query.signal == Signal::Traces {
        all.push(("TraceQL", view_as::traceql(query)));
        all.push(("Jaeger's form", view_as::jaeger(query).map(|form| form.to_string())));
    }
    all
}

pub(super) fn show(ui: &Ui, state: &mut State, whole: Rect, is_left: bool) -> bool {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let signal = if state.route.view == View::Logs { Signal::Logs } else { Signal::Traces };
    let Ok(query) = parse(signal, &state.route.query) else { return true };
    let ways = ways(&query, state.route.period());
    let w = 860.0_f32.min(whole.width() - 24.0);
    let h = (44.0 + ROW * ways.len() as f32 + 12.0).min(whole.height() - 24.0);
    let r = rect((whole.width() - w) / 2.0, 96.0_f32.min((whole.height() - h) / 2.0).max(12.0), w, h);
    sheet_frame(&kit, whole, r);
    let is_closed =
        super::sheet_title(&kit, r, "This search, elsewhere", "with the period that is shown", "close view as");
    for (i, (name, said)) in ways.iter().enumerate() {
        let y = r.top() + 45.0 + ROW * i as f32;
        if y + ROW > r.bottom() {
            break;
        }
        kit.text(r.left() + 21.0, y + 22.0, Font::Semibold(12.0), t.strong, name);
        let field = rect(r.left() + 20.0, y + 32.0, r.width() - 40.0, 40.0);
        kit.round(field, 4, t.bg_app);
        kit.border(field, 4, t.strong_line);
        match said {
            Ok(said) => {
                let shown = if said.is_empty() { "(everything)" } else { said.as_str() };
                // The beginning and the end of what is too long: the whole of it is what is copied.
                let flat = shown.replace('\n', " ");
                kit.text_in(field.left() + 12.0, y + 57.0, field.width() - 52.0, Font::Mono(12.0), t.syn_string, &flat);
                let copy = rect(field.right() - 28.0, y + 45.0, 14.0, 14.0);
                let response = kit.click(copy.expand(6.0), ("copy as", i), &format!("Copy as {name}"));
                let color = if response.hovered() { t.accent } else { t.weak };
                icon(&kit, "copy", copy.left(), copy.top(), 14.0, 1.4, color);
                if response.clicked() {
                    ui.copy_text(said.clone());
                }
                kit.row(field.with_max_x(copy.left() - 8.0), ("view as", i)).on_hover_text(shown);
            }
            Err(why) => {
                kit.text_in(field.left() + 12.0, y + 57.0, field.width() - 24.0, Font::Regular(12.0), t.weak, why);
            }
        }
    }
    is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p)) || is_closed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_they_belong() {
        let query = parse(Signal::Traces, "service:\"it's\" duration:>1s \"who?\"").expect("parses");
        let ways = ways(&query, (5, 7));
        let sql = ways[1].1.clone().expect("SQL");
        assert!(sql.contains("ServiceName = 'it''s'") && sql.contains("Duration > 1000000000"), "{sql}");
        assert!(sql.contains("'who?'") && sql.contains("make_timestamp_ns(5)") && !sql.contains(", ?"), "{sql}");
        let there = ways[2].1.clone().expect("SQL");
        assert!(there.contains("FROM otel_traces") && there.contains("ServiceName = 'it\\'s'"), "{there}");
        assert!(!there.contains("{p"), "{there}");
        assert_eq!(
            ways.iter().map(|w| w.0).collect::<Vec<_>>(),
            ["Search", "SQL (DuckDB)", "SQL (ClickHouse)", "TraceQL", "Jaeger's form"]
        );
    }
}
