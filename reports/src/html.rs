//! A report as one HTML file that loads nothing.

use crate::clean::Cleaner;
use crate::model::{Block, Figure, Happened, Origin, Paragraph, Report, Run, Style, Table, Tone};
use crate::svg::{escaped, svg};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const STYLE: &str = include_str!("../templates/report.css");
const MARK: &str = include_str!("../templates/mark.svg");

struct Page<'a> {
    out: String,
    cleaner: Cleaner<'a>,
    n_figures: usize,
    n_tables: usize,
    /// What goes with it, as links that hold all of it.
    attached: Vec<(String, String)>,
}

fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Warn => "warn",
        Tone::Error => "error",
    }
}

impl Page<'_> {
    fn text(&self, text: &str) -> String {
        escaped(&self.cleaner.text(text))
    }

    fn whole(&self, text: &str) -> String {
        escaped(&self.cleaner.whole(text))
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn run(&self, run: &Run) -> String {
        let mut it = self.whole(&run.text).replace('\n', "<br>");
        for (is_so, name) in [(run.is_code, "code"), (run.is_stressed, "em"), (run.is_strong, "strong")] {
            if is_so {
                it = format!("<{name}>{it}</{name}>");
            }
        }
        if run.link.is_empty() { it } else { format!("<a href=\"{}\">{it}</a>", self.text(&run.link)) }
    }

    fn paragraphs(&mut self, paragraphs: &[Paragraph]) {
        // Items that follow each other are one list.
        let list = |p: Option<&Paragraph>| match p.map(|p| p.style) {
            Some(Style::Item) => "ul",
            Some(Style::Numbered(_)) => "ol",
            _ => "",
        };
        for (i, p) in paragraphs.iter().enumerate() {
            let runs: String = match p.style {
                Style::Code => p.runs.iter().map(|r| self.whole(&r.text)).collect(),
                _ => p.runs.iter().map(|r| self.run(r)).collect(),
            };
            let set = match p.style {
                Style::Text => format!("<p>{runs}</p>"),
                Style::Heading => format!("<h3>{runs}</h3>"),
                Style::Item | Style::Numbered(_) => format!("<li>{runs}</li>"),
                Style::Quote => format!("<blockquote>{runs}</blockquote>"),
                Style::Code => format!("<pre><code>{runs}</code></pre>"),
            };
            let of = list(Some(p));
            if !of.is_empty() && list(i.checked_sub(1).and_then(|i| paragraphs.get(i))) != of {
                let start = if let Style::Numbered(n) = p.style { format!(" start=\"{n}\"") } else { String::new() };
                self.put(&format!("<{of}{start}>"));
            }
            self.put(&set);
            if !of.is_empty() && list(paragraphs.get(i + 1)) != of {
                self.put(&format!("</{of}>"));
            }
        }
    }

    fn origin(&mut self, of: &Origin) {
        let mut parts: Vec<String> =
            [&of.query, &of.rows].into_iter().filter(|p| !p.is_empty()).map(|p| self.text(p)).collect();
        if !of.hash.is_empty() {
            let link = self
                .attached
                .iter()
                .find(|(name, _)| *name == of.file)
                .map(|(name, url)| format!("<a download=\"{0}\" href=\"{url}\">{0}</a>", escaped(name)));
            parts.push(format!("{} sha256 {}", link.unwrap_or_else(|| self.text(&of.file)), self.text(&of.hash)));
        }
        self.put(&format!("<div class=\"origin\">{}</div>", parts.join(" · ")));
    }

    fn figure(&mut self, figure: &Figure) {
        self.n_figures += 1;
        let drawn = svg(&figure.scene, figure.size, &|t| self.cleaner.text(t));
        let label = format!("<svg role=\"img\" aria-label=\"{}\" ", self.text(&figure.alt));
        self.put(&format!("<figure>{}", drawn.replacen("<svg ", &label, 1)));
        if !figure.legend.is_empty() {
            let mut legend = String::new();
            for (color, word) in &figure.legend {
                legend += &format!("<span><i style=\"background:#{color:06x}\"></i>{}</span>", self.text(word));
            }
            self.put(&format!("<div class=\"legend\">{legend}</div>"));
        }
        let (n, caption) = (self.n_figures, self.text(&figure.caption));
        self.put(&format!("<figcaption><b>Figure {n}.</b> {caption}</figcaption>"));
        self.origin(&figure.origin);
        self.put("</figure>");
    }

    fn table(&mut self, table: &Table) {
        self.put("<div class=\"rows\"><table><thead><tr>");
        let class = |i: usize| {
            let of = table.columns.get(i);
            match of {
                Some(c) if c.is_figure => "figure",
                Some(c) if c.is_wide => "wide",
                _ => "",
            }
        };
        for (i, column) in table.columns.iter().enumerate() {
            self.put(&format!("<th scope=\"col\" class=\"{}\">{}</th>", class(i), self.text(&column.name)));
        }
        self.put("</tr></thead><tbody>");
        for row in &table.rows {
            self.put("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let text = self.text(&cell.text);
                let is_mono = table.columns.get(i).is_some_and(|c| c.is_mono);
                let text = if is_mono { format!("<code>{text}</code>") } else { text };
                self.put(&format!("<td class=\"{} {}\">{text}</td>", class(i), tone(cell.tone)));
            }
            self.put("</tr>");
        }
        self.put("</tbody></table>");
        if !table.cut.is_empty() {
            self.put(&format!("<p class=\"cut\">{}</p>", self.text(&table.cut)));
        }
        if !table.caption.is_empty() {
            self.n_tables += 1;
            let (n, caption) = (self.n_tables, self.text(&table.caption));
            self.put(&format!("<figcaption><b>Table {n}.</b> {caption}</figcaption>"));
        }
        if let Some(origin) = &table.origin {
            self.origin(origin);
        }
        self.put("</div>");
    }

    fn times(&mut self, rows: &[Happened]) {
        self.put("<div class=\"rows\"><table><thead><tr><th scope=\"col\">Time</th>");
        self.put("<th scope=\"col\" class=\"wide\">What</th></tr></thead><tbody>");
        for row in rows {
            let (at, text) = (self.text(&row.at), self.text(&row.text));
            self.put(&format!("<tr><td class=\"when\"><code>{at}</code></td><td>{text}</td></tr>"));
        }
        self.put("</tbody></table></div>");
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Prose { paragraphs } => self.paragraphs(paragraphs),
            Block::Facts { facts } => {
                self.put("<div class=\"facts\">");
                for fact in facts {
                    let (value, label) = (self.text(&fact.value), self.text(&fact.label));
                    self.put(&format!("<div class=\"{}\"><b>{value}</b>{label}</div>", tone(fact.tone)));
                }
                self.put("</div>");
            }
            Block::Figure(figure) => self.figure(figure),
            Block::Table(table) => self.table(table),
            Block::Times { rows } => self.times(rows),
            Block::Note { tone: how, title, text } => {
                let (title, text) = (self.text(title), self.text(text));
                self.put(&format!("<div class=\"note {}\"><b>{title}</b> {text}</div>", tone(*how)));
            }
            Block::Commands { lines } => {
                let lines: Vec<String> = lines.iter().map(|l| self.whole(l)).collect();
                self.put(&format!("<div class=\"commands\"><code>{}</code></div>", lines.join("<br>")));
            }
            Block::ToDo { items } => {
                let items: String = items.iter().map(|i| format!("<li>{}</li>", self.whole(i))).collect();
                self.put(&format!("<ul class=\"todo\">{items}</ul>"));
            }
        }
    }
}

/// A report as HTML: styles, charts and attachments are in the file, which neither loads nor runs anything.
pub fn html(report: &Report) -> String {
    let attached = report
        .attachments
        .iter()
        .map(|a| (a.name.clone(), format!("data:{};base64,{}", a.media, STANDARD.encode(&a.bytes))));
    let mut page = Page {
        out: String::new(),
        cleaner: Cleaner::new(None),
        n_figures: 0,
        n_tables: 0,
        attached: attached.collect(),
    };
    let (title, kind, made) = (page.text(&report.title), page.text(&report.kind), page.text(&report.made_at));
    let (kicker, source, by) = (page.text(&report.kicker), page.text(&report.source), page.text(&report.generator));
    page.put(&format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"generator\" content=\"{by}\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{STYLE}</style></head><body><header>{MARK}<b>Sextant</b><span>{kind}</span>\
         <span class=\"mono\">{source}&ensp;{made}</span></header><main>"
    ));
    if !kicker.is_empty() {
        page.put(&format!("<p class=\"kicker\">{kicker}</p>"));
    }
    page.put(&format!("<h1>{title}</h1><div class=\"summary\">"));
    page.paragraphs(&report.summary);
    page.put("</div>");
    for section in &report.sections {
        page.put("<section>");
        if !section.title.is_empty() {
            let title = page.text(&section.title);
            page.put(&format!("<h2>{title}</h2>"));
        }
        section.blocks.iter().for_each(|b| page.block(b));
        page.put("</section>");
    }
    page.put("</main><footer>");
    for [word, value] in &report.foot {
        let (word, value) = (page.text(word), page.text(value));
        page.put(&format!("<span>{word} <code>{value}</code></span>"));
    }
    page.put(&format!("<span>times in UTC · {by}</span></footer></body></html>\n"));
    page.out
}
