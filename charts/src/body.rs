//! What a log record says as lines to be read: JSON as a tree, colours of terminals, stack traces without their frames.

mod ansi;
mod json;

use ansi::{ansi, ansi_from};
use std::collections::BTreeSet;
use std::ops::Range;

/// How a piece of a line is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As everything else.
    #[default]
    Plain,
    /// Of less weight.
    Weak,
    /// The key of an object.
    Key,
    /// Text in JSON.
    Text,
    /// A number, `true`, `null`.
    Number,
    /// Bold, as a terminal shows it.
    Bold,
    /// One of the terminal's eight colours.
    Ansi(u8),
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it says.
    pub text: String,
    /// How.
    pub tone: Tone,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// How deep it lies.
    pub depth: usize,
    /// Its pieces.
    pub pieces: Vec<Piece>,
    /// The number of what is folded or unfolded here, and whether it is folded.
    pub fold: Option<(usize, bool)>,
}

/// A body of this many lines is cut; what is left out is said in the last one.
const MAX_LINES: usize = 2_000;
/// More lines than this are not even looked at: there may be frames among them that are folded.
const MAX_READ: usize = 10_000;
/// A line of this many letters is cut likewise.
const MAX_LETTERS: usize = 20_000;
/// Frames of a stack trace that are shown before the rest is folded.
const N_FRAMES: usize = 3;

/// The lines of a body. Each thing that can be folded has a number; `toggled` are those that are not as they are at first:
/// trees open, stack traces closed.
pub fn lines(body: &str, toggled: &BTreeSet<usize>) -> Vec<Line> {
    let n_rest = body.split('\n').skip(MAX_READ).count();
    let body = match body.split_inclusive('\n').take(MAX_READ).map(str::len).sum::<usize>() {
        end if n_rest > 0 => body.get(..end).unwrap_or(body),
        _ => body,
    };
    let mut all = json::lines(body, toggled).unwrap_or_else(|| text(body, toggled));
    let rest = all.len().saturating_sub(MAX_LINES) + n_rest;
    if rest > 0 {
        all.truncate(MAX_LINES);
        all.push(weak(0, format!("… and {rest} more lines; copy the record to see them all")));
    }
    all
}

/// A body in one line: without the colours and controls of terminals, line breaks shown as such.
pub fn one_line(body: &str) -> std::borrow::Cow<'_, str> {
    let is_odd = |c: char| c.is_control();
    if !body.contains(is_odd) {
        return body.into();
    }
    let mut out = String::with_capacity(body.len());
    for piece in ansi(body) {
        for c in piece.text.chars() {
            match c {
                '\n' => out.push('⏎'),
                c if c.is_control() => out.push(' '),
                c => out.push(c),
            }
        }
    }
    out.into()
}

/// The severity that a text speaks of, where its record says none: a word at its beginning, or `level=…`.
pub fn inferred(body: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 13] = [
        ("TRACE", "TRACE"),
        ("DEBUG", "DEBUG"),
        ("INFO", "INFO"),
        ("INFORMATION", "INFO"),
        ("NOTICE", "INFO"),
        ("WARN", "WARN"),
        ("WARNING", "WARN"),
        ("ERROR", "ERROR"),
        ("ERR", "ERROR"),
        ("FATAL", "FATAL"),
        ("CRITICAL", "FATAL"),
        ("PANIC", "FATAL"),
        ("EMERGENCY", "FATAL"),
    ];
    let known = |word: &str| WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, level)| *level);
    let end = body.char_indices().nth(200).map_or(body.len(), |(at, _)| at);
    let head = &body[..end];
    for key in ["\"level\"", "level=", "\"severity\"", "severity=", "lvl="] {
        if let Some(at) = head.find(key) {
            let rest = head[at + key.len()..].trim_start_matches([':', ' ', '"', '=']);
            let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
            if let Some(level) = known(&word) {
                return Some(level);
            }
        }
    }
    // After a time, in brackets or with a colon: only in capitals, or it would be a word of the sentence.
    let words = head.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty()).take(4);
    let mut capitals = words.filter(|w| w.len() > 2 && w.bytes().all(|b| b.is_ascii_uppercase()));
    capitals.find_map(known)
}

fn piece(text: impl Into<String>, tone: Tone) -> Piece {
    Piece { text: text.into(), tone }
}

fn weak(depth: usize, text: String) -> Line {
    Line { depth, pieces: vec![piece(text, Tone::Weak)], fold: None }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{} … {} more letters", &text[..at], text[at..].chars().count()),
    }
}

/// Whether a line is a frame of a stack trace: of Java, JavaScript, .NET, Python, Rust, Go, Ruby, PHP.
fn is_frame(line: &str) -> bool {
    let trimmed = line.trim_start();
    let is_indented = trimmed.len() < line.len();
    let is_numbered = |t: &str| {
        let digits = t.trim_start_matches('#').bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && t.trim_start_matches('#')[digits..].starts_with([':', ' '])
    };
    (is_indented && (trimmed.starts_with("at ") || trimmed.starts_with("... ")))
        || (is_indented && trimmed.starts_with("File \"") && trimmed.contains(", line "))
        || (is_indented && trimmed.starts_with("from ") && trimmed.contains(':'))
        || (is_indented && is_numbered(trimmed))
        || (trimmed.starts_with('#') && is_numbered(trimmed))
        || (is_indented && trimmed.contains(".go:"))
        || (!is_indented && trimmed.ends_with(')') && trimmed.contains("(0x"))
}

/// Runs of frames, with the lines of source between them.
fn frames(lines: &[&str]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !is_frame(lines[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut end = at + 1;
        while end < lines.len() {
            let is_source = |i: usize| lines[i].starts_with([' ', '\t']);
            if is_frame(lines[end]) {
                end += 1;
            } else if is_source(end) && lines.get(end + 1).is_some_and(|l| is_frame(l)) {
                // Python says the line of source below each frame, Go the place.
                end += 2;
            } else if is_source(end) {
                end += 1;
            } else {
                break;
            }
        }
        all.push(start..end);
        at = end;
    }
    all
}

fn text(body: &str, toggled: &BTreeSet<usize>) -> Vec<Line> {
    let mut lines: Vec<&str> = body.split('\n').map(|l| l.trim_end_matches('\r')).collect();
    while lines.len() > 1 && lines.last().is_some_and(|l| l.is_empty()) {
        lines.pop();
    }
    let mut folded: Vec<(usize, Range<usize>)> = frames(&lines)
        .into_iter()
        .filter(|run| run.len() > N_FRAMES + 1)
        .map(|run| run.start + N_FRAMES..run.end)
        .enumerate()
        .collect();
    folded.reverse();
    let mut out = Vec::new();
    let mut tone = Tone::Plain;
    let mut at = 0;
    while at < lines.len() {
        if let Some((number, run)) = folded.pop_if(|(_, run)| run.start == at) {
            let is_folded = !toggled.contains(&number);
            let words = if is_folded {
                format!("… {} more lines of the stack trace", run.len())
            } else {
                "the rest of the stack trace".to_owned()
            };
            out.push(Line { fold: Some((number, is_folded)), ..weak(1, words) });
            if is_folded {
                at = run.end;
                continue;
            }
        }
        let mut pieces = ansi_from(&cut(lines[at]), &mut tone);
        for piece in &mut pieces {
            piece.text = piece.text.replace('\t', "    ");
        }
        out.push(Line { depth: 0, pieces, fold: None });
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(body: &str, toggled: &[usize]) -> Vec<String> {
        let toggled = toggled.iter().copied().collect();
        let say = |l: &Line| {
            let text: String = l.pieces.iter().map(|p| p.text.as_str()).collect();
            format!("{}{text}", "  ".repeat(l.depth))
        };
        lines(body, &toggled).iter().map(say).collect()
    }

    #[test]
    fn json_is_a_tree_that_folds() {
        let body = r#"{"a": {"b": [1, {"c": "x\n"}], "d": {}}, "e": null}"#;
        let open = plain(body, &[]);
        assert_eq!(
            open,
            [
                "{",
                "  \"a\": {",
                "    \"b\": [",
                "      1,",
                "      {",
                "        \"c\": \"x\\n\"",
                "      }",
                "    ],",
                "    \"d\": {}",
                "  },",
                "  \"e\": null",
                "}"
            ]
        );
        assert_eq!(plain(body, &[1]), ["{", "  \"a\": { 2 … },", "  \"e\": null", "}"]);
        // What comes after keeps its number, whatever is folded before it.
        let two = r#"{"a": {"b": {"x": 1}}, "c": {"y": 2}}"#;
        assert_eq!(plain(two, &[1, 3]), ["{", "  \"a\": { 1 … },", "  \"c\": { 1 … }", "}"]);
        for not in ["{not json}", "[info] started", "[main] x, y]", "{}x", "plain"] {
            assert_eq!(plain(not, &[]), [not]);
        }
        let nested = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
        assert_eq!(plain(&nested(60), &[]).len(), 121);
        for n in [65, 100_000] {
            assert_eq!(plain(&nested(n), &[]).len(), 1, "too deep to be a tree");
        }
        // Brackets within text are no depth; more than anybody unfolds is text.
        let quoted = format!("{{\"a\": \"{}\\\"[\"}}", "[".repeat(1_000));
        assert_eq!(plain(&quoted, &[]).len(), 3);
        let wide = format!("[{}1]", "1,".repeat(3_000_000));
        assert_eq!(plain(&wide, &[]).len(), 1);
    }

    #[test]
    fn json_stays_as_it_was_written() {
        let body = "{\"z\":1.50,\"a\":12345678901234567890123,\"z\": \"q\\\"u]\" , \"n\":[ ] ,\"l\":[true,null]}";
        assert_eq!(
            plain(body, &[]),
            [
                "{",
                "  \"z\": 1.50,",
                "  \"a\": 12345678901234567890123,",
                "  \"z\": \"q\\\"u]\",",
                "  \"n\": [],",
                "  \"l\": [",
                "    true,",
                "    null",
                "  ]",
                "}"
            ]
        );
    }

    #[test]
    fn stack_traces_show_their_beginning() {
        let java = "java.lang.IllegalStateException: no stock\n\tat a.b(C.java:1)\n\tat a.b(C.java:2)\n\tat a.b(C.java:3)\n\
            \tat a.b(C.java:4)\n\tat a.b(C.java:5)\nCaused by: java.io.IOException: gone\n\tat x.y(Z.java:9)";
        let shut = plain(java, &[]);
        assert_eq!(shut.len(), 7, "{shut:#?}");
        assert_eq!(shut[4], "  … 2 more lines of the stack trace");
        assert_eq!(shut[5], "Caused by: java.io.IOException: gone");
        assert_eq!(plain(java, &[0]).len(), 9);
        let python = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\n  File \"a.py\", line 2, in g\n    h()\n  \
            File \"a.py\", line 3, in h\n    raise ValueError('x')\nValueError: x";
        let shut = plain(python, &[]);
        assert_eq!(shut.last().map(String::as_str), Some("ValueError: x"), "{shut:#?}");
        assert!(shut.iter().any(|l| l.contains("3 more lines")), "{shut:#?}");
        let node = "Error: x\n    at f (a.js:1:1)\n    at g (a.js:2:1)";
        assert_eq!(plain(node, &[]).len(), 3, "a short one stays as it is");
        let rust = "thread panicked\n   0: a\n             at ./x.rs:1\n   1: b\n             at ./x.rs:2\n   2: c\n             at ./x.rs:3";
        assert!(plain(rust, &[]).iter().any(|l| l.contains("more lines")), "{:#?}", plain(rust, &[]));
        let words = "Order 1 placed\n  two items\n  paid";
        assert_eq!(plain(words, &[]).len(), 3);
    }

    #[test]
    fn colours_of_terminals_are_tones_and_nothing_else_is_left_of_them() {
        let body = "\u{1b}[32mINFO\u{1b}[0m \u{1b}[1mready\u{1b}[22;39m \u{1b}[38;5;9mred\u{1b}[m \u{1b}[2K\u{1b}]0;title\u{7}end\u{1b}";
        let line = &lines(body, &BTreeSet::new())[0];
        let said: Vec<(&str, Tone)> = line.pieces.iter().map(|p| (p.text.as_str(), p.tone)).collect();
        assert_eq!(said[0], ("INFO", Tone::Ansi(2)));
        assert!(said.contains(&("ready", Tone::Bold)) && said.contains(&("red", Tone::Ansi(1))), "{said:?}");
        assert_eq!(one_line(body), "INFO ready red end");
        assert_eq!(one_line("a\tb\r\nc\u{0}"), "a b ⏎c ");
        assert!(matches!(one_line("nothing odd 漢字"), std::borrow::Cow::Borrowed(_)));
        // A colour goes on over the ends of lines.
        let two = lines("\u{1b}[31mone\ntwo\u{1b}[0m", &BTreeSet::new());
        assert_eq!(two[1].pieces[0].tone, Tone::Ansi(1));
        for odd in ["\u{1b}[", "\u{1b}[38;5", "\u{1b}[38;2;1;2", "\u{1b}]", "\u{1b}漢", "\u{1b}[1;漢"] {
            lines(odd, &BTreeSet::new());
        }
    }

    #[test]
    fn severity_is_read_off_the_text_where_it_is_clear() {
        for (body, level) in [
            ("2026-01-01 12:00:00 ERROR could not", Some("ERROR")),
            ("[WARN] slow", Some("WARN")),
            ("level=warning msg=x", Some("WARN")),
            ("{\"time\":1,\"level\":\"error\",\"msg\":\"x\"}", Some("ERROR")),
            ("an error occurred", None),
            ("ERROR", Some("ERROR")),
            ("GET /info 200", None),
            ("everything is fine", None),
            ("", None),
        ] {
            assert_eq!(inferred(body), level, "{body}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_said() {
        for n in [5_000, 50_000] {
            let all = plain(&"x\n".repeat(n), &[]);
            let rest =
                all[MAX_LINES].trim_start_matches("… and ").split(' ').next().and_then(|r| r.parse::<usize>().ok());
            assert!(all.len() == MAX_LINES + 1 && rest.is_some_and(|r| r.abs_diff(n - MAX_LINES) <= 1), "{rest:?}");
        }
        let wide = plain(&"é".repeat(50_000), &[]);
        assert!(wide[0].ends_with("30000 more letters"));
    }
}
