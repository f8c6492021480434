//! What is to be known of a span's place in its trace, and who links to it.

use crate::app::State as App;
use crate::data::{duration, rows};
use eframe::egui::Ui;
use sextant_charts::{Skeleton, Span};
use sextant_contract::{Ask, Period};

/// A span that has a link to one of the open trace.
pub(super) struct Incoming {
    pub trace: String,
    pub span: String,
    /// Service and operation.
    pub what: String,
}

/// What is odd about where a span stands, in sentences.
pub(super) fn notes(node: Span<'_>, is_adjusted: bool) -> Vec<String> {
    let odd = node.oddity();
    let mut all = Vec::new();
    if odd.is_orphan {
        all.push(format!(
            "Its parent {} is not here: it was never sent, was left out by sampling, or has not come yet.",
            node.parent_id()
        ));
    }
    if odd.is_cut_cycle {
        all.push("Its parents form a circle, which is cut here: the span stands as if it had no parent.".into());
    }
    if odd.is_duplicate {
        all.push("Another span of this trace has the same id: whoever names it as parent hangs on the first.".into());
    }
    if node.shift() != 0 && is_adjusted {
        let (way, nanos) = if node.shift() > 0 { ("later", node.shift()) } else { ("earlier", -node.shift()) };
        all.push(format!(
            "Shown {} {way} than its own clock says (the outline): by that it would not lie within its call.",
            duration(nanos)
        ));
    }
    all
}

/// Spans of a day around the trace that link to a span of it.
pub(super) fn incoming(ui: &Ui, state: &mut App, all: &Skeleton, span: &str) -> Option<Vec<Incoming>> {
    const DAY: i64 = 86_400_000_000_000;
    let trace = state.route.trace.clone();
    let period = Period { from: Some(all.origin - DAY), to: Some(all.origin + all.extent + DAY) };
    let name = format!("links to {trace} {}", all.generation);
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::LinksTo { trace, period });
    let answer = slot.answer?;
    let to_this = rows(&answer).filter(|row| row.texts("to").iter().any(|to| to == span));
    let one = |row: crate::data::Row<'_>| Incoming {
        trace: row.text("trace").to_owned(),
        span: row.text("span").to_owned(),
        what: format!("{} {}", row.text("service"), row.text("name")),
    };
    Some(to_this.map(one).collect())
}
