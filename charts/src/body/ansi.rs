//! The escapes of terminals: colours become tones, everything else of them goes.

use super::{Piece, Tone, piece};

pub(super) fn ansi(text: &str) -> Vec<Piece> {
    ansi_from(text, &mut Tone::Plain)
}

/// Text with the escapes of terminals: colours become tones, everything else of them goes.
pub(super) fn ansi_from(text: &str, tone: &mut Tone) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut say = |text: &str, tone: Tone| {
        if text.is_empty() {
            return;
        }
        match pieces.last_mut() {
            Some(last) if last.tone == tone => last.text.push_str(text),
            _ => pieces.push(piece(text, tone)),
        }
    };
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        say(&rest[..at], *tone);
        rest = &rest[at + 1..];
        if let Some(control) = rest.strip_prefix('[') {
            // Parameters, then one letter that says what they are for.
            let end = control.find(|c: char| !matches!(c, '0'..='9' | ';' | ':' | '?' | ' ')).unwrap_or(control.len());
            let what = control[end..].chars().next();
            if what == Some('m') {
                select(&control[..end], tone);
            }
            rest = &control[end + what.map_or(0, char::len_utf8)..];
        } else if let Some(title) = rest.strip_prefix(']') {
            // The title of a window, or a link: up to a bell or ESC \.
            let end = title.find(['\u{7}', '\u{1b}']).unwrap_or(title.len());
            rest = title[end..].strip_prefix('\u{7}').unwrap_or(&title[end..]);
            rest = rest.strip_prefix("\u{1b}\\").unwrap_or(rest);
        } else {
            let mut chars = rest.chars();
            chars.next();
            rest = chars.as_str();
        }
    }
    say(rest, *tone);
    pieces
}

/// What a sequence of graphic renditions comes to.
fn select(parameters: &str, tone: &mut Tone) {
    let mut numbers = parameters.split([';', ':']).map(|n| n.parse::<u16>().unwrap_or(0));
    while let Some(n) = numbers.next() {
        match n {
            0 | 39 => *tone = Tone::Plain,
            1 if *tone == Tone::Plain => *tone = Tone::Bold,
            2 | 90 => *tone = Tone::Weak,
            30..=37 => *tone = Tone::Ansi((n - 30) as u8),
            91..=97 => *tone = Tone::Ansi((n - 90) as u8),
            // 256 colours or more: the first sixteen are those above, the others are not told apart.
            38 => {
                let is_named = numbers.next() == Some(5);
                match numbers.next().filter(|_| is_named) {
                    Some(n @ 0..=15) => *tone = Tone::Ansi((n % 8) as u8),
                    _ => *tone = Tone::Bold,
                }
                if !is_named {
                    return;
                }
            }
            48 => return,
            _ => {}
        }
    }
}
