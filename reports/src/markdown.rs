//! A person's text in Markdown, as paragraphs.

use crate::model::{Paragraph, Run, Style};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Schemes that a link may have: what else a text has is shown, but leads nowhere.
fn is_harmless(link: &str) -> bool {
    ["https://", "http://", "mailto:", "sextant://"].iter().any(|scheme| link.starts_with(scheme))
}

#[derive(Default)]
struct Reading {
    done: Vec<Paragraph>,
    runs: Vec<Run>,
    now: Run,
    /// Of each list that is open, the number of the next item.
    lists: Vec<Option<u64>>,
    style: Option<Style>,
    is_quoted: bool,
}

impl Reading {
    fn end_run(&mut self) {
        let text = std::mem::take(&mut self.now.text);
        if !text.is_empty() {
            self.runs.push(Run { text, ..self.now.clone() });
        }
    }

    fn end(&mut self) {
        self.end_run();
        let runs = std::mem::take(&mut self.runs);
        if !runs.is_empty() {
            let style = self.style.unwrap_or(if self.is_quoted { Style::Quote } else { Style::Text });
            self.done.push(Paragraph { style, runs });
        }
    }

    fn begin(&mut self, style: Style) {
        self.end();
        self.style = Some(style);
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.begin(Style::Heading),
            Tag::BlockQuote(_) => {
                self.end();
                self.is_quoted = true;
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => self.begin(Style::Code),
            Tag::List(first) => {
                self.end();
                self.lists.push(*first);
            }
            Tag::Item => {
                let style = match self.lists.last_mut() {
                    Some(Some(n)) => {
                        *n += 1;
                        Style::Numbered(*n - 1)
                    }
                    _ => Style::Item,
                };
                self.begin(style);
            }
            Tag::Strong => {
                self.end_run();
                self.now.is_strong = true;
            }
            Tag::Emphasis => {
                self.end_run();
                self.now.is_stressed = true;
            }
            Tag::Link { dest_url, .. } => {
                self.end_run();
                self.now.link = if is_harmless(dest_url) { dest_url.to_string() } else { String::new() };
            }
            _ => {}
        }
    }

    fn stop(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.end(),
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Item => {
                self.end();
                self.style = None;
            }
            TagEnd::BlockQuote(_) => {
                self.end();
                self.is_quoted = false;
            }
            TagEnd::List(_) => {
                self.end();
                self.lists.pop();
            }
            TagEnd::Strong => {
                self.end_run();
                self.now.is_strong = false;
            }
            TagEnd::Emphasis => {
                self.end_run();
                self.now.is_stressed = false;
            }
            TagEnd::Link => {
                self.end_run();
                self.now.link = String::new();
            }
            _ => {}
        }
    }
}

/// Paragraphs of a text in Markdown. HTML in it is shown as it is written; pictures are their texts.
pub fn paragraphs(text: &str) -> Vec<Paragraph> {
    let mut reading = Reading::default();
    for event in Parser::new_ext(text, Options::empty()) {
        match event {
            Event::Start(tag) => reading.start(&tag),
            Event::End(tag) => reading.stop(tag),
            Event::Code(code) => {
                reading.end_run();
                reading.now.is_code = true;
                reading.now.text.push_str(&code);
                reading.end_run();
                reading.now.is_code = false;
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => reading.now.text.push_str(&text),
            Event::SoftBreak => reading.now.text.push(' '),
            Event::HardBreak => reading.now.text.push('\n'),
            Event::Rule => reading.end(),
            _ => {}
        }
    }
    reading.end();
    reading.done
}

/// A paragraph without any marks.
pub fn plain(text: impl Into<String>) -> Vec<Paragraph> {
    vec![Paragraph { style: Style::Text, runs: vec![Run { text: text.into(), ..Run::default() }] }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let mark = |run: &Run| match (run.is_strong, run.is_stressed, run.is_code, run.link.as_str()) {
            (true, ..) => format!("*{}*", run.text),
            (_, true, ..) => format!("_{}_", run.text),
            (_, _, true, _) => format!("`{}`", run.text),
            (_, _, _, "") => run.text.clone(),
            (_, _, _, link) => format!("{}→{link}", run.text),
        };
        paragraphs(text)
            .iter()
            .map(|p| format!("{:?}: {}", p.style, p.runs.iter().map(mark).collect::<String>()))
            .collect()
    }

    #[test]
    fn what_people_write() {
        for (text, expected) in [
            ("", vec![]),
            ("one\ntwo\n\nthree", vec!["Text: one two", "Text: three"]),
            ("a **bold** and *stressed* `x = 1`", vec!["Text: a *bold* and _stressed_ `x = 1`"]),
            ("# Head\ntext", vec!["Heading: Head", "Text: text"]),
            ("- a\n- b\n\nc", vec!["Item: a", "Item: b", "Text: c"]),
            ("3. a\n4. b", vec!["Numbered(3): a", "Numbered(4): b"]),
            ("> said\n\nafter", vec!["Quote: said", "Text: after"]),
            ("```\na  b\nc\n```", vec!["Code: a  b\nc\n"]),
            ("[docs](https://example.org)", vec!["Text: docs→https://example.org"]),
            ("[bad](javascript:alert(1))", vec!["Text: bad"]),
            ("<script>alert(1)</script>", vec!["Text: <script>alert(1)</script>"]),
            ("#let x = 1 \\ $y$", vec!["Text: #let x = 1 \\ $y$"]),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }
}
