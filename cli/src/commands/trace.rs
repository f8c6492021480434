//! `trace`.

use crate::args::{Trace, TraceFormat};
use crate::output::print_object;
use crate::reach::{Reach, of};
use arrow::array::RecordBatch;
use sextant_analysis::{Spans, Tree};
use sextant_contract::{Ask, rows_to_json};
use sextant_model::DurationNanos;
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Trace) -> anyhow::Result<ExitCode> {
    let reach = Reach::reading(&args.place).await?;
    let ask = match args.format {
        TraceFormat::OtlpJson => Ask::TraceOtlp { id: args.id },
        _ => Ask::Trace { id: args.id },
    };
    let answered = reach.ask(of(args.of, ask)).await;
    super::close(reach).await;
    let answer = answered?;
    match args.format {
        TraceFormat::OtlpJson => print_object(&answer.object.unwrap_or_default())?,
        TraceFormat::Json => writeln!(std::io::stdout().lock(), "{}", rows_to_json(&answer.batches))?,
        TraceFormat::Text => text(&answer.batches)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The tree, a line a span.
fn text(batches: &[RecordBatch]) -> std::io::Result<()> {
    let spans = Spans::new(batches);
    let tree = Tree::build(spans);
    let (services, names, messages) =
        (spans.texts("ServiceName"), spans.texts("SpanName"), spans.texts("StatusMessage"));
    let (start, end) = tree.extent();
    let n_errors = tree.nodes.iter().filter(|n| n.flags.is_error).count();
    let mut out = std::io::stdout().lock();
    let ids = spans.texts("TraceId");
    writeln!(out, "trace {}", ids.first().unwrap_or(&""))?;
    writeln!(out, "{}, {} spans, {n_errors} errors", DurationNanos(end - start), tree.nodes.len())?;
    for node in &tree.nodes {
        let s = node.span as usize;
        let indent = "  ".repeat(node.depth as usize);
        let mut notes = String::new();
        for (is_so, note) in [
            (node.flags.is_error, "error"),
            (node.flags.is_orphan, "parent missing"),
            (node.flags.is_cut_cycle, "parents form a circle"),
            (node.flags.is_duplicate, "span id used twice"),
        ] {
            if is_so {
                notes += &format!("  [{note}]");
            }
        }
        if !messages[s].is_empty() {
            notes += &format!(" {}", messages[s].lines().next().unwrap_or_default());
        }
        let at = DurationNanos(node.start - start);
        writeln!(
            out,
            "{:>10} +{at:<10} {indent}{} {}{notes}",
            DurationNanos(node.duration).to_string(),
            services[s],
            names[s]
        )?;
    }
    Ok(())
}
