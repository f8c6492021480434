//! What reports say: questions, asked of whoever answers them, become sections.

mod audit;
mod charts;
mod cost;
mod custom;
mod incident;
mod maker;
mod parts;
mod service;
mod times;
mod trace;

pub use maker::Answers;

use crate::markdown::{paragraphs, plain};
use crate::model::{Block, Report, Section, Tone};
use maker::{Maker, text};
use sextant_charts::figures::thousands;
use sextant_contract::{Ask, AskError, Code, ReportAsk, ReportKind};

/// What the kinds fill; the rest is the same for all.
#[derive(Default)]
struct Said {
    kind: &'static str,
    kicker: String,
    title: String,
    summary: String,
    sections: Vec<Section>,
}

/// The section that tells an incident.
const HAPPENED: &str = "What happened";

fn section(title: &str, blocks: Vec<Block>) -> Section {
    Section { title: title.into(), blocks }
}

/// A problem with what was asked for.
fn refused(message: impl Into<String>, hint: &str) -> AskError {
    AskError::new(Code::BadQuery, message).hint(hint)
}

/// Nothing that a report could be about.
fn nothing(message: impl Into<String>) -> AskError {
    AskError::new(Code::NotFound, message)
}

/// Makes a report of what `answers` answers, as of `at` (Unix nanoseconds).
///
/// # Errors
/// If what it is about is not said or not there, or if a question can't be answered.
pub fn assemble(of: &ReportAsk, at: i64, answers: Answers<'_>) -> Result<Report, AskError> {
    let maker = Maker::new(of, answers);
    let mut said = match of.kind {
        ReportKind::Trace => trace::said(&maker)?,
        ReportKind::Incident => incident::said(&maker)?,
        ReportKind::Service => service::said(&maker)?,
        ReportKind::Audit => audit::said(&maker)?,
        ReportKind::Custom => custom::said(&maker)?,
        ReportKind::Cost => cost::said(&maker)?,
    };
    if !of.to_do.is_empty() {
        // Right after what happened, where that is told.
        let told = said.sections.iter().position(|s| s.title == HAPPENED);
        let to_do = section("To do", vec![Block::ToDo { items: of.to_do.clone() }]);
        said.sections.insert(told.map_or(said.sections.len(), |i| i + 1), to_do);
    }
    let opened = maker.ask(&Ask::Opened)?.object.unwrap_or_default();
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    if opened["verdict"] == "INVALID" && of.kind != ReportKind::Audit {
        let why = [text(&opened, "file"), text(&opened, "reason")].into_iter().filter(|t| !t.is_empty());
        let title = "The bundle is INVALID: nothing in it can be relied on.".to_owned();
        let note = Block::Note { tone: Tone::Error, title, text: why.collect::<Vec<_>>().join(": ") };
        said.sections.insert(0, section("", vec![note]));
    }
    let generator = format!("Sextant {}", text(&status, "version"));
    let mut foot = vec![["Made with".into(), generator.clone()]];
    let source = if opened["verdict"].is_string() {
        if opened["checks"].is_array() {
            let hash = opened["hash"].as_str().map_or_else(|| "of no hash".to_owned(), short);
            foot = vec![["Made from bundle".into(), hash], ["verdict".into(), text(&opened, "verdict")]];
            if opened["fingerprint"].is_string() {
                foot.push(["signed by".into(), short_key(&text(&opened, "fingerprint"))]);
            }
        }
        name(&text(&opened, "path"))
    } else {
        // A name alone says nothing to who does not know the machine.
        format!("store {}", name(&text(&status, "data")))
    };
    said.sections.push(how(&maker, &opened));
    let own = of.text.trim();
    Ok(Report {
        kind: said.kind.into(),
        kicker: said.kicker,
        title: of.title.clone().filter(|t| !t.trim().is_empty()).unwrap_or(said.title),
        summary: if own.is_empty() { plain(said.summary) } else { paragraphs(own) },
        made_at: times::made_at(at),
        made_at_nanos: at,
        source,
        foot,
        sections: said.sections,
        attachments: maker.attachments.take(),
        generator,
    })
}

fn short(hash: &str) -> String {
    match (hash.get(..8), hash.get(hash.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if hash.len() > 16 => format!("{first}…{last}"),
        _ => hash.into(),
    }
}

fn short_key(fingerprint: &str) -> String {
    match fingerprint.split_once(':') {
        Some((how, rest)) => format!("{how}:{}", short(rest)),
        None => short(fingerprint),
    }
}

/// The last part of a path.
fn name(path: &str) -> String {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path).to_owned()
}

/// How it was made, what it lacks, and what can be typed to see the same.
fn how(maker: &Maker<'_>, opened: &serde_json::Value) -> Section {
    let n_files = maker.attachments.borrow().len();
    let whence = if opened["hash"].is_string() {
        format!("the bundle with the hash {}, which is {}", text(opened, "hash"), text(opened, "verdict"))
    } else if opened["verdict"].is_string() {
        "files that nobody signed".into()
    } else {
        "what this Sextant received and keeps".into()
    };
    let mut said =
        format!("Everything here was read from {whence}: {} rows of answers.", thousands(maker.n_read() as i64));
    if n_files > 0 {
        let what = if n_files == 1 { "1 file".into() } else { format!("{n_files} files") };
        said += &format!(
            " The rows under figures and tables are attached to this report as {what}; the SHA-256 below each is that of \
             the file. The same report of the same data at the same --at is the same file, byte for byte."
        );
    }
    let mut blocks = vec![Block::Prose { paragraphs: plain(said) }];
    let gaps = maker.gaps();
    if gaps.is_empty() {
        let looked = "No answer was cut by a fault, and no retention policy took records of this period away.";
        let looked = if maker.has_looked.get() { looked } else { "No answer was cut by a fault." };
        let text = format!(
            "{looked} What never arrived here can't be known here: spans that senders dropped or sampled away leave no trace."
        );
        blocks.push(Block::Note { tone: Tone::Plain, title: "Not shown by this report.".into(), text });
    } else {
        let text = gaps.join(" ");
        blocks.push(Block::Note { tone: Tone::Warn, title: "What is lacking.".into(), text });
    }
    let commands = maker.commands.take();
    if !commands.is_empty() {
        let place = if opened["verdict"].is_string() {
            "Typed with --data of a directory that it was imported into"
        } else {
            "Typed on a machine with the same data"
        };
        let text = format!(
            "{place}, each of these prints the SHA-256 that begins as after #; without the last word, the rows. Attached files that \
             no command is for were computed."
        );
        blocks.push(Block::Prose { paragraphs: plain(text) });
        blocks.push(Block::Commands { lines: commands });
    }
    section("How this was made, and how to check it", blocks)
}
