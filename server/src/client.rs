//! The client side: a running instance as a [`Backend`].

use crate::{Instance, ServerError};
use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sextant_contract::{Answer, Ask, AskError, Backend, BoxFuture, Code, Command, Event, OnEvent, Outcome};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// A running instance, asked over HTTP.
#[derive(Debug, Clone)]
pub struct HttpBackend {
    client: Client<HttpConnector, Body>,
    base: Arc<str>,
    token: Arc<str>,
    /// Where the work is done: whoever asks may be on a thread of their own.
    handle: Handle,
    /// Exports that were stopped, by their tags, as far as they are being fetched.
    cancelled: Arc<Mutex<HashSet<u64>>>,
}

/// How long to wait before events are listened for again.
const RECONNECT_TIME: Duration = Duration::from_secs(1);

impl HttpBackend {
    /// The instance at `url` (`http://HOST:PORT`, a token parameter is taken from it).
    ///
    /// # Errors
    /// If that is no URL.
    pub fn new(url: &str, token: &str) -> Result<Self, ServerError> {
        let bad = || ServerError::Url(url.to_owned());
        let uri: Uri = url.parse().ok().ok_or_else(bad)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(bad)?;
        let in_url = uri.query().and_then(|q| q.split('&').find_map(|p| p.strip_prefix("token=")));
        let token = if token.is_empty() { in_url.unwrap_or_default() } else { token };
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: format!("http://{authority}").into(),
            token: token.into(),
            handle: Handle::current(),
            cancelled: Arc::default(),
        })
    }

    /// The instance that a data directory's `instance.json` names.
    ///
    /// # Errors
    /// If it has no HTTP listener.
    pub fn of(instance: &Instance) -> Result<Self, ServerError> {
        let address = instance.listeners.get("http").cloned().unwrap_or_default();
        Self::new(&format!("http://{address}"), &instance.token)
    }

    async fn post(self, path: String, body: Vec<u8>) -> Result<Vec<u8>, AskError> {
        let request = Request::post(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::from(body))
            .map_err(|e| AskError::new(Code::Internal, format!("the question can't be sent: {e}")))?;
        let unreachable = |e: &dyn std::fmt::Display| {
            AskError::new(Code::Unreachable, format!("the instance at {} does not answer: {e}", self.base))
                .hint("is it still running? start one with: sextant serve")
        };
        let response = self.client.request(request).await.map_err(|e| unreachable(&e))?;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|e| unreachable(&e))?.to_bytes();
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        if status == StatusCode::UNAUTHORIZED {
            let message = format!("the instance at {} does not know this token", self.base);
            let hint = "give the one of instance.json in its data directory with --token";
            return Err(AskError::new(Code::Unauthorized, message).hint(hint));
        }
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            AskError::new(Code::Internal, format!("the instance at {} answered {status}", self.base))
        }))
    }

    /// Fetches something large, chunk by chunk.
    ///
    /// # Errors
    /// If the instance does not answer, or its answer breaks off.
    pub async fn download(&self, path: &str, mut out: impl std::io::Write) -> Result<(), AskError> {
        let failed = |e: &dyn std::fmt::Display| {
            AskError::new(Code::Unreachable, format!("the answer of the instance at {} broke off: {e}", self.base))
        };
        let request = Request::get(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty())
            .map_err(|e| failed(&e))?;
        let response = self.client.request(request).await.map_err(|e| failed(&e))?;
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let bytes = body.collect().await.map_err(|e| failed(&e))?.to_bytes();
            return Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| failed(&status)));
        }
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|e| failed(&e))?.into_data() {
                out.write_all(&data).map_err(|e| failed(&e))?;
            }
        }
        out.flush().map_err(|e| failed(&e))
    }

    async fn follow(&self, on_event: &OnEvent) -> Option<()> {
        let request = Request::get(format!("{}/api/v1/door/events", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Body::empty())
            .ok()?;
        let mut body = self.client.request(request).await.ok()?.into_body();
        on_event(Event::Link { is_up: true });
        let mut text = String::new();
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            text.push_str(&String::from_utf8_lossy(&data));
            while let Some(end) = text.find('\n') {
                let line: String = text.drain(..=end).collect();
                let event = line.trim().strip_prefix("data:").map(str::trim);
                if let Some(event) = event.and_then(|e| serde_json::from_str::<Event>(e).ok()) {
                    on_event(event);
                }
            }
        }
        Some(())
    }
}

impl HttpBackend {
    /// Does the work on the runtime.
    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AskError>> + Send + 'static,
    ) -> BoxFuture<Result<T, AskError>> {
        /// Who waits no longer lets the connection go, and the other side stops its work.
        struct Abandoned(tokio::task::AbortHandle);
        impl Drop for Abandoned {
            fn drop(&mut self) {
                self.0.abort();
            }
        }
        let task = self.handle.spawn(work);
        let abandoned = Abandoned(task.abort_handle());
        let stopped = |_| AskError::new(Code::Internal, "the question was interrupted");
        Box::pin(async move {
            let _abandoned = abandoned;
            task.await.map_err(stopped)?
        })
    }
}

impl Backend for HttpBackend {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        let me = self.clone();
        self.run(async move {
            let body = serde_json::to_vec(&ask).unwrap_or_default();
            Answer::decode(&me.post("/api/v1/door/ask".into(), body).await?)
        })
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        let me = self.clone();
        if let Command::Cancel { tag } = &command {
            me.cancelled.lock().unwrap_or_else(PoisonError::into_inner).insert(*tag);
        }
        self.run(async move {
            // The file is fetched and laid where it is wanted: the other side does not write wherever it is told.
            if let Some(path) = command.path().map(str::to_owned) {
                let is_folder = command.is_folder();
                let (command, tag) = command.without_path();
                let failed = |e: &dyn std::fmt::Display| {
                    AskError::new(Code::Refused, format!("{path} can't be written: {e}")).hint("choose another place")
                };
                let place = Path::new(&path);
                let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
                // Before the work, not after it.
                if !folder.is_dir() {
                    return Err(failed(&format!("the folder {} is not there", folder.display())));
                }
                if is_folder && place.exists() && std::fs::read_dir(place).map_or(true, |mut all| all.next().is_some())
                {
                    return Err(failed(&"it is there already and not empty"));
                }
                let made = me.act(command, payload).await?;
                let Outcome::Object { mut object } = made else { return Ok(made) };
                let name = object["name"].as_str().unwrap_or_default().to_owned();
                // It goes away by itself unless it is kept.
                let aside = tempfile::Builder::new().prefix(".sextant-").suffix(".part").to_owned();
                let mut part = aside.tempfile_in(folder).map_err(|e| failed(&e))?;
                me.download(&format!("/api/v1/exports/{}?once=true", percent(&name)), part.as_file_mut()).await?;
                if me.cancelled.lock().unwrap_or_else(PoisonError::into_inner).remove(&tag) {
                    return Err(AskError::new(Code::Refused, "it was stopped"));
                }
                if is_folder {
                    unpack(part.path(), place).map_err(|e| failed(&e))?;
                } else {
                    part.as_file().sync_all().map_err(|e| failed(&e))?;
                    let kept = part.persist(place).map_err(|e| failed(&e))?;
                    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                    kept.set_permissions(ours).map_err(|e| failed(&e))?;
                }
                object["path"] = path.into();
                return Ok(Outcome::Object { object });
            }
            let command = serde_json::to_string(&command).unwrap_or_default();
            let answer = me.post(format!("/api/v1/door/act?command={}", percent(&command)), payload).await?;
            serde_json::from_slice(&answer)
                .map_err(|e| AskError::new(Code::Internal, format!("the outcome can't be read: {e}")))
        })
    }

    fn subscribe(&self, on_event: OnEvent) {
        let me = self.clone();
        self.handle.spawn(async move {
            loop {
                me.follow(&on_event).await;
                on_event(Event::Link { is_up: false });
                tokio::time::sleep(RECONNECT_TIME).await;
            }
        });
    }
}

/// The files of an archive into a folder, which is there when it is whole. Names that lead out of it are passed over.
fn unpack(archive: &Path, place: &Path) -> std::io::Result<()> {
    let beside = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let aside = tempfile::Builder::new().prefix(".sextant-").suffix(".part").tempdir_in(beside)?;
    let mut archive = tar::Archive::new(std::io::BufReader::new(std::fs::File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        // A file below the one folder that the archive has.
        let path: PathBuf = entry.path()?.components().skip(1).collect();
        let is_below = path.components().all(|c| matches!(c, Component::Normal(_)));
        if !entry.header().entry_type().is_file() || !is_below || path.as_os_str().is_empty() {
            continue;
        }
        let to = aside.path().join(path);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        entry.unpack(to)?;
    }
    std::fs::rename(aside.path(), place)?;
    let ours = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place, ours)
}

/// Everything but letters and digits escaped.
fn percent(text: &str) -> String {
    let escape = |b: u8| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(escape).collect()
}
