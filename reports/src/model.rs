//! What a report says: sections of text, figures and tables, whatever it is written as.

use serde::Serialize;
use sextant_charts::Scene;

/// A report, complete.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What it is, such as `Incident report`.
    pub kind: String,
    /// When and of what, above the title.
    pub kicker: String,
    /// What it is called.
    pub title: String,
    /// What is to be known first.
    pub summary: Vec<Paragraph>,
    /// When it was made, for people.
    pub made_at: String,
    /// The same in nanoseconds since 1970: the date of the file.
    #[serde(skip)]
    pub made_at_nanos: i64,
    /// What it is made from, such as the name of a store or a bundle.
    pub source: String,
    /// Left in the foot of each page: words and values.
    pub foot: Vec<[String; 2]>,
    /// What it says.
    pub sections: Vec<Section>,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
    /// What made it, with its version.
    pub generator: String,
}

/// A file that goes with a report.
#[derive(Debug, Clone, Serialize)]
pub struct Attachment {
    /// Its name, unique in the report.
    pub name: String,
    /// What it holds, for people.
    pub description: String,
    /// Its media type.
    pub media: &'static str,
    /// What is in it.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// A part of a report with a heading.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Section {
    /// The heading; none if empty.
    pub title: String,
    /// What is under it.
    pub blocks: Vec<Block>,
}

/// What is between two headings.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    /// Text.
    Prose {
        /// Its paragraphs.
        paragraphs: Vec<Paragraph>,
    },
    /// Figures that say most, side by side.
    Facts {
        /// From left to right.
        facts: Vec<Fact>,
    },
    /// A chart.
    Figure(Figure),
    /// Rows.
    Table(Table),
    /// What happened when.
    Times {
        /// Times and texts.
        rows: Vec<Happened>,
    },
    /// Something that has to be seen.
    Note {
        /// How it is meant.
        tone: Tone,
        /// Its first words.
        title: String,
        /// The rest.
        text: String,
    },
    /// What is to be typed.
    Commands {
        /// One command each.
        lines: Vec<String>,
    },
    /// What is to be done.
    ToDo {
        /// One task each.
        items: Vec<String>,
    },
}

/// How something is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// What is to be known before it is believed.
    Warn,
    /// What failed.
    Error,
}

/// A figure in words: `31`, `failed traces of 1,284`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fact {
    /// Large.
    pub value: String,
    /// What it is, small.
    pub label: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// The time of day.
    pub at: String,
    /// What.
    pub text: String,
}

/// A chart with what it shows.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What is drawn.
    #[serde(skip)]
    pub scene: Scene,
    /// Its size, in the units of the scene.
    pub size: (f32, f32),
    /// What it shows, under it.
    pub caption: String,
    /// What it says to who can't see it.
    pub alt: String,
    /// Colours and what they stand for: those of charts that don't say it themselves.
    pub legend: Vec<(u32, String)>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a figure or a table comes from.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Origin {
    /// The question, as it can be asked again.
    pub query: String,
    /// How many rows are shown, of how many.
    pub rows: String,
    /// SHA-256 of the rows as they are attached.
    pub hash: String,
    /// The file that they are attached as.
    pub file: String,
}

/// Rows in columns.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// Cells, row by row.
    pub rows: Vec<Vec<Cell>>,
    /// What the table shows.
    pub caption: String,
    /// What is left out, and where it is.
    pub cut: String,
    /// Where it comes from, if not of the text around it.
    pub origin: Option<Origin>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// Whether it holds figures, which stand right.
    pub is_figure: bool,
    /// Whether it is set in the fixed-width face.
    pub is_mono: bool,
    /// Whether it takes the room that is left.
    pub is_wide: bool,
}

/// A cell of a table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// A paragraph of somebody's text.
#[derive(Debug, Clone, Serialize)]
pub struct Paragraph {
    /// What it is.
    pub style: Style,
    /// What it says.
    pub runs: Vec<Run>,
}

/// What a paragraph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Text.
    Text,
    /// A heading below that of the section.
    Heading,
    /// An item of a list.
    Item,
    /// An item of a list in order, which it is the `n`th of.
    Numbered(u64),
    /// Somebody else's words.
    Quote,
    /// Lines as they are.
    Code,
}

/// A part of a paragraph that looks the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// What it says.
    pub text: String,
    /// Whether it is bold.
    pub is_strong: bool,
    /// Whether it is stressed.
    pub is_stressed: bool,
    /// Whether it is set in the fixed-width face.
    pub is_code: bool,
    /// Where it leads.
    pub link: String,
}

impl Report {
    /// All figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let blocks = self.sections.iter().flat_map(|s| &s.blocks);
        blocks.filter_map(|b| if let Block::Figure(figure) = b { Some(figure) } else { None })
    }
}
