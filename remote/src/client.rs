//! Sends statements and reads answers as columns.

use crate::connection::Connection;
use crate::frames::Frames;
use crate::ledger::{Entry, Ledger};
use crate::watch::Running;
use crate::{Kind, RemoteError, Statement};
use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use reqwest::{Response, Url};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After this it is given up.
    pub time: Duration,
    /// More rows than these are not taken.
    pub n_rows: usize,
    /// More bytes than these are not taken.
    pub n_bytes: u64,
    /// More bytes than these the server may not read.
    pub bytes_read: u64,
    /// Whether shards that are down are left out.
    pub is_partial: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            n_rows: usize::MAX,
            n_bytes: 1 << 30,
            bytes_read: u64::MAX,
            is_partial: false,
        }
    }
}

/// What a server lets its user do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Its version.
    pub version: String,
    /// `readonly` of this user: 0 nothing is forbidden, 1 reading alone, 2 reading and settings.
    pub readonly: u8,
    /// Whether settings may be sent along.
    pub can_set: bool,
    /// Whether `readonly=2` may be sent, where nothing else may.
    pub can_guard: bool,
    /// How far its clock is ahead of ours, in nanoseconds.
    pub clock_ahead: i64,
}

/// How an answer came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its columns.
    pub schema: Option<SchemaRef>,
    /// Rows that the server read, as far as it says.
    pub rows_read: u64,
    /// Bytes that the server read, as far as it says.
    pub bytes_read: u64,
    /// Rows that came.
    pub rows: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// From question to answer.
    pub took: Duration,
    /// Whether rows were left there because of the limits.
    pub is_cut: bool,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
    connection: Arc<Connection>,
    /// What it is called here.
    pub source: Arc<str>,
    ledger: Arc<Ledger>,
    pub(crate) running: Arc<Running>,
    /// Bytes that the server read for us, whatever came of it.
    pub read: Arc<AtomicU64>,
    /// What was found out about it.
    pub abilities: Abilities,
}

/// A setting that is asked for where settings may be sent: that the server gives up when we do.
const STOP_WITH_US: (&str, &str) = ("cancel_http_readonly_queries_on_client_close", "1");
/// So much of the end of an answer is kept, in which a server says why it broke off.
const TAIL: usize = 16 * 1024;
/// How an Arrow stream ends.
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

impl Client {
    /// Finds out what is there and what its user may do.
    ///
    /// # Errors
    /// If it can't be reached, or is no ClickHouse, or does not let us in.
    pub async fn attach(source: &str, connection: Connection, ledger: Arc<Ledger>) -> Result<Self, RemoteError> {
        let mut url = connection.address()?;
        // A port in the address would be taken instead of the one that it is forwarded to.
        if connection.via.is_some() {
            url.set_port(None).ok();
        }
        let mut client = Self {
            http: connection.http()?,
            url,
            connection: Arc::new(connection),
            source: source.into(),
            ledger,
            running: Arc::default(),
            read: Arc::default(),
            abilities: Abilities::default(),
        };
        client.probe().await?;
        Ok(client)
    }

    /// The database that it was told to ask, if any.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.connection.database
    }

    /// Version, clock, and whether settings may be sent.
    async fn probe(&mut self) -> Result<(), RemoteError> {
        let text = "SELECT version() AS version, toString(getSetting('readonly')) AS readonly, \
                    toString(toUnixTimestamp64Nano(now64(9))) AS now";
        let statement = ours(text)?;
        let before = now();
        let limits = Limits { time: Duration::from_secs(30), ..Limits::default() };
        let (rows, _) = self.rows(&statement, limits).await?;
        let after = now();
        let nothing = "what answers gives no version, as every ClickHouse does";
        let version = texts(&rows, 0).next().filter(|v| !v.is_empty());
        self.abilities.version = version.ok_or_else(|| RemoteError::new(Kind::NotClickHouse, nothing))?;
        self.abilities.readonly = texts(&rows, 1).next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let there: i64 = texts(&rows, 2).next().and_then(|n| n.parse().ok()).unwrap_or(0);
        self.abilities.clock_ahead = there - (before + (after - before) / 2);
        // Where reading alone is allowed, no setting is. Elsewhere it is tried.
        if self.abilities.readonly != 1 {
            self.abilities.can_set = true;
            match self.rows(&ours("SELECT 1")?, limits).await {
                Err(e) if e.kind == Kind::Setting => self.abilities.can_set = false,
                tried => drop(tried?),
            }
            // One who may write is held to reading, also where no other setting is taken.
            if !self.abilities.can_set && self.abilities.readonly == 0 {
                self.abilities.can_guard = true;
                match self.rows(&ours("SELECT 1")?, limits).await {
                    Err(e) if e.kind == Kind::Setting => self.abilities.can_guard = false,
                    tried => drop(tried?),
                }
            }
        }
        Ok(())
    }

    /// All rows of an answer.
    ///
    /// # Errors
    /// As [`Client::run`].
    pub async fn rows(&self, statement: &Statement, limits: Limits) -> Result<(Vec<RecordBatch>, Ran), RemoteError> {
        let mut batches = Vec::new();
        let ran = self
            .run(statement, limits, |batch| {
                batches.push(batch);
                ControlFlow::Continue(())
            })
            .await?;
        Ok((batches, ran))
    }

    /// Asks, and hands over rows as they come. Whoever lets go of it stops the work there, where that is allowed.
    ///
    /// # Errors
    /// If there is no whole answer: what was handed over until then is a part of nothing.
    pub async fn run(
        &self,
        statement: &Statement,
        limits: Limits,
        mut each: impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<Ran, RemoteError> {
        let query_id = format!("sextant-{}", ulid::Ulid::generate());
        let mut sent = Sent::begin(self, statement, &query_id)?;
        let asked = async {
            let first = self.answered(statement, limits, &query_id, &mut sent, &mut each).await;
            // A server that allows less says how much, before it has begun: that much is asked for.
            let refused = first.as_ref().err().filter(|_| sent.ran.bytes == 0);
            let Some(less) = refused.and_then(|e| allowed(e, limits)) else { return first };
            self.answered(statement, less, &query_id, &mut sent, &mut each).await
        };
        let ended = tokio::select! {
            ended = tokio::time::timeout(limits.time + Duration::from_secs(2), asked) => ended.unwrap_or_else(|_| {
                let why = format!("it took longer than {} s and was given up", limits.time.as_secs());
                Err(RemoteError::new(Kind::Time, why).hint("narrow the period, or ask for less"))
            }),
            too_much = self.watch(&query_id, limits) => Err(too_much),
        };
        sent.ended(&ended);
        ended.map_err(|e| e.of(&query_id)).map(|()| sent.ran())
    }

    /// All rows of a small answer that nobody looks after.
    pub(crate) async fn quietly(&self, statement: &Statement, limits: Limits) -> Result<Vec<RecordBatch>, RemoteError> {
        let query_id = format!("sextant-{}", ulid::Ulid::generate());
        let mut sent = Sent::begin(self, statement, &query_id)?;
        let mut batches = Vec::new();
        let mut each = |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        };
        let asked = self.answered(statement, limits, &query_id, &mut sent, &mut each);
        let ended = tokio::time::timeout(limits.time, asked).await;
        let ended = ended.unwrap_or_else(|_| Err(RemoteError::new(Kind::Time, "the server did not answer in time")));
        sent.ended(&ended);
        ended.map(|()| batches)
    }

    async fn answered(
        &self,
        statement: &Statement,
        limits: Limits,
        query_id: &str,
        sent: &mut Sent<'_>,
        each: &mut impl FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<(), RemoteError> {
        let mut response = self.send(statement, limits, query_id).await?;
        if let Some(summary) = header(&response, "x-clickhouse-summary") {
            let summary: serde_json::Value = serde_json::from_str(&summary).unwrap_or_default();
            let number = |key: &str| summary[key].as_str().and_then(|n| n.parse().ok()).unwrap_or(0);
            (sent.ran.rows_read, sent.ran.bytes_read) = (number("read_rows"), number("read_bytes"));
        }
        let status = response.status().as_u16();
        if status != 200 {
            let code = header(&response, "x-clickhouse-exception-code").and_then(|c| c.parse().ok());
            let mut text = Vec::new();
            while let Some(part) = response.chunk().await.map_err(|e| broken(&e))? {
                text.extend_from_slice(&part[..part.len().min(TAIL - text.len().min(TAIL))]);
            }
            return Err(RemoteError::said(Some(status), code, &String::from_utf8_lossy(&text)));
        }
        let mut decoder = StreamDecoder::new();
        let mut frames = Frames::default();
        let mut is_arrow = false;
        let mut tail = Tail::default();
        while let Some(part) = response.chunk().await.map_err(|e| tail.said().unwrap_or_else(|| broken(&e)))? {
            tail.add(&part);
            sent.ran.bytes += part.len() as u64;
            frames.add(&part);
            loop {
                let message = match frames.next() {
                    Ok(None) => break,
                    Ok(Some(message)) => {
                        is_arrow = true;
                        decoder.decode(&mut Buffer::from(message))
                    }
                    Err(e) => Err(e),
                };
                let batch = match message {
                    Ok(Some(batch)) => batch,
                    Ok(None) => continue,
                    // A server that breaks off says why behind what it had written.
                    Err(e) => {
                        while let Ok(Some(part)) = response.chunk().await {
                            tail.add(&part);
                        }
                        let said = tail.said();
                        return Err(said.unwrap_or_else(|| {
                            let other = || RemoteError::said(Some(status), None, &String::from_utf8_lossy(&tail.0));
                            if is_arrow { undecoded(&e) } else { other() }
                        }));
                    }
                };
                let mut batch = plain(&batch)?;
                let room = limits.n_rows - sent.ran.rows as usize;
                if batch.num_rows() > room {
                    batch = batch.slice(0, room);
                    sent.ran.is_cut = true;
                }
                sent.ran.schema = Some(batch.schema());
                sent.ran.rows += batch.num_rows() as u64;
                if each(batch).is_break() || sent.ran.is_cut {
                    sent.ran.is_cut = true;
                    return Ok(());
                }
            }
            if sent.ran.bytes > limits.n_bytes {
                let why = format!("more than {} MB came, which is the limit", limits.n_bytes >> 20);
                return Err(RemoteError::new(Kind::TooMuch, why).hint("narrow the period or the search"));
            }
        }
        // What ends as it should is whole, whatever its rows say.
        if sent.ran.bytes > 0 && (!tail.ends_with(&END) || !frames.is_empty() || decoder.finish().is_err()) {
            if let Some(error) = tail.said() {
                return Err(error);
            }
            if !is_arrow {
                return Err(RemoteError::said(Some(status), None, &String::from_utf8_lossy(&tail.0)));
            }
            let why = "the answer broke off before its end: what came of it was thrown away";
            return Err(RemoteError::new(Kind::Broken, why).hint("try again; if it stays so, a proxy may cut answers"));
        }
        if sent.ran.schema.is_none() {
            sent.ran.schema = decoder.schema().map(|s| plain_schema(&s));
        }
        Ok(())
    }

    async fn send(&self, statement: &Statement, limits: Limits, query_id: &str) -> Result<Response, RemoteError> {
        let mut parameters: Vec<(String, String)> = vec![("query_id".into(), query_id.into())];
        let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
        add("default_format", "ArrowStream");
        if !self.connection.database.is_empty() {
            add("database", &self.connection.database);
        }
        if self.abilities.can_set {
            add(STOP_WITH_US.0, STOP_WITH_US.1);
            add("max_execution_time", &limits.time.as_secs().max(1).to_string());
            if limits.bytes_read < u64::MAX {
                add("max_bytes_to_read", &limits.bytes_read.to_string());
            }
            if limits.is_partial {
                add("skip_unavailable_shards", "1");
            }
            add("enable_http_compression", "1");
        }
        if self.abilities.readonly == 0 && (self.abilities.can_set || self.abilities.can_guard) {
            add("readonly", "2");
        }
        parameters.extend(statement.params());
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(&parameters);
        let mut request = self.http.post(url).body(statement.text().to_owned());
        if !self.connection.user.is_empty() {
            request = request
                .header("X-ClickHouse-User", &self.connection.user)
                .header("X-ClickHouse-Key", self.connection.password.reveal());
        }
        request.send().await.map_err(|e| self.unreachable(&e))
    }

    fn unreachable(&self, e: &reqwest::Error) -> RemoteError {
        let mut why = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(e);
        while let Some(one) = cause {
            why = one.to_string();
            cause = one.source();
        }
        let place = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(0);
        if why.contains("certificate") || why.contains("UnknownIssuer") || why.contains("CertExpired") {
            return RemoteError::new(Kind::Certificate, format!("the certificate of {place} is not trusted: {why}"))
                .hint("name the file of its authority with --ca, or have the certificate renewed");
        }
        if why.contains("InvalidContentType") || why.contains("corrupt message") {
            return RemoteError::new(Kind::Unreachable, format!("what answers at {place}:{port} speaks no TLS"))
                .hint("is it http:// there, or another port?");
        }
        RemoteError::new(Kind::Unreachable, format!("nothing answers at {place}:{port}: {why}"))
            .hint("is the address right, and may this machine reach it?")
    }

    /// Stops a query of ours.
    fn kill(&self, query_id: String) {
        let me = self.clone();
        let Ok(handle) = tokio::runtime::Handle::try_current() else { return };
        handle.spawn(async move {
            let limits = Limits { time: Duration::from_secs(5), ..Limits::default() };
            let kill = Statement::kill(&query_id);
            let kill_id = format!("{query_id}-kill");
            let Ok(mut sent) = Sent::begin(&me, &kill, &kill_id) else { return };
            let asked = tokio::time::timeout(limits.time, me.send(&kill, limits, &kill_id)).await;
            // Where it is not allowed, the server finishes by itself: the preflight says so.
            let result = match asked {
                Ok(Ok(response)) if response.status().is_success() => "ok".to_owned(),
                Ok(Ok(response)) => format!("refused ({})", response.status().as_u16()),
                Ok(Err(e)) => e.message,
                Err(_) => "no answer in time".to_owned(),
            };
            sent.is_over = true;
            sent.write(&result);
        });
    }
}

/// A statement on its way. Dropped before its end, it is stopped there and written down as cancelled.
struct Sent<'a> {
    client: &'a Client,
    entry: Entry,
    began: Instant,
    ran: Ran,
    is_over: bool,
}

impl<'a> Sent<'a> {
    fn begin(client: &'a Client, statement: &Statement, query_id: &str) -> Result<Self, RemoteError> {
        let entry = Entry {
            at: now(),
            source: client.source.to_string(),
            user: client.connection.user.clone(),
            query_id: query_id.to_owned(),
            statement: statement.shown(),
            rows_read: 0,
            bytes_read: 0,
            rows: 0,
            bytes: 0,
            micros: 0,
            result: "sent".into(),
        };
        // What can't be written down is not sent.
        client.ledger.write(&entry).map_err(|e| {
            RemoteError::new(
                Kind::Refused,
                format!("the ledger of statements can't be written, so nothing is sent: {e}"),
            )
        })?;
        Ok(Self { client, entry, began: Instant::now(), ran: Ran::default(), is_over: false })
    }

    fn ran(&self) -> Ran {
        Ran { took: self.began.elapsed(), bytes_read: self.bytes_read(), ..self.ran.clone() }
    }

    /// What the server read: as it said with its answer, which may have begun before it had read all, or while it worked.
    fn bytes_read(&self) -> u64 {
        let seen = self.client.running.of(&self.entry.query_id).map_or(0, |p| p.bytes);
        self.ran.bytes_read.max(seen)
    }

    fn ended(&mut self, ended: &Result<(), RemoteError>) {
        self.is_over = true;
        let result = match ended {
            Ok(()) if self.ran.is_cut => "cut here".to_owned(),
            Ok(()) => "ok".to_owned(),
            Err(e) => e.message.clone(),
        };
        self.write(&result);
        let is_running = self.ran.is_cut || matches!(ended, Err(e) if e.code.is_none() && e.http.is_none());
        if is_running {
            self.client.kill(self.entry.query_id.clone());
        }
    }

    fn write(&mut self, result: &str) {
        let ran = &self.ran;
        let entry = Entry {
            rows_read: ran.rows_read,
            bytes_read: self.bytes_read(),
            rows: ran.rows,
            bytes: ran.bytes,
            micros: self.began.elapsed().as_micros() as u64,
            result: result.to_owned(),
            ..self.entry.clone()
        };
        if let Err(e) = self.client.ledger.write(&entry) {
            tracing::warn!("the ledger of statements can't be written: {e}");
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.client.read.fetch_add(self.bytes_read(), Ordering::Relaxed);
        if !self.is_over {
            self.write("cancelled");
            self.client.kill(self.entry.query_id.clone());
        }
        self.client.running.remove(&self.entry.query_id);
    }
}

/// The end of an answer.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn add(&mut self, part: &Bytes) {
        self.0.extend_from_slice(&part[part.len().saturating_sub(TAIL)..]);
        let over = self.0.len().saturating_sub(TAIL);
        self.0.drain(..over);
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        self.0.ends_with(end)
    }

    /// What the server says of its breaking off.
    fn said(&self) -> Option<RemoteError> {
        let text = String::from_utf8_lossy(&self.0);
        let at = text.find("__exception__").or_else(|| text.rfind("DB::Exception"))?;
        let from = text[..at].rfind("Code: ").unwrap_or(at);
        let said = &text[from..];
        let said = &said[said.find("Code: ").unwrap_or(0)..];
        Some(RemoteError::said(Some(200), None, said))
    }
}

/// What a server allows, where it refused to be asked for more.
fn allowed(e: &RemoteError, limits: Limits) -> Option<Limits> {
    if e.code != Some(452) {
        return None;
    }
    if e.message.contains("max_bytes_to_read") {
        return Some(Limits { bytes_read: u64::MAX, ..limits });
    }
    let (_, rest) = e.message.split_once("max_execution_time shouldn't be greater than ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let time = rest[..end].parse().ok().filter(|s| *s > 0).map(Duration::from_secs)?;
    Some(Limits { time: time.min(limits.time), ..limits })
}

/// What came and can't be read.
fn undecoded(e: &arrow::error::ArrowError) -> RemoteError {
    let why = e.to_string();
    if why.to_ascii_lowercase().contains("utf") {
        let why = format!("a text there is not UTF-8, and texts can't be taken otherwise: {why}");
        return RemoteError::new(Kind::Statement, why)
            .hint("map the column as toValidUTF8(column), or write that in SQL");
    }
    RemoteError::new(Kind::NotClickHouse, format!("what answers is no Arrow stream: {why}"))
}

fn broken(e: &reqwest::Error) -> RemoteError {
    RemoteError::new(Kind::Broken, format!("the connection broke: {e}")).hint("try again")
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// A statement that is written here.
pub(crate) fn ours(text: impl Into<String>) -> Result<Statement, RemoteError> {
    Statement::new(sextant_model::Sql::plain(text)).map_err(|e| RemoteError::new(Kind::Refused, e.why))
}

/// The values of a column of text.
pub fn texts(batches: &[RecordBatch], column: usize) -> impl Iterator<Item = String> {
    let of = move |batch: &RecordBatch| {
        let texts = batch.columns().get(column).and_then(|c| c.as_string_opt::<i32>().cloned());
        let values: Vec<String> =
            texts.iter().flat_map(|t| t.iter().map(|v| v.unwrap_or_default().to_owned())).collect();
        values
    };
    batches.iter().flat_map(of)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}

/// The type that the store has for a type of the server: text as text, times without a zone.
fn plain_type(of: &DataType) -> DataType {
    match of {
        DataType::Binary | DataType::LargeBinary | DataType::LargeUtf8 | DataType::Utf8View | DataType::BinaryView => {
            DataType::Utf8
        }
        DataType::FixedSizeBinary(_) => DataType::Utf8,
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, None),
        other => other.clone(),
    }
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let field = |f: &Arc<Field>| f.as_ref().clone().with_data_type(plain_type(f.data_type()));
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn plain_column(column: &ArrayRef, of: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    // Texts of one length come as bytes, filled up with zeros; so do numbers too large for others.
    let Some(bytes) = column.as_fixed_size_binary_opt() else { return cast(column, of) };
    let text = |b: &[u8]| match std::str::from_utf8(b) {
        Ok(text) if text.is_ascii() => text.trim_end_matches('\0').to_owned(),
        _ => b.iter().map(|b| format!("{b:02x}")).collect(),
    };
    Ok(Arc::new(bytes.iter().map(|b| b.map(text)).collect::<arrow::array::StringArray>()))
}

/// Rows in the store's types.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    let failed = |e: arrow::error::ArrowError| RemoteError::new(Kind::Other, format!("a column can't be read: {e}"));
    let schema = plain_schema(&batch.schema());
    let columns: Result<Vec<ArrayRef>, _> =
        batch.columns().iter().zip(schema.fields()).map(|(c, f)| plain_column(c, f.data_type())).collect();
    RecordBatch::try_new(schema, columns.map_err(failed)?).map_err(failed)
}
