//! The one table of commands: keys, palette, key sheet and menus are made of it.

use crate::route::View;
use eframe::egui::{Context, Event, Key, Modifiers};
use sextant_contract::MenuItem;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Do {
    Palette,
    Keys,
    ViewAs,
    Search,
    Close,
    OpenFiles,
    Demo,
    TestSpan,
    Theme,
    Back,
    Forward,
    Home,
    Traces,
    Logs,
    Metrics,
    Services,
    Sql,
    Status,
    Sources,
    Report,
    Cost,
    Bundle,
    Hold,
    Period,
    CopyPeriod,
    SaveSearch,
    Export,
    AddToReport,
    UndoPart,
    /// What was undone last, done again.
    RedoPart,
    GroupBy,
    Note,
    Earlier,
    Later,
    ZoomOut,
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    Enter,
    Fold,
    Unfold,
    FoldAll,
    UnfoldAll,
    NextError,
    PreviousError,
    NextHit,
    PreviousHit,
    CriticalPath,
    Waterfall,
    Flame,
    SpanTable,
    Root,
    Isolate,
    Undo,
    CopyTrace,
    Compare,
    CompareBrush,
    CompareErrors,
    CompareSlow,
    CompareLate,
    Mark,
    Swap,
    Detail,
    Facets,
    ZoomIn,
    Widen,
    PanLeft,
    PanRight,
    Fit,
    Reset,
    Order,
    Patterns,
    Wrap,
    Tail,
    Stream,
    Run,
    Explain,
    ClearSearch,
}

/// Where a command works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Everywhere,
    /// Whatever goes up and down.
    Lists,
    /// Lists of rows, the tree of a trace.
    Rows,
    /// Pages of cards: home and status.
    Cards,
    Trace,
    /// Where something is found one after the other: trace and comparison.
    Found,
    /// The list of traces.
    Traces,
    /// One trace, and lists of them.
    Requests,
    Comparison,
    /// Log records.
    Records,
    /// The editor of statements.
    Statements,
    /// Lists that can be ordered.
    Ordered,
    /// Where there is a search: traces and logs.
    Searches,
    /// The report before it is written, and the policy that is edited.
    Paper,
}

/// A command.
#[derive(Debug)]
pub(crate) struct Entry {
    pub what: Do,
    /// Its name in menus and addresses.
    pub id: &'static str,
    pub group: &'static str,
    pub text: &'static str,
    /// Each of these strokes; parts of one stroke are separated by spaces.
    pub keys: &'static [&'static str],
    pub place: Place,
    /// Whether the window's menu has it.
    pub is_in_menu: bool,
}

const fn entry(
    what: Do,
    id: &'static str,
    group: &'static str,
    text: &'static str,
    keys: &'static [&'static str],
    place: Place,
    is_in_menu: bool,
) -> Entry {
    Entry { what, id, group, text, keys, place, is_in_menu }
}

use Place::{
    Cards, Comparison, Everywhere, Found, Lists, Ordered, Paper, Records, Requests, Rows, Searches, Statements, Trace,
    Traces,
};

/// All of them, in the order in which they are shown.
pub(crate) const TABLE: &[Entry] = &[
    entry(Do::OpenFiles, "open", "File", "Open telemetry files", &["Ctrl O"], Everywhere, true),
    entry(Do::Demo, "demo", "File", "Run the demo shop", &[], Everywhere, true),
    entry(Do::TestSpan, "test-span", "File", "Send a test span", &[], Everywhere, true),
    entry(Do::Palette, "palette", "Everywhere", "Palette", &["Ctrl K"], Everywhere, false),
    entry(Do::Search, "search", "Everywhere", "Search box", &["/"], Everywhere, false),
    entry(Do::ClearSearch, "clear-search", "Everywhere", "Clear the search", &["Ctrl Backspace"], Everywhere, false),
    entry(Do::SaveSearch, "save-search", "Everywhere", "Keep this search", &["Ctrl S"], Everywhere, true),
    entry(Do::Export, "export", "Everywhere", "Export what is shown", &[">"], Everywhere, true),
    entry(Do::AddToReport, "add-to-report", "Everywhere", "Add what is shown to the report", &["+"], Everywhere, true),
    entry(Do::Note, "note", "Everywhere", "Note or bookmark", &["a"], Everywhere, true),
    entry(Do::Keys, "keys", "Everywhere", "Key sheet", &["?"], Everywhere, false),
    entry(Do::Close, "close", "Everywhere", "Close, clear, cancel", &["Esc"], Everywhere, false),
    entry(Do::Back, "back", "Everywhere", "Back", &["Alt ←"], Everywhere, false),
    entry(Do::Forward, "forward", "Everywhere", "Forward", &["Alt →"], Everywhere, false),
    entry(Do::Theme, "theme", "View", "Light or dark", &[], Everywhere, true),
    entry(Do::Home, "home", "Go to", "Home", &["g h"], Everywhere, true),
    entry(Do::Traces, "traces", "Go to", "Traces", &["g t"], Everywhere, true),
    entry(Do::Logs, "logs", "Go to", "Logs", &["g l"], Everywhere, true),
    entry(Do::Metrics, "metrics", "Go to", "Metrics", &["g m"], Everywhere, true),
    entry(Do::Services, "services", "Go to", "Services", &["g v"], Everywhere, true),
    entry(Do::Sql, "sql", "Go to", "SQL", &["g q"], Everywhere, true),
    entry(Do::Status, "status", "Go to", "Status", &["g s"], Everywhere, true),
    entry(Do::Sources, "sources", "Go to", "Sources", &["g c"], Everywhere, true),
    entry(Do::Bundle, "bundle", "Go to", "Bundle", &["g b"], Everywhere, true),
    entry(Do::Report, "report", "Go to", "Report", &["g r"], Everywhere, true),
    entry(Do::Cost, "cost", "Go to", "Cost", &["g o"], Everywhere, true),
    entry(Do::Down, "down", "Lists and tree", "Next row", &["j", "↓"], Lists, false),
    entry(Do::Up, "up", "Lists and tree", "Previous row", &["k", "↑"], Lists, false),
    entry(Do::First, "first", "Lists and tree", "First row", &["g g"], Lists, false),
    entry(Do::Last, "last", "Lists and tree", "Last row", &["G"], Lists, false),
    entry(Do::PageDown, "page-down", "Lists and tree", "A page down", &["PageDown"], Cards, false),
    entry(Do::PageUp, "page-up", "Lists and tree", "A page up", &["PageUp"], Cards, false),
    entry(Do::Enter, "enter", "Lists and tree", "Open the row", &["Enter"], Rows, false),
    entry(Do::NextError, "next-error", "Lists and tree", "Next error", &["e"], Rows, false),
    entry(Do::PreviousError, "previous-error", "Lists and tree", "Previous error", &["E"], Rows, false),
    entry(Do::NextHit, "next-hit", "Lists and tree", "Next hit, or difference", &["n"], Found, false),
    entry(Do::PreviousHit, "previous-hit", "Lists and tree", "Previous hit, or difference", &["N"], Found, false),
    entry(Do::Mark, "mark", "Lists and tree", "Mark to compare with", &["m"], Traces, false),
    entry(Do::Compare, "compare", "Lists and tree", "Compare with another one", &["d"], Requests, false),
    entry(Do::CompareBrush, "compare-brush", "Compare", "The selection with the rest", &["c b"], Traces, false),
    entry(Do::CompareErrors, "compare-errors", "Compare", "Those with errors with the rest", &["c e"], Traces, false),
    entry(Do::CompareSlow, "compare-slow", "Compare", "The slowest tenth with the rest", &["c s"], Traces, false),
    entry(Do::CompareLate, "compare-late", "Compare", "The second half of the period", &["c l"], Traces, false),
    entry(Do::Swap, "swap", "Lists and tree", "Swap A and B", &["x"], Comparison, false),
    entry(Do::Fold, "fold", "Lists and tree", "Fold, or go to the parent", &["h", "←"], Trace, false),
    entry(Do::Unfold, "unfold", "Lists and tree", "Unfold", &["l", "→"], Trace, false),
    entry(Do::UnfoldAll, "unfold-all", "Lists and tree", "Unfold all", &["["], Trace, false),
    entry(Do::FoldAll, "fold-all", "Lists and tree", "Fold all", &["]"], Trace, false),
    entry(Do::Order, "order", "Lists and tree", "Newest or longest first", &["s"], Ordered, false),
    entry(Do::GroupBy, "group-by", "Lists and tree", "Group by a field", &["u"], Searches, true),
    entry(Do::ViewAs, "view-as", "Lists and tree", "The search as SQL, TraceQL", &["v"], Searches, false),
    entry(Do::Facets, "facets", "Lists and tree", "Facets", &["Q"], Searches, false),
    entry(Do::Patterns, "patterns", "Logs", "Patterns, or the records", &["p"], Records, false),
    entry(Do::Wrap, "wrap", "Logs", "Long messages in several lines, or one", &["w"], Records, false),
    entry(Do::Tail, "tail", "Logs", "Follow, or all records", &["f"], Records, false),
    entry(Do::Stream, "stream", "Logs", "With spans, or records alone", &["b"], Records, false),
    entry(Do::Run, "run", "SQL", "Run the statements", &["Ctrl Enter"], Statements, false),
    entry(Do::Explain, "explain", "SQL", "Explain the statements", &["Ctrl E"], Statements, false),
    entry(Do::ZoomIn, "zoom-in", "Time line", "Zoom in", &["W"], Trace, false),
    entry(Do::Widen, "zoom-out", "Time line", "Zoom out", &["S"], Trace, false),
    entry(Do::PanLeft, "pan-left", "Time line", "Pan left", &["A"], Trace, false),
    entry(Do::PanRight, "pan-right", "Time line", "Pan right", &["D"], Trace, false),
    entry(Do::Fit, "fit", "Time line", "Fit the selected span", &["F"], Trace, false),
    entry(Do::Reset, "reset", "Time line", "Show the whole trace", &["0"], Trace, false),
    entry(Do::Waterfall, "waterfall", "Trace", "Waterfall", &["1"], Trace, false),
    entry(Do::Flame, "flame", "Trace", "Flame graph", &["2"], Trace, false),
    entry(Do::SpanTable, "span-table", "Trace", "Operations as a table", &["3"], Trace, false),
    entry(Do::Root, "root", "Trace", "Only what is below this span", &["r"], Trace, false),
    entry(Do::Isolate, "isolate", "Trace", "Only this service", &["i"], Trace, false),
    entry(Do::Undo, "undo", "Trace", "Undo what was folded or left out", &["u"], Trace, false),
    entry(Do::CopyTrace, "copy-trace", "Trace", "Copy as OTLP JSON", &["y"], Trace, false),
    entry(Do::CriticalPath, "critical-path", "Time line", "Critical path", &["c"], Trace, false),
    entry(Do::Detail, "detail", "Time line", "Detail pane", &["Q"], Trace, false),
    entry(Do::UndoPart, "undo-part", "Report", "Undo the last step", &["Ctrl Z"], Paper, false),
    entry(Do::RedoPart, "redo-part", "Report", "Redo what was undone", &["Ctrl Y"], Paper, false),
    entry(Do::Period, "period", "Time", "Period, as you would say it", &["t t"], Everywhere, false),
    entry(Do::CopyPeriod, "copy-period", "Time", "Copy the period", &["t c"], Everywhere, false),
    entry(Do::Hold, "hold", "Time", "Hold, or go on live", &["="], Everywhere, false),
    entry(Do::ZoomOut, "widen", "Time", "Longer period", &["t z"], Everywhere, false),
    entry(Do::Earlier, "earlier", "Time", "Earlier period", &["t ←"], Everywhere, false),
    entry(Do::Later, "later", "Time", "Later period", &["t →"], Everywhere, false),
];

impl Place {
    /// Whether commands of this place work in `view`.
    pub fn is_in(self, view: View) -> bool {
        match self {
            Everywhere | Lists => true,
            Rows => {
                !matches!(view, View::Home | View::Status | View::Sources | View::Bundle | View::Report | View::Cost)
            }
            Cards => matches!(view, View::Home | View::Status | View::Cost),
            Trace => view == View::Trace,
            Found => matches!(view, View::Trace | View::Compare),
            Traces => view == View::Traces,
            Requests => matches!(view, View::Traces | View::Trace),
            Comparison => view == View::Compare,
            Records => view == View::Logs,
            Statements => view == View::Sql,
            Ordered => matches!(view, View::Traces | View::Trace | View::Services),
            Searches => matches!(view, View::Traces | View::Logs),
            Paper => matches!(view, View::Report | View::Cost),
        }
    }
}

/// The command with this name.
pub(crate) fn by_id(id: &str) -> Option<Do> {
    TABLE.iter().find(|e| e.id == id).map(|e| e.what)
}

/// What the window's menu shows.
pub(crate) fn menu() -> Vec<MenuItem> {
    let accelerator = |keys: &[&str]| {
        let ctrl = keys.iter().find_map(|k| k.strip_prefix("Ctrl "))?;
        Some(format!("CmdOrCtrl+{ctrl}"))
    };
    let item = |e: &Entry| MenuItem {
        id: e.id.into(),
        group: e.group.into(),
        text: e.text.into(),
        accelerator: accelerator(e.keys),
    };
    TABLE.iter().filter(|e| e.is_in_menu).map(item).collect()
}

/// Commands after which one types.
const OPENS_BOX: [Do; 5] = [Do::Search, Do::Palette, Do::Period, Do::Note, Do::GroupBy];

/// Strokes on their way to becoming commands.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// The first part of a stroke that has two.
    prefix: Option<String>,
}

fn special(key: Key) -> Option<&'static str> {
    Some(match key {
        Key::Escape => "Esc",
        Key::Enter => "Enter",
        Key::ArrowLeft => "←",
        Key::ArrowRight => "→",
        Key::ArrowUp => "↑",
        Key::ArrowDown => "↓",
        Key::PageDown => "PageDown",
        Key::PageUp => "PageUp",
        _ => return None,
    })
}

/// What was pressed, in the words of the table.
fn stroke(event: &Event) -> Option<String> {
    match event {
        // The other way to redo.
        Event::Key { key: Key::Z, pressed: true, modifiers, .. } if modifiers.shift && modifiers.command => {
            Some("Ctrl Y".to_owned())
        }
        Event::Key { key, pressed: true, modifiers, .. } if modifiers.command || modifiers.ctrl => {
            Some(format!("Ctrl {}", special(*key).unwrap_or(key.name())))
        }
        Event::Key { key, pressed: true, modifiers: Modifiers { alt: true, .. }, .. } => {
            special(*key).map(|k| format!("Alt {k}"))
        }
        Event::Key { key, pressed: true, .. } => special(*key).map(str::to_owned),
        Event::Text(text) => Some(text.clone()),
        _ => None,
    }
}

impl Keys {
    /// The commands that were pressed. While one types, only what can't be typed counts. What was typed after a command that
    /// opens a box belongs into that: a slow frame brings both at once.
    pub fn read(&mut self, ctx: &Context, view: View, is_typing: bool) -> (Vec<Do>, String) {
        let strokes: Vec<(String, bool)> = ctx.input(|i| {
            let is_text = |e: &Event| matches!(e, Event::Text(_));
            i.events.iter().filter_map(|e| Some((stroke(e)?, is_text(e)))).collect()
        });
        let mut found = Vec::new();
        let mut typed = String::new();
        for (stroke, is_text) in strokes {
            if found.last().is_some_and(|d| OPENS_BOX.contains(d)) {
                if is_text {
                    typed += &stroke;
                }
                continue;
            }
            let is_combination = stroke.starts_with("Ctrl ") || stroke.starts_with("Alt ") || stroke == "Esc";
            // What is typed is undone where it is typed.
            if is_typing && (!is_combination || stroke == "Ctrl Z") {
                self.prefix = None;
                continue;
            }
            let whole = match self.prefix.take() {
                Some(prefix) => format!("{prefix} {stroke}"),
                None => stroke,
            };
            let mut here = TABLE.iter().filter(|e| e.place.is_in(view));
            let is_begun = |k: &&str| k.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with(' '));
            if let Some(entry) = here.clone().find(|e| e.keys.contains(&whole.as_str())) {
                found.push(entry.what);
            } else if here.any(|e| e.keys.iter().any(&is_begun)) {
                self.prefix = Some(whole);
            }
        }
        (found, typed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_no_key_means_two_things() {
        let ids: HashSet<&str> = TABLE.iter().map(|e| e.id).collect();
        assert_eq!(ids.len(), TABLE.len());
        for view in View::ALL {
            let mut seen: Vec<&str> = Vec::new();
            for key in TABLE.iter().filter(|e| e.place.is_in(view)).flat_map(|e| e.keys) {
                assert!(!seen.contains(key), "{key} means two things in {view:?}");
                let is_hidden = |other: &&&str| key.starts_with(&format!("{other} "));
                assert_eq!(seen.iter().find(is_hidden), None, "{key} can't be reached in {view:?}");
                seen.push(key);
            }
        }
    }

    fn press(keys: &mut Keys, view: View, is_typing: bool, events: Vec<Event>) -> Vec<Do> {
        let ctx = Context::default();
        ctx.input_mut(|i| i.events = events);
        keys.read(&ctx, view, is_typing).0
    }

    fn key(key: Key, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
    }

    #[test]
    fn strokes_become_commands() {
        let mut keys = Keys::default();
        let text = |t: &str| Event::Text(t.into());
        assert_eq!(press(&mut keys, View::Traces, false, vec![text("g")]), []);
        assert_eq!(press(&mut keys, View::Traces, false, vec![text("l")]), [Do::Logs]);
        assert_eq!(press(&mut keys, View::Trace, false, vec![text("l")]), [Do::Unfold]);
        assert_eq!(press(&mut keys, View::Home, false, vec![text("j")]), [Do::Down]);
        assert_eq!(press(&mut keys, View::Home, false, vec![text("e")]), []);
        assert_eq!(press(&mut keys, View::Trace, true, vec![text("l")]), []);
        assert_eq!(press(&mut keys, View::Trace, true, vec![key(Key::K, Modifiers::COMMAND)]), [Do::Palette]);
        assert_eq!(press(&mut keys, View::Logs, false, vec![key(Key::ArrowLeft, Modifiers::ALT)]), [Do::Back]);
        assert_eq!(
            press(&mut keys, View::Home, false, vec![text("t"), key(Key::ArrowLeft, Modifiers::NONE)]),
            [Do::Earlier]
        );
    }

    #[test]
    fn what_is_typed_with_the_stroke_before_it_is_kept() {
        let text = |t: &str| Event::Text(t.into());
        let read = |events: Vec<Event>| {
            let ctx = Context::default();
            ctx.input_mut(|i| i.events = events);
            Keys::default().read(&ctx, View::Traces, false)
        };
        let (found, typed) = read(vec![text("/"), text("n"), text("a"), text(":")]);
        assert_eq!((found, typed.as_str()), (vec![Do::Search], "na:"));
        let (found, typed) = read(vec![text("j"), text("a"), text("no"), text("te")]);
        assert_eq!((found, typed.as_str()), (vec![Do::Down, Do::Note], "note"));
    }

    #[test]
    fn menus_come_from_the_table() {
        let menu = menu();
        let open = menu.iter().find(|m| m.id == "open").expect("files can be opened");
        assert_eq!((open.group.as_str(), open.accelerator.as_deref()), ("File", Some("CmdOrCtrl+O")));
        assert_eq!(by_id("open"), Some(Do::OpenFiles));
    }
}
