//! The grammar of the search language as railroad diagrams: one picture a rule, and the page that shows them.

use anyhow::{Context as _, bail};
use railroad::{
    Choice, Diagram, Empty, Node, NonTerminal, Optional, Repeat, Sequence, SimpleEnd, SimpleStart, Terminal,
};
use std::path::Path;

/// Name, what it is in words, and the rule. `'x'` is written as it stands, a name is another rule or said in words;
/// `x?` may be left out, `x*` and `x+` may come several times, `x % y` comes several times with y between.
const RULES: [(&str, &str, &str); 12] = [
    ("search", "A condition, or none, and what is made of what it finds.", "or? ('|' stage)*"),
    ("or", "AND binds stronger than OR.", "(and % 'OR')"),
    ("and", "Two conditions side by side both have to hold.", "(below % 'AND'?)"),
    (
        "below",
        "Spans that are children of others, or anywhere below them. Only between braces.",
        "(term % ('>' | '>>'))",
    ),
    (
        "term",
        "What is in braces is about one span of the trace.",
        "('NOT' | '-')* ('(' or ')' | '{' or? '}' | field ':' value | text)",
    ),
    ("text", "A whole word, or any text, of a log's body or a span's name.", "word | '\"' phrase '\"'"),
    (
        "field",
        "A name of ours, a column, an attribute by its key, or a figure of the trace. A key with spaces or colons is quoted.",
        "name | Column | Column '.' key | attribute.key | '\"' any key '\"' | 'trace.' ('duration' | 'spans' | 'errors') | 'root.' ('name' | 'service')",
    ),
    (
        "value",
        "Contains; equals; fits; compares; lies between; is there; one of several.",
        "word | '\"' text '\"' | '/' regular expression '/' | comparison number | range | '*' | '(' (value % ('OR' | 'AND')) ')'",
    ),
    ("comparison", "", "'>' | '>=' | '<' | '<='"),
    ("number", "With a unit it is a time.", "'-'? digits ('.' digits)? ('ns' | 'us' | 'ms' | 's' | 'm' | 'h' | 'd')?"),
    (
        "range",
        "Square brackets include the bound, braces leave it out.",
        "('[' | '{') (number | '*') 'TO' (number | '*') (']' | '}')",
    ),
    (
        "stage",
        "Figures over groups; the largest of them.",
        "(figure % ',') ('by' (field % ','))? ('every' number)? | 'top' digits ('by' (figure | field))?",
    ),
];

/// The rule of a figure stands apart: its names are those that the language knows.
const FIGURE: (&str, &str, &str) = (
    "figure",
    "Of records, or of a field of theirs.",
    "'count' | 'errors' | 'rate' | ('distinct' | 'sum' | 'avg' | 'min' | 'max' | 'median' | 'p95') '(' field ')' | 'apdex' ('(' duration ')')?",
);

const STYLE: &str = "svg.railroad { background: #fff } svg.railroad path { stroke: #5b6470; stroke-width: 1.5px; fill: none } \
    svg.railroad rect { stroke: #5b6470; stroke-width: 1px; fill: #fff } svg.railroad .terminal rect { fill: #e8eefc; \
    stroke: #4a6fd4 } svg.railroad text { font: 13px 'JetBrains Mono', monospace; text-anchor: middle; fill: #1c2026 } \
    svg.railroad .nonterminal text { font: 13px Inter, sans-serif } svg.railroad rect.railroad_canvas { fill: #fff; \
    stroke-width: 0 }";

type Part = Box<dyn Node>;

struct Rule<'t> {
    rest: &'t str,
}

impl Rule<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn takes(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        if is {
            self.rest = &self.rest[c.len_utf8()..];
        }
        is
    }

    fn choice(&mut self) -> anyhow::Result<Part> {
        let mut all = vec![self.sequence()?];
        while self.takes('|') {
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Box::new(Choice::new(all)) })
    }

    fn sequence(&mut self) -> anyhow::Result<Part> {
        let mut all = Vec::new();
        while !matches!(self.peek(), None | Some('|' | ')')) {
            all.push(self.part()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Box::new(Sequence::new(all)) })
    }

    fn part(&mut self) -> anyhow::Result<Part> {
        let one = self.single()?;
        if self.takes('%') {
            let between = self.part()?;
            return Ok(Box::new(Repeat::new(one, between)));
        }
        Ok(match self.peek() {
            Some('?') if self.takes('?') => Box::new(Optional::new(one)),
            Some('*') if self.takes('*') => Box::new(Optional::new(Repeat::new(one, Empty))),
            Some('+') if self.takes('+') => Box::new(Repeat::new(one, Empty)),
            _ => one,
        })
    }

    fn single(&mut self) -> anyhow::Result<Part> {
        if self.takes('(') {
            let inner = self.choice()?;
            if !self.takes(')') {
                bail!("a '(' without its ')' before {:?}", self.rest);
            }
            return Ok(inner);
        }
        if self.takes('\'') {
            let (text, rest) = self.rest.split_once('\'').context("a quote that does not end")?;
            self.rest = rest;
            return Ok(Box::new(Terminal::new(text.to_owned())));
        }
        // Words that stand together are one name.
        let is_name = |c: char| c.is_alphanumeric() || c == '.' || c == ' ';
        let n = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(n);
        if name.is_empty() {
            bail!("{:?} can't be read", self.rest);
        }
        self.rest = rest;
        let is_rule = |word: &str| RULES.iter().chain([&FIGURE]).any(|(rule, ..)| *rule == word);
        let mut words: Vec<&str> = name.split_whitespace().collect();
        if words.iter().any(|word| is_rule(word)) && words.len() > 1 && words != ["any", "key"] {
            // Rules side by side are parts of their own.
            let parts = words.drain(..).map(|word| Box::new(NonTerminal::new(word.to_owned())) as Part).collect();
            return Ok(Box::new(Sequence::new(parts)));
        }
        Ok(Box::new(NonTerminal::new(words.join(" "))))
    }
}

/// Writes the page and its pictures.
pub fn write(root: &Path) -> anyhow::Result<()> {
    for (file, text) in files()? {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// What is not as it would be written now.
pub fn stale(root: &Path) -> anyhow::Result<Vec<String>> {
    let is_stale =
        |(file, text): &(String, String)| std::fs::read_to_string(root.join(file)).ok().as_ref() != Some(text);
    Ok(files()?.iter().filter(|f| is_stale(f)).map(|(file, _)| format!("{file} is old: cargo xtask grammar")).collect())
}

fn files() -> anyhow::Result<Vec<(String, String)>> {
    let mut page = String::from(
        "# The grammar of a search\n\nFollow a line from left to right. What is blue is written as it stands; the rest is a rule of \
         its own or says what\nstands there. [Search](search.md) has the same with examples.\n",
    );
    let mut all = Vec::new();
    for (name, words, text) in RULES.iter().chain([&FIGURE]) {
        let mut rule = Rule { rest: text };
        let node = rule.choice().with_context(|| format!("the rule {name}"))?;
        if rule.peek().is_some() {
            bail!("the rule {name}: {:?} was not expected", rule.rest);
        }
        let parts: Vec<Part> = vec![Box::new(SimpleStart), node, Box::new(SimpleEnd)];
        let mut diagram = Diagram::new(Sequence::new(parts));
        diagram.add_css(STYLE);
        // At its own size, whatever the page's width.
        let size = format!("<svg width=\"{}\" height=\"{}\" ", diagram.width(), diagram.height());
        all.push((format!("docs/img/grammar/{name}.svg"), diagram.to_string().replacen("<svg ", &size, 1)));
        page += &format!("\n## {name}\n\n");
        if !words.is_empty() {
            page += &format!("{words}\n\n");
        }
        page += &format!("![{name}](../img/grammar/{name}.svg)\n");
    }
    all.push(("docs/guide/grammar.md".to_owned(), page));
    Ok(all)
}
