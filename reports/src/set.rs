//! Pages set by typst, and written as PDF/A-3a with PDF/UA-1, or as a picture.

use crate::ReportError;
use crate::fonts::Faces;
use crate::job::{Job, Wanted};
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World, WorldExt as _, comemo};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};
use typst_render::RenderOptions;

/// What a job comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The PDF, or the PNG of a page.
    pub bytes: Vec<u8>,
    /// How many pages there are.
    pub n_pages: usize,
}

/// Attachments come last: what is set before the first page would be a page.
const MAIN: &str = r#"
#let report = json("/report.json")
#set document(title: report.title, author: report.generator, description: report.kind)
#set text(lang: "en")
#include "/template.typ"
#for a in report.attachments {
  pdf.attach(a.name, read("/attached/" + a.name, encoding: none), relationship: "data", mime-type: a.media, description: a.description)
}
"#;

struct Desk<'a> {
    job: &'a Job,
    library: LazyHash<Library>,
    faces: Faces,
    main: FileId,
}

fn id(name: &str) -> Option<FileId> {
    Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(name).ok()?).intern())
}

impl Desk<'_> {
    fn bytes(&self, id: FileId) -> FileResult<Vec<u8>> {
        let path = id.get();
        if *path.root() != VirtualRoot::Project {
            return Err(FileError::Other(Some("a template takes nothing from elsewhere".into())));
        }
        let name = path.vpath().get_without_slash();
        if id == self.main {
            return Ok(MAIN.into());
        }
        self.job.files.get(name).cloned().ok_or_else(|| FileError::NotFound(name.into()))
    }
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.faces.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let text = String::from_utf8(self.bytes(id)?).ok().ok_or(FileError::InvalidUtf8)?;
        Ok(Source::new(id, text))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.bytes(id).map(Bytes::new)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.faces.fonts.get(index).cloned()
    }

    /// There is no today: the same report is the same tomorrow.
    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn told(desk: &Desk<'_>, errors: &[SourceDiagnostic]) -> ReportError {
    let Some(error) = errors.first() else { return ReportError::Set("it is not known why".into()) };
    let mut message = error.message.to_string();
    for hint in &error.hints {
        message += &format!("; {}", hint.v);
    }
    // Where it is called from, if it happens inside of us.
    let place = error.span.id().and_then(|id| {
        let range = desk.range(error.span)?;
        let source = desk.source(id).ok()?;
        let (line, column) = source.lines().byte_to_line_column(range.start)?;
        Some((id.get().vpath().get_without_slash().to_owned(), line + 1, column + 1))
    });
    match place {
        Some((file, line, column)) => ReportError::Template { file, line, column, message },
        None => ReportError::Set(message),
    }
}

fn date(nanos: i64) -> Option<Datetime> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |n: i8| u8::try_from(n).unwrap_or(0);
    Datetime::from_ymd_hms(
        at.year().into(),
        part(at.month()),
        part(at.day()),
        part(at.hour()),
        part(at.minute()),
        part(at.second()),
    )
}

/// Sets the pages of a job.
pub(crate) fn set(job: &Job) -> Result<Made, ReportError> {
    let faces = Faces::with(job.files.get("font").cloned()).ok_or(ReportError::NoFont)?;
    let main = id("main.typ").ok_or_else(|| ReportError::Set("paths make no sense".into()))?;
    let desk = Desk { job, library: LazyHash::new(Library::default()), faces, main };
    let result = typst::compile::<PagedDocument>(&desk).output;
    let made = result.map_err(|errors| told(&desk, &errors)).and_then(|document| {
        let n_pages = document.pages().len();
        let bytes = match job.wanted {
            Wanted::Pdf => pdf(&desk, &document)?,
            Wanted::Page { number, pixels } => picture(&document, number, pixels)?,
        };
        Ok(Made { bytes, n_pages })
    });
    // What was set before the last time is not kept.
    comemo::evict(1);
    made
}

fn pdf(desk: &Desk<'_>, document: &PagedDocument) -> Result<Vec<u8>, ReportError> {
    let standards = PdfStandards::new(&[PdfStandard::A_3a, PdfStandard::Ua_1]);
    let options = PdfOptions {
        ident: Smart::Custom(desk.job.ident.clone()),
        creator: Smart::Custom(Some(desk.job.generator.clone())),
        timestamp: date(desk.job.made_at).map(Timestamp::new_utc),
        standards: standards.map_err(|e| ReportError::Set(e.message().to_string()))?,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(document, &options).map_err(|errors| told(desk, &errors))
}

fn picture(document: &PagedDocument, number: usize, pixels: f32) -> Result<Vec<u8>, ReportError> {
    let n = document.pages().len();
    let page = number.checked_sub(1).and_then(|i| document.pages().get(i)).ok_or(ReportError::NoPage { number, n })?;
    let options = RenderOptions { pixel_per_pt: f64::from(pixels.clamp(0.1, 8.0)).into(), render_bleed: false };
    typst_render::render(page, &options).encode_png().map_err(|e| ReportError::Set(e.to_string()))
}
