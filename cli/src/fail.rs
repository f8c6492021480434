//! Errors as a user sees them: what failed first, what to do last, at most eight lines.

use crate::output::note;
use sextant_contract::AskError;
use std::process::ExitCode;

const MAX_LINES: usize = 8;

/// Whether whoever read our output has gone, which is no failure.
pub fn is_closed_pipe(e: &anyhow::Error) -> bool {
    e.chain().any(|c| c.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe))
}

/// Prints the error and returns 1.
pub fn report(e: &anyhow::Error) -> ExitCode {
    let mut lines: Vec<String> = Vec::new();
    let mut hint = None;
    for cause in e.chain() {
        let text = cause.to_string();
        if lines.last().is_none_or(|l| !l.contains(&text)) {
            lines.extend(text.lines().map(str::to_owned));
        }
        if let Some(ask) = cause.downcast_ref::<AskError>() {
            hint.clone_from(&ask.hint);
        }
    }
    let room = MAX_LINES - usize::from(hint.is_some());
    lines.truncate(room);
    for (i, line) in lines.iter().enumerate() {
        note(format_args!("{}{line}", if i == 0 { "error: " } else { "  " }));
    }
    if let Some(hint) = hint {
        note(format_args!("try: {hint}"));
    }
    ExitCode::FAILURE
}
