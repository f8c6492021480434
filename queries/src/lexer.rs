//! Cutting a search into tokens, each with its place; also what colours the search box.

use crate::ParseError;
use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A bare word, escapes taken out.
    Word(String),
    /// Text in quotes, escapes taken out.
    Quoted(String),
    /// A key with its colon.
    Field(String),
    /// `AND`.
    And,
    /// `OR`.
    Or,
    /// `NOT`, or `-` before a term.
    Not,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `>`, `>=`, `<`, `<=` after a field.
    Compare(&'static str),
    /// `[` or `{` after a field.
    RangeOpen(bool),
    /// `]` or `}`.
    RangeClose(bool),
    /// `TO` inside a range.
    To,
    /// `/…/` after a field.
    Regex(String),
    /// `{` before a condition on single spans.
    SetOpen,
    /// Its `}`.
    SetClose,
    /// `>>` between sets of spans, or `>`: then true.
    Under(bool),
    /// `|` before what is made of the records.
    Pipe,
    /// `,` behind a pipe.
    Comma,
}

/// A token and its place in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it is.
    pub at: Range<usize>,
    /// Whether the word or quoted text had `*` outside of escapes.
    pub has_wildcard: bool,
    /// Whether the word had an escape: it is meant as it is.
    pub is_escaped: bool,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    out: Vec<Token>,
    /// Whether the last token was a field, so that a value follows.
    is_value: bool,
    is_range: bool,
    /// How many `{` are open.
    n_sets: usize,
    /// Whether a pipe came: other words, no fields.
    is_stage: bool,
}

/// All tokens of `text`.
///
/// # Errors
/// If a quote is not closed.
pub fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer =
        Lexer { text, at: 0, out: Vec::new(), is_value: false, is_range: false, n_sets: 0, is_stage: false };
    while lexer.next()? {}
    Ok(lexer.out)
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.out.push(Token { kind, at: start..self.at, has_wildcard: false, is_escaped: false });
    }

    fn next(&mut self) -> Result<bool, ParseError> {
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
            self.is_value = false;
        }
        let Some(c) = self.peek() else { return Ok(false) };
        let start = self.at;
        let is_value = std::mem::take(&mut self.is_value);
        let next = self.text[self.at + c.len_utf8()..].chars().next();
        if !is_value && !self.is_range && c == '|' && next != Some('|') {
            self.is_stage = true;
            self.single(TokenKind::Pipe, start);
            return Ok(true);
        }
        if self.is_stage && c != '"' {
            self.stage(c, start);
            return Ok(true);
        }
        match c {
            '"' => self.quoted(is_value || self.is_stage)?,
            '/' if is_value && self.regex() => {}
            '{' if !is_value && !self.is_range => {
                self.n_sets += 1;
                self.single(TokenKind::SetOpen, start);
            }
            '}' if !self.is_range && self.n_sets > 0 => {
                self.n_sets -= 1;
                self.single(TokenKind::SetClose, start);
            }
            '>' if !is_value && self.is_behind_set() => {
                self.at += if next == Some('>') { 2 } else { 1 };
                self.push(TokenKind::Under(next != Some('>')), start);
            }
            '(' => self.single(TokenKind::Open, start),
            ')' => self.single(TokenKind::Close, start),
            '[' | '{' if is_value => {
                self.is_range = true;
                self.single(TokenKind::RangeOpen(c == '['), start);
            }
            ']' | '}' if self.is_range => {
                self.is_range = false;
                self.single(TokenKind::RangeClose(c == ']'), start);
            }
            '>' | '<' if is_value => self.comparison(start),
            '-' if !is_value && !self.is_range && self.is_negation() => self.single(TokenKind::Not, start),
            _ => self.word(is_value),
        }
        Ok(true)
    }

    fn is_behind_set(&self) -> bool {
        matches!(self.out.last().map(|t| &t.kind), Some(TokenKind::SetClose | TokenKind::Close))
    }

    /// A token behind a pipe.
    fn stage(&mut self, c: char, start: usize) {
        match c {
            '(' => self.single(TokenKind::Open, start),
            ')' => self.single(TokenKind::Close, start),
            ',' => self.single(TokenKind::Comma, start),
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '|' | '"');
                let rest = &self.text[self.at..];
                self.at += rest.find(is_end).unwrap_or(rest.len()).max(c.len_utf8());
                self.push(TokenKind::Word(self.text[start..self.at].to_owned()), start);
            }
        }
    }

    /// A regular expression between slashes, if it ends; else a slash is part of a word, as in a path.
    fn regex(&mut self) -> bool {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, '/')) => text.push('/'),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => return false,
                },
                '/' => {
                    let end = start + 1 + i + 1;
                    let is_over = |c: char| c.is_whitespace() || matches!(c, ')' | '}');
                    if !self.text[end..].chars().next().is_none_or(is_over) || text.is_empty() {
                        return false;
                    }
                    self.at = end;
                    self.push(TokenKind::Regex(text), start);
                    return true;
                }
                _ => text.push(c),
            }
        }
        false
    }

    fn single(&mut self, kind: TokenKind, start: usize) {
        self.at += 1;
        self.push(kind, start);
    }

    /// A minus belongs to the term that follows it without a gap.
    fn is_negation(&self) -> bool {
        self.text[self.at + 1..].chars().next().is_some_and(|c| !c.is_whitespace() && c != ')')
    }

    fn comparison(&mut self, start: usize) {
        let rest = &self.text[self.at..];
        let symbol = [">=", "<=", ">", "<"].into_iter().find(|s| rest.starts_with(s)).unwrap_or(">");
        self.at += symbol.len();
        self.push(TokenKind::Compare(symbol), start);
        self.is_value = true;
    }

    fn quoted(&mut self, is_value: bool) -> Result<(), ParseError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(
                    ParseError::new(start..self.text.len(), "a quote that is not closed").hint("add a \" at the end")
                );
            };
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => {
                    if let Some(next) = self.peek() {
                        self.at += next.len_utf8();
                        text.push(next);
                    }
                }
                _ => text.push(c),
            }
        }
        if !is_value && self.peek() == Some(':') {
            self.at += 1;
            self.is_value = true;
            self.push(TokenKind::Field(text), start);
        } else {
            self.push(TokenKind::Quoted(text), start);
        }
        Ok(())
    }

    fn word(&mut self, is_value: bool) {
        let start = self.at;
        let mut text = String::new();
        let mut has_wildcard = false;
        let mut is_escaped = false;
        while let Some(c) = self.peek() {
            let is_end = c.is_whitespace()
                || matches!(c, '(' | ')' | '"')
                || (self.is_range && matches!(c, ']' | '}'))
                || (self.n_sets > 0 && c == '}');
            if is_end {
                break;
            }
            if c == ':' && !is_value && !self.is_range && !text.is_empty() {
                self.at += 1;
                self.is_value = true;
                return self.push(TokenKind::Field(text), start);
            }
            self.at += c.len_utf8();
            if c == '\\' {
                is_escaped = true;
                // At the very end it is one itself.
                let next = self.peek().unwrap_or('\\');
                self.at = (self.at + next.len_utf8()).min(self.text.len());
                text.push(next);
                continue;
            }
            has_wildcard |= c == '*';
            text.push(c);
        }
        // A word with an escape is nothing but a word.
        let is_plain = !is_value && !is_escaped;
        let kind = match text.as_str() {
            "AND" | "&&" if is_plain => TokenKind::And,
            "OR" | "||" if is_plain => TokenKind::Or,
            "NOT" | "!" if is_plain => TokenKind::Not,
            "TO" if self.is_range => TokenKind::To,
            _ => TokenKind::Word(text),
        };
        self.out.push(Token { kind, at: start..self.at, has_wildcard, is_escaped });
    }
}
