//! Reports: asked here, set in their own room.

use crate::export::{Aside, unwritten};
use crate::workbench::{Workbench, now};
use arrow::array::{AsArray as _, BinaryArray, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sextant_contract::{Answer, Ask, AskError, Code, Outcome, ReportAsk, ReportForm};
use sextant_reports::{Look, ReportError, assemble, html, page, pdf, sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn cannot(e: &ReportError) -> AskError {
    match e {
        ReportError::Set(_) | ReportError::Apart(_) => AskError::new(Code::Internal, e.to_string()),
        _ => AskError::new(Code::BadQuery, e.to_string()),
    }
}

impl Workbench {
    /// The same as a file, which is there when it is whole.
    pub(crate) fn write_report(
        &self,
        of: &ReportAsk,
        form: ReportForm,
        path: Option<&str>,
    ) -> Result<Outcome, AskError> {
        let extension = match form {
            ReportForm::Pdf => "pdf",
            ReportForm::Html => "html",
            ReportForm::Page { .. } => "png",
        };
        let claimed = if path.is_none() { Some(self.export_path(of.kind.name(), extension)?) } else { None };
        let path = claimed.clone().or_else(|| path.map(PathBuf::from)).unwrap_or_default();
        let done = self.report_to(of, form, &path);
        if let (Err(_), Some(empty)) = (&done, claimed) {
            // It held the name only.
            std::fs::remove_file(empty).ok();
        }
        done
    }

    fn report_to(&self, of: &ReportAsk, form: ReportForm, path: &Path) -> Result<Outcome, AskError> {
        let failed = |e: &dyn std::fmt::Display| unwritten(path, e);
        let answer = self.report(of, form)?;
        let column = answer.batches.first().and_then(|b| b.column_by_name("bytes")?.as_binary_opt::<i32>());
        let bytes = column.map(|c| c.value(0)).ok_or_else(|| failed(&"it is empty"))?;
        let aside = Aside::new(path).ok_or_else(|| failed(&"it is no file"))?;
        let mut file = File::create(aside.path()).map_err(|e| failed(&e))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
        aside.keep(path).map_err(|e| failed(&e))?;
        let mut object = answer.object.clone().unwrap_or_default();
        object["path"] = path.to_string_lossy().into();
        object["name"] = path.file_name().unwrap_or_default().to_string_lossy().into();
        object["bytes"] = bytes.len().into();
        Ok(Outcome::Object { object })
    }

    /// A report, written as what is wanted.
    pub(crate) fn report(&self, of: &ReportAsk, form: ReportForm) -> Result<Answer, AskError> {
        let font = of.font.as_deref().map(|text| STANDARD.decode(text)).transpose();
        let font = font.map_err(|e| AskError::new(Code::BadQuery, format!("the font is not in base64: {e}")))?;
        let look = Look { template: of.template.clone(), font };
        let report = assemble(of, of.at.unwrap_or_else(now), &|ask| match ask {
            Ask::Report { .. } => Err(AskError::new(Code::Refused, "a report can't be a part of a report")),
            ask => self.answer(ask),
        })?;
        let (bytes, n_pages) = match form {
            ReportForm::Html => (html(&report).into_bytes(), 0),
            ReportForm::Pdf => pdf(&report, &look).map(|made| (made.bytes, made.n_pages)).map_err(|e| cannot(&e))?,
            ReportForm::Page { number, pixels } => {
                let made = page(&report, &look, number, pixels).map_err(|e| cannot(&e))?;
                (made.bytes, made.n_pages)
            }
        };
        let rows = RecordBatch::try_from_iter([("bytes", Arc::new(BinaryArray::from(vec![bytes.as_slice()])) as _)])
            .map_err(|e| AskError::new(Code::Internal, format!("a report can't be handed on: {e}")))?;
        let mut answer = Answer::rows(rows.schema(), vec![rows], self.store.snapshot().generation);
        answer.object = Some(json!({
            "pages": n_pages,
            "sha256": sha256(&bytes),
            "title": report.title,
            "attachments": report.attachments.iter().map(|a| &a.name).collect::<Vec<_>>(),
        }));
        Ok(answer)
    }
}
