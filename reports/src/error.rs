//! Why a report can't be made.

/// What failed, and where.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A template makes no sense.
    #[error("{file}, line {line}, column {column}: {message}")]
    Template {
        /// Which file.
        file: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The pages can't be set or written.
    #[error("the report can't be set: {0}")]
    Set(String),
    /// A template needs more than it may have.
    #[error("the template needs more than {0}: it may have an endless loop")]
    TooMuch(String),
    /// A file with fonts has none.
    #[error("the file given as a font holds none that can be read: TrueType and OpenType can (.ttf, .otf, .ttc)")]
    NoFont,
    /// A page that there isn't.
    #[error("there is no page {number}: the report has {n}")]
    NoPage {
        /// From 1.
        number: usize,
        /// How many there are.
        n: usize,
    },
    /// The process that sets a template of somebody else can't be run.
    #[error("the template can't be tried in a process of its own: {0}")]
    Apart(#[from] std::io::Error),
}
