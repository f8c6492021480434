//! One trace.

use crate::errors;
use crate::search::{answer, not_found};
use crate::workbench::Workbench;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{Field, Schema};
use sextant_contract::{Answer, AskError, Code};
use sextant_importers::otlp;
use sextant_model::{Table, TraceId};
use sextant_store::{Each, StoreError};
use std::sync::Arc;

impl Workbench {
    /// All spans by start, without the companions that only an exact export needs.
    pub(crate) fn trace(&self, id: &str) -> Result<Answer, AskError> {
        in_order(self.stored_trace(id)?)
    }

    pub(crate) fn stored_trace(&self, id: &str) -> Result<Answer, AskError> {
        let id = parse_id(id)?;
        there(id, self.store.trace(Table::Traces, id))
    }

    /// What `each` makes of the spans of a trace, a few at a time, with some of their columns only.
    pub(crate) fn stored_each(&self, id: &str, columns: &[&str], each: Each) -> Result<Answer, AskError> {
        let id = parse_id(id)?;
        there(id, self.store.trace_each(Table::Traces, id, columns, each))
    }

    pub(crate) fn trace_otlp(&self, id: &str) -> Result<Answer, AskError> {
        as_otlp(self.stored_trace(id)?)
    }
}

/// The spans of a trace as OTLP JSON.
pub(crate) fn as_otlp(mut found: Answer) -> Result<Answer, AskError> {
    let json = otlp::to_json(Table::Traces, &found.batches);
    let object = serde_json::from_slice(&json)
        .map_err(|e| AskError::new(Code::Internal, format!("the trace can't be written as OTLP JSON: {e}")))?;
    found.object = Some(object);
    found.batches.clear();
    Ok(found)
}

/// The spans of a trace by start, without the companions that only an exact export needs.
pub(crate) fn in_order(mut found: Answer) -> Result<Answer, AskError> {
    let failed =
        |e: arrow::error::ArrowError| AskError::new(Code::Internal, format!("the trace can't be put in order: {e}"));
    let Some(first) = found.batches.first() else { return Ok(found) };
    let all = concat_batches(&first.schema(), &found.batches).map_err(failed)?;
    let times = all.column_by_name("Timestamp").cloned().unwrap_or_else(|| all.column(0).clone());
    let order = sort_to_indices(&times, None, None).map_err(failed)?;
    let all = plain(&take_record_batch(&all, &order).map_err(failed)?).map_err(failed)?;
    found.schema = all.schema();
    found.batches = vec![all];
    Ok(found)
}

/// A trace that is there, or why there is none.
fn there(id: TraceId, found: Result<sextant_store::Answer, StoreError>) -> Result<Answer, AskError> {
    let found = found.map_err(|e| errors::store(&e))?;
    if let (true, Some(first)) = (found.batches.is_empty(), found.missing.first()) {
        let message = format!("there is no trace {id} in what can be read; {}", first.why);
        return Err(not_found(message).hint("see what is damaged with: sextant doctor"));
    }
    if found.batches.is_empty() {
        return Err(
            not_found(format!("there is no trace {id}")).hint("list what there is with: sextant search traces ''")
        );
    }
    Ok(answer(found))
}

fn is_companion(name: &str) -> bool {
    name.ends_with("Types") || name.ends_with("Exact")
}

/// The rows without type and exact columns, also inside events and links.
fn plain(rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if is_companion(field.name()) {
            continue;
        }
        let column = match column.as_struct_opt() {
            Some(nested) => Arc::new(plain_struct(nested)) as ArrayRef,
            None => column.clone(),
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), field.is_nullable()));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn plain_struct(nested: &StructArray) -> StructArray {
    let keep = nested.fields().iter().zip(nested.columns()).filter(|(f, _)| !is_companion(f.name()));
    let (fields, columns): (Vec<_>, Vec<_>) = keep.map(|(f, c)| (f.clone(), c.clone())).unzip();
    StructArray::new(fields.into(), columns, nested.nulls().cloned())
}

pub(crate) fn parse_id(id: &str) -> Result<TraceId, AskError> {
    id.parse().map_err(|e| {
        AskError::new(Code::BadQuery, format!("'{id}' is no trace id: {e}"))
            .hint("a trace id has 32 hex digits, or 16 from Zipkin")
    })
}
