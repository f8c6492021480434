//! Reports: asked here, set in their own room.

use crate::workbench::{Workbench, now};
use arrow::array::{BinaryArray, RecordBatch};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sextant_contract::{Answer, Ask, AskError, Code, ReportAsk, ReportForm};
use sextant_reports::{Look, ReportError, assemble, html, page, pdf};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

fn cannot(e: &ReportError) -> AskError {
    match e {
        ReportError::Set(_) | ReportError::Apart(_) => AskError::new(Code::Internal, e.to_string()),
        _ => AskError::new(Code::BadQuery, e.to_string()),
    }
}

impl Workbench {
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
        let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let rows = RecordBatch::try_from_iter([("bytes", Arc::new(BinaryArray::from(vec![bytes.as_slice()])) as _)])
            .map_err(|e| AskError::new(Code::Internal, format!("a report can't be handed on: {e}")))?;
        let mut answer = Answer::rows(rows.schema(), vec![rows], self.store.snapshot().generation);
        answer.object = Some(json!({
            "pages": n_pages,
            "sha256": sha256,
            "title": report.title,
            "attachments": report.attachments.iter().map(|a| &a.name).collect::<Vec<_>>(),
        }));
        Ok(answer)
    }
}
