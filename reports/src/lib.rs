//! Reports: what was found, as PDF that an archive accepts and as one HTML file.
//!
//! The only room that names typst. It knows no store: what a report says it asks of whoever answers questions.

mod apart;
mod clean;
mod error;
mod fonts;
mod html;
mod job;
mod kinds;
mod markdown;
mod model;
mod set;
mod svg;

pub use apart::serve_if_asked;
pub use error::ReportError;
pub use html::html;
pub use job::{Look, TEMPLATE, sha256};
pub use kinds::{Answers, assemble};
pub use markdown::{paragraphs, plain};
pub use model::{
    Attachment, Block, Cell, Column, Fact, Figure, Happened, Origin, Paragraph, Report, Run, Section, Style, Table,
    Tone,
};
pub use set::Made;

use job::{Job, Wanted};

fn made(report: &Report, look: &Look, wanted: Wanted) -> Result<Made, ReportError> {
    let job = Job::new(report, look, wanted)?;
    if look.template.is_some() { apart::set_apart(&job) } else { set::set(&job) }
}

/// A report as PDF/A-3a with PDF/UA-1: the same report is the same bytes.
///
/// # Errors
/// If the template makes no sense, or needs more time or memory than it may have.
pub fn pdf(report: &Report, look: &Look) -> Result<Made, ReportError> {
    made(report, look, Wanted::Pdf)
}

/// A picture of a page, PNG, with so many pixels a point (1/72 inch).
///
/// # Errors
/// As of [`pdf`], or if there is no such page.
pub fn page(report: &Report, look: &Look, number: usize, pixels: f32) -> Result<Made, ReportError> {
    made(report, look, Wanted::Page { number, pixels })
}
