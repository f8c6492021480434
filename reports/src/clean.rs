//! Texts as they can be set: what the faces lack is written as its number, and what is endless is cut.

use crate::fonts::Faces;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Of a text that is longer, so many characters are shown.
const MAX_CHARS: usize = 2_000;

/// Cleans texts, and counts what it had to change.
pub(crate) struct Cleaner<'a> {
    /// What can be set; everything where it is not said.
    faces: Option<&'a Faces>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    known: BTreeMap<char, bool>,
    missing: BTreeMap<char, u64>,
}

/// What neither paper nor screens show, and what turns the order of letters around.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..)
        || c.is_control() && c != '\n' && c != '\t'
}

impl<'a> Cleaner<'a> {
    /// For paper set in these faces; for a browser without.
    pub fn new(faces: Option<&'a Faces>) -> Self {
        Self { faces, seen: RefCell::default() }
    }

    /// A text of telemetry that can be set.
    pub fn text(&self, text: &str) -> String {
        self.cut(text, MAX_CHARS)
    }

    /// What a person wrote, and what is to be typed: it is never cut.
    pub fn whole(&self, text: &str) -> String {
        self.cut(text, usize::MAX)
    }

    fn cut(&self, text: &str, most: usize) -> String {
        let mut out = String::with_capacity(text.len().min(8 * MAX_CHARS));
        let mut seen = self.seen.borrow_mut();
        let mut chars = text.chars();
        for c in chars.by_ref().take(most) {
            let is_there = !is_hidden(c)
                && (c.is_ascii()
                    || *seen.known.entry(c).or_insert_with(|| self.faces.is_none_or(|faces| faces.has(c))));
            if is_there {
                out.push(if c == '\t' { ' ' } else { c });
            } else {
                *seen.missing.entry(c).or_default() += 1;
                out += &format!("⟨U+{:04X}⟩", u32::from(c));
            }
        }
        let left = chars.count();
        if left > 0 {
            out += &format!(" … ⟨{} more characters⟩", sextant_charts::figures::thousands(left as i64));
        }
        out
    }

    /// All texts of a report.
    pub fn value(&self, value: &mut Value) {
        self.below(value, false);
    }

    fn below(&self, value: &mut Value, is_whole: bool) {
        match value {
            Value::String(text) => *text = if is_whole { self.whole(text) } else { self.text(text) },
            Value::Array(items) => items.iter_mut().for_each(|v| self.below(v, is_whole)),
            Value::Object(fields) => {
                // Runs of prose, lines of commands, items to be done.
                fields.iter_mut().for_each(|(key, v)| {
                    self.below(v, is_whole || ["runs", "lines", "items"].contains(&key.as_str()));
                });
            }
            _ => {}
        }
    }

    /// What was written as numbers, in words; nothing if nothing was.
    pub fn missing(&self) -> String {
        let missing = &self.seen.borrow().missing;
        let n: u64 = missing.values().sum();
        let Some((c, _)) = missing.first_key_value() else { return String::new() };
        let what = if n == 1 { "1 character is" } else { &format!("{n} characters are") };
        format!(
            "{what} written as a number, such as ⟨U+{:04X}⟩, because the typefaces of this report lack them or because \
             they can't be seen. A font that has them can be given with --font.",
            u32::from(*c)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_set_is_a_number() {
        let faces = Faces::with(None).expect("our own");
        let cleaner = Cleaner::new(Some(&faces));
        for (text, clean) in [
            ("plain — text, naïve → Ж", "plain — text, naïve → Ж"),
            ("a\0b\u{feff}", "a⟨U+0000⟩b⟨U+FEFF⟩"),
            ("evil \u{202e}txt", "evil ⟨U+202E⟩txt"),
            ("😀", "⟨U+1F600⟩"),
            ("支付", "⟨U+652F⟩⟨U+4ED8⟩"),
        ] {
            assert_eq!(cleaner.text(text), clean);
        }
        assert!(cleaner.missing().starts_with("6 characters are written"), "{}", cleaner.missing());
        assert!("⟨⟩…".chars().all(|c| faces.has(c)), "numbers of characters can't be set themselves");
        assert_eq!(Cleaner::new(None).text("支付 😀"), "支付 😀");
    }

    #[test]
    fn what_is_endless_is_cut() {
        let cleaner = Cleaner::new(None);
        let cut = cleaner.text(&"x".repeat(10_000_000));
        assert!(cut.ends_with("… ⟨9,998,000 more characters⟩") && cut.len() < 3_000, "{}", &cut[1_990..]);
    }
}
