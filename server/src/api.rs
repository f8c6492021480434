//! `/api/v1`: JSON for scripts.

use crate::gate::ApiError;
use crate::openapi;
use crate::serve::App;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;
use sextant_contract::{
    Answer, Ask, AskError, Backend, Code, Command, Completeness, Outcome, Period, RowFormat, SearchAsk, SearchKind,
    parse_time, rows_to_json,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/search/{kind}", post(search))
        .route("/api/v1/ask", post(ask))
        .route("/api/v1/ask.schema.json", get(|| async { Json(openapi::ask_schema()) }))
        .route("/api/v1/sql", post(sql))
        .route("/api/v1/logs/tail", get(crate::tail::tail))
        .route("/api/v1/traces/{id}", get(trace))
        .route("/api/v1/services", get(services))
        .route("/api/v1/services/{service}/dependencies", get(dependencies))
        .route("/api/v1/status", get(status))
        .route("/api/v1/import", post(import))
        .route("/api/v1/backup", get(crate::backup::backup))
        .route("/api/v1/export/{kind}", get(export))
        .route("/api/v1/exports/{name}", get(crate::exports::download))
        .route("/api/v1/openapi.json", get(|| async { Json(openapi::document()) }))
}

/// Rows where no other limit is given.
const DEFAULT_LIMIT: usize = 1_000;

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `{"rows": …, "complete": …, "completeness": …, "cost": …, "generation": …}`.
fn rows(answer: &Answer) -> Response {
    rows_of(answer, &[])
}

/// The same with more members.
fn rows_of(answer: &Answer, more: &[(&str, Value)]) -> Response {
    let is_complete = answer.completeness == Completeness::Complete;
    let completeness = serde_json::to_string(&answer.completeness).unwrap_or_default();
    let cost = serde_json::to_string(&answer.cost).unwrap_or_default();
    let more: String = more.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
    json(format!(
        "{{\"rows\":{},\"complete\":{is_complete},\"completeness\":{completeness},\"cost\":{cost},\"generation\":{}{more}}}",
        rows_to_json(&answer.batches),
        answer.generation
    ))
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError(AskError::new(Code::BadQuery, message))
}

/// A time as RFC 3339 or nanoseconds, as text or number.
fn time(value: &Value, name: &str) -> Result<Option<i64>, ApiError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(n) => n.to_string(),
        _ => return Err(bad(format!("\"{name}\" must be a time"))),
    };
    parse_time(&text).map(Some).map_err(|e| bad(format!("\"{name}\": {e}")))
}

#[derive(Deserialize, Default)]
struct SearchBody {
    #[serde(default)]
    query: String,
    #[serde(default)]
    from: Value,
    #[serde(default)]
    to: Value,
    limit: Option<usize>,
    #[serde(default)]
    explain: bool,
}

fn body<T: for<'d> Deserialize<'d> + Default>(bytes: &Bytes) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(bytes).map_err(|e| bad(format!("the body is not the JSON that is expected: {e}")))
}

fn search_kind(name: &str) -> Result<SearchKind, ApiError> {
    SearchKind::from_name(name).ok_or_else(|| {
        let none = AskError::new(Code::NotFound, format!("there is no search for '{name}'"));
        ApiError(none.hint("search traces, spans, logs or metrics"))
    })
}

async fn search(State(app): State<Arc<App>>, Path(kind): Path<String>, bytes: Bytes) -> Result<Response, ApiError> {
    let kind = search_kind(&kind)?;
    let body: SearchBody = body(&bytes)?;
    let period = Period { from: time(&body.from, "from")?, to: time(&body.to, "to")? };
    let limit = body.limit.unwrap_or(DEFAULT_LIMIT);
    let ask = Ask::Search(SearchAsk { kind, query: body.query, period, limit, explain: body.explain });
    let answer = app.workbench.ask(ask).await?;
    match &answer.object {
        Some(object) => Ok(Json(object.clone()).into_response()),
        None => Ok(rows(&answer)),
    }
}

#[derive(Deserialize)]
struct ExportParameters {
    #[serde(default)]
    q: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    format: String,
    location: Option<String>,
}

/// Below the tags of screens, which are times.
static NEXT_TAG: AtomicU64 = AtomicU64::new(1 << 40);

/// Everything that a search finds, as a file.
async fn export(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
    Query(p): Query<ExportParameters>,
) -> Result<Response, ApiError> {
    let kind = search_kind(&kind)?;
    let format = RowFormat::ALL.into_iter().find(|f| f.key() == p.format);
    let format = format.ok_or_else(|| {
        let keys: Vec<&str> = RowFormat::ALL.iter().map(|f| f.key()).collect();
        bad(format!("\"format\" is '{}' and must be one of {}", p.format, keys.join(", ")))
    })?;
    let period = Period { from: time(&p.from.into(), "from")?, to: time(&p.to.into(), "to")? };
    let ask = Box::new(Ask::Search(SearchAsk { kind, query: p.q, period, limit: 0, explain: false }));
    let tag = NEXT_TAG.fetch_add(1, Ordering::Relaxed);
    match app.workbench.act(Command::Export { ask, format, tag, path: None, location: p.location }, Vec::new()).await? {
        Outcome::Object { object } => {
            let name = object["name"].as_str().unwrap_or_default().to_owned();
            let mut response = crate::exports::handed_out(&app, &name, true).await?;
            if let Some(lacking) = object["lacking"].as_str() {
                // A file can't say it itself.
                let lacking: String = lacking.chars().filter(|c| c.is_ascii() && !c.is_control()).collect();
                if let Ok(value) = HeaderValue::from_str(&lacking) {
                    response.headers_mut().insert("sextant-lacking", value);
                }
            }
            Ok(response.into_response())
        }
        _ => Ok(Json(Value::Null).into_response()),
    }
}

/// A search as JSON; it may take as long as any.
async fn ask(State(app): State<Arc<App>>, bytes: Bytes) -> Result<Response, ApiError> {
    let workbench = app.workbench.clone();
    let asked = tokio::task::spawn_blocking(move || workbench.ask_json(&bytes)).await;
    let (answer, cursor) = asked.map_err(|e| AskError::new(Code::Internal, format!("the search broke off: {e}")))??;
    Ok(rows_of(&answer, &[("cursor", cursor.map_or(Value::Null, Value::from))]))
}

#[derive(Deserialize, Default)]
struct SqlBody {
    sql: String,
    source: Option<String>,
    #[serde(default)]
    heavy: bool,
    limit: Option<usize>,
}

async fn sql(State(app): State<Arc<App>>, bytes: Bytes) -> Result<Response, ApiError> {
    let body: SqlBody = body(&bytes)?;
    let question = Ask::sql(body.sql, body.limit);
    let ask = match body.source {
        Some(source) => Ask::Of { source, question: Box::new(question), is_heavy: body.heavy },
        None => question,
    };
    Ok(rows(&app.workbench.ask(ask).await?))
}

async fn trace(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(rows(&app.workbench.ask(Ask::Trace { id }).await?))
}

#[derive(Deserialize, Default)]
struct PeriodParameters {
    from: Option<String>,
    to: Option<String>,
}

impl PeriodParameters {
    fn period(&self) -> Result<Period, ApiError> {
        let of = |text: &Option<String>, name| time(&text.clone().map_or(Value::Null, Value::from), name);
        Ok(Period { from: of(&self.from, "from")?, to: of(&self.to, "to")? })
    }
}

async fn services(State(app): State<Arc<App>>, Query(p): Query<PeriodParameters>) -> Result<Response, ApiError> {
    Ok(rows(&app.workbench.ask(Ask::Services { period: p.period()? }).await?))
}

async fn dependencies(
    State(app): State<Arc<App>>,
    Path(service): Path<String>,
    Query(p): Query<PeriodParameters>,
) -> Result<Response, ApiError> {
    let ask = Ask::Dependencies { service: Some(service), period: p.period()? };
    Ok(rows(&app.workbench.ask(ask).await?))
}

async fn status(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let answer = app.workbench.ask(Ask::Status).await?;
    Ok(Json(answer.object.unwrap_or_default()).into_response())
}

#[derive(Deserialize, Default)]
struct ImportParameters {
    name: Option<String>,
    format: Option<String>,
    project: Option<String>,
}

/// The bytes of one file; never a path.
async fn import(
    State(app): State<Arc<App>>,
    Query(p): Query<ImportParameters>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let name = p.name.unwrap_or_else(|| "upload".into());
    let command = Command::Import { name, format: p.format, project: p.project };
    match app.workbench.act(command, bytes.to_vec()).await? {
        Outcome::Imported(file) => Ok(Json(file).into_response()),
        _ => Ok(Json(Value::Null).into_response()),
    }
}
