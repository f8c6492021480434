//! The workbench itself.

use crate::explore::At;
use crate::export::Progress;
use crate::pull::Pull;
use crate::sink::StoreSink;
use crate::tail::Tails;
use sextant_contract::{Answer, Ask, AskError, Backend, BoxFuture, Code, Command, Event, OnEvent, Outcome};
use sextant_fixtures::shop::{Shop, ShopConfig, ShopRequest, test_span};
use sextant_receiver::listen::Shutdown;
use sextant_receiver::{Config as ReceiverConfig, ReceiverError};
use sextant_store::{Config as StoreConfig, Health, Limits, Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Handle;

/// What a workbench is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The store's settings.
    pub store: StoreConfig,
}

/// A listener, by the name that it is printed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `otlp-grpc`, `otlp-http`, `zipkin`, `http`.
    pub name: String,
    /// Where.
    pub address: SocketAddr,
}

/// An open data directory with everything that answers from it. Cheap to clone.
#[derive(Clone)]
pub struct Workbench {
    pub(crate) store: Arc<Store>,
    pub(crate) inner: Arc<Inner>,
    /// The store that is asked for what this one, which goes again, is filled for.
    asked: Option<Arc<Store>>,
}

pub(crate) struct Inner {
    data_dir: PathBuf,
    pub(crate) handle: Handle,
    listeners: RwLock<Vec<Listener>>,
    /// Those who look on, by the number that they chose.
    pub(crate) tails: Mutex<Tails>,
    /// Exports under way, by their tags.
    exports: Mutex<HashMap<u64, Arc<Progress>>>,
    /// What was attached.
    pub(crate) remotes: crate::remotes::Remotes,
    /// What was read for the scenario before.
    pub(crate) held: Mutex<BTreeMap<String, Arc<Mutex<crate::simulate::Held>>>>,
    /// What is looked at without being kept.
    opened: RwLock<serde_json::Value>,
    /// Names, and why they do not listen.
    missing: RwLock<Vec<(String, String)>>,
}

/// Nanoseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}

impl Workbench {
    /// Opens the store. Work is done on the runtime of `handle`.
    ///
    /// # Errors
    /// If the data directory can't be opened.
    pub fn open(options: Options, handle: Handle) -> Result<Self, StoreError> {
        let data_dir = options.store.dir.clone();
        let store = Arc::new(Store::open(options.store)?);
        Ok(Self {
            store,
            asked: None,
            inner: Arc::new(Inner {
                data_dir,
                handle,
                listeners: RwLock::default(),
                tails: Mutex::default(),
                exports: Mutex::default(),
                remotes: crate::remotes::Remotes::default(),
                held: Mutex::default(),
                opened: RwLock::new(serde_json::json!({})),
                missing: RwLock::default(),
            }),
        })
    }

    /// Starts the receivers.
    ///
    /// # Errors
    /// If an address can't be bound.
    pub async fn receive(&self, config: ReceiverConfig, shutdown: &Shutdown) -> Result<(), ReceiverError> {
        let sink = Arc::new(StoreSink { store: self.store.clone() });
        let started = sextant_receiver::start(config, sink, shutdown).await?;
        for listening in started.listening {
            self.add_listener(listening.name, listening.address);
        }
        let mut missing = self.inner.missing.write().unwrap_or_else(PoisonError::into_inner);
        missing.extend(started.missing.into_iter().map(|(name, e)| (name.to_owned(), e.to_string())));
        Ok(())
    }

    /// Says that somebody listens, for status and Home.
    pub fn add_listener(&self, name: &str, address: SocketAddr) {
        let mut all = self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Listener { name: name.to_owned(), address });
    }

    /// Who listens; the first address of each name.
    pub fn listeners(&self) -> Vec<Listener> {
        let all = self.inner.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let mut first: Vec<Listener> = Vec::new();
        for listener in all.iter() {
            if !first.iter().any(|l| l.name == listener.name) {
                first.push(listener.clone());
            }
        }
        first
    }

    /// Says what is looked at without being kept.
    pub fn set_opened(&self, what: serde_json::Value) {
        *self.inner.opened.write().unwrap_or_else(PoisonError::into_inner) = what;
    }

    pub(crate) fn looked_at(&self) -> serde_json::Value {
        self.inner.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who does not listen though it was asked to, and why.
    pub fn missing_listeners(&self) -> Vec<(String, String)> {
        self.inner.missing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Whether the data directory is only open for reading.
    pub fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    /// Whether records are taken.
    pub fn health(&self) -> Health {
        self.store.health()
    }

    /// Figures of the store.
    pub fn store_status(&self) -> sextant_store::StoreStatus {
        self.store.status()
    }

    /// The same with another store, for what goes again; it is closed by itself.
    pub(crate) fn over(&self, store: StoreConfig) -> Result<Self, StoreError> {
        let asked = Some(self.store.clone());
        Ok(Self { store: Arc::new(Store::open(store)?), inner: self.inner.clone(), asked })
    }

    /// Whether what this thread does is not wanted any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.store.is_stopped() || self.asked.as_ref().is_some_and(|store| store.is_stopped())
    }

    /// Seals what is hot and closes the store.
    pub fn close(&self) {
        self.store.close();
    }

    pub(crate) fn exports(&self) -> MutexGuard<'_, HashMap<u64, Arc<Progress>>> {
        self.inner.exports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn answer(&self, ask: &Ask) -> Result<Answer, AskError> {
        match ask {
            Ask::Search(ask) => self.search(ask),
            Ask::Count(ask) => self.count(ask),
            Ask::Trace { id } => self.trace(id),
            Ask::TraceOtlp { id } => self.trace_otlp(id),
            Ask::Sql { sql, limit, period, is_explained, tag } => {
                let limits = Limits { is_explained: *is_explained, ..Limits::default() };
                let run = || self.sql(sql, *limit, *period, limits);
                tag.map_or_else(run, |tag| self.store.under(tag, run))
            }
            Ask::Saved { kind } => self.saved(kind),
            Ask::Services { period } => self.services(*period),
            Ask::Dependencies { service, period } => self.dependencies(service.as_deref(), *period),
            Ask::LinksTo { trace, period } => self.links_to(trace, *period),
            Ask::Deployments { period } => self.deployments(At::Here, *period),
            Ask::Status => Ok(self.status()),
            Ask::Doctor => self.doctor(),
            Ask::Simulate { scenario, prices, period, is_held } => {
                self.simulate(None, scenario, prices.as_deref(), *period, *is_held)
            }
            Ask::Measure { period, is_tried } => self.measure(*period, *is_tried),
            Ask::Facets { search, fields } => self.facets(search, fields),
            Ask::Complete { kind, key, part, limit } => self.complete(*kind, key.as_deref(), part, *limit),
            Ask::Histogram { search, n_buckets } => self.histogram(search, *n_buckets),
            Ask::Unknown { kind, query } => self.unknown(*kind, query),
            Ask::Skeleton { id } => self.skeleton(id),
            Ask::Span { trace, span } => self.span(trace, span),
            Ask::Senders { period, n_buckets } => self.senders(*period, *n_buckets),
            Ask::Compare { a, b, period } => self.compare(At::Here, a, b.as_deref(), *period),
            Ask::Differs { search, chosen, within } => self.differs(At::Here, search, chosen, *within),
            Ask::MetricNames(search) => self.metric_names(At::Here, search),
            Ask::Metric(ask) => self.metric(At::Here, ask),
            Ask::Patterns { search, n_parts } => self.patterns(At::Here, search, *n_parts),
            Ask::Tail { query, id } => self.tail_on(query, *id),
            Ask::FindSpans { trace, text } => self.find_spans(trace, text),
            Ask::Progress { tag } => Ok(self.progress(*tag)),
            Ask::Extent { kind } => self.extent(*kind),
            Ask::Of { source, question, is_heavy } => self.ask_source(source, question, *is_heavy),
            Ask::Opened => Ok(Answer::object(self.looked_at(), 0)),
            Ask::RetentionWould { keep } => self.retention_would(*keep),
            Ask::Keys => self.keys(),
            Ask::Schedules => self.schedules(),
            Ask::Report { report, form } => self.report(report, *form),
            Ask::Running => Ok(self.running()),
            Ask::Sources => self.sources(),
            Ask::SourceTest { name } => self.source_test(name),
            Ask::SourceCost { name } => self.source_cost(name),
            Ask::SourceMapping { name, signal, mapping, table } => {
                self.source_mapping(name, signal, mapping.clone(), table.as_deref())
            }
            Ask::Statements { limit, source } => self.sent_statements(*limit, source.as_deref()),
        }
    }

    fn carry_out(&self, command: Command, payload: &[u8]) -> Result<Outcome, AskError> {
        if matches!(command, Command::Import { .. } | Command::Pull { .. } | Command::Demo { .. } | Command::TestSpan)
            && let Some(path) = self.looked_at()["path"].as_str()
        {
            // What is looked at would not be what was signed any more.
            let why = format!("{path} is only looked at: nothing is taken in here");
            return Err(AskError::new(Code::Refused, why).hint("take it into a store of your own: sextant import"));
        }
        match command {
            Command::Import { name, format, project } => {
                self.import(name, format.as_deref(), project.as_deref(), payload).map(Outcome::Imported)
            }
            Command::Demo { spans, seed } => {
                self.send(Shop::new(&ShopConfig { seed, n_spans: spans.min(MAX_DEMO_SPANS), end: now() }))
            }
            Command::TestSpan => self.send(std::iter::once(test_span(now()))),
            Command::RetentionSet { signal, policy } => self.retention_set(&signal, policy),
            Command::RetentionApply { at, dry_run } => self.retention_apply(at, dry_run),
            Command::RetentionKeep { keep } => self.retention_keep(keep),
            Command::Pin(ask) => self.pin(ask),
            Command::Unpin { id } => self.unpin(id),
            Command::Save { kind, name, value } => self.save(&kind, &name, value),
            Command::Forget { kind, name } => self.forget(&kind, &name),
            Command::Export { ask, format, tag, path, location } => {
                self.export(&ask, format, tag, path.as_deref(), location.as_deref())
            }
            Command::Cancel { tag } => {
                self.store.cancel(tag);
                Ok(Outcome::Done)
            }
            Command::SourcePut(put) => self.source_put(*put),
            Command::SourceMap { name, signal, mapping } => self.source_map(&name, &signal, mapping),
            Command::Pull { source, query, signal, period, whole_traces, is_heavy } => self.pull(&Pull {
                source: &source,
                query: &query,
                signal: signal.as_deref(),
                period,
                is_whole: whole_traces,
                is_heavy,
            }),
            Command::Bundle(ask) => self.bundle(&ask),
            Command::ScheduleRun { name } => self.schedule_run(&name),
            Command::KeyNew { name, passphrase } => self.key_new(&name, passphrase.as_ref()),
            Command::KeyTrust { name, pem } => self.key_trust(&name, &pem),
            Command::KeyDistrust { name } => self.key_distrust(&name),
            Command::Report { report, form, tag, path } => {
                self.store.under(tag, || self.write_report(&report, form, path.as_deref()))
            }
            Command::SourceRemove { name } => self.source_remove(&name),
            Command::Compact => self.compact(),
            Command::Repair => self.repair(),
            Command::OpenFiles | Command::Menu { .. } => {
                Err(AskError::new(Code::Refused, "there are no dialogs and menus here, only in the desktop program"))
            }
        }
    }

    /// Sends traffic to our own receiver, the way that any program would.
    fn send(&self, requests: impl Iterator<Item = ShopRequest>) -> Result<Outcome, AskError> {
        let own = self.listeners().into_iter().find(|l| l.name == "otlp-http").ok_or_else(|| {
            AskError::new(Code::Refused, "nothing listens for OTLP over HTTP here").hint("start with --otlp-http :4318")
        })?;
        self.inner.handle.block_on(crate::demo::send(&format!("http://{}", own.address), requests))
    }
}

/// Somebody waits for an answer. Who goes away before it has come stops the work.
struct Wait {
    store: Arc<Store>,
    tag: u64,
    is_over: bool,
}

impl Wait {
    fn begin(store: Arc<Store>) -> Self {
        /// Above every tag that the screens choose: those are times.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 63);
        Self { store, tag: NEXT.fetch_add(1, Ordering::Relaxed), is_over: false }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.is_over {
            self.store.cancel(self.tag);
        }
    }
}

/// More than this from one click is a mistake.
const MAX_DEMO_SPANS: u64 = 1_000_000;

fn stopped() -> AskError {
    AskError::new(Code::Internal, "the answer was interrupted")
}

impl Backend for Workbench {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        let me = self.clone();
        let wait = Wait::begin(self.store.clone());
        let tag = wait.tag;
        let work = self.inner.handle.spawn_blocking(move || me.store.under(tag, || me.answer(&ask)));
        Box::pin(async move {
            let mut wait = wait;
            let answer = work.await.unwrap_or_else(|_| Err(stopped()));
            wait.is_over = true;
            answer
        })
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        let me = self.clone();
        // What nobody waits for is not written or fetched any more; other changes go on to their end.
        let wait = matches!(
            command,
            Command::Export { .. } | Command::Pull { .. } | Command::Bundle(_) | Command::Report { .. }
        )
        .then(|| Wait::begin(self.store.clone()));
        let tag = wait.as_ref().map(|w| w.tag);
        let work = self.inner.handle.spawn_blocking(move || {
            let work = || me.carry_out(command, &payload);
            if let Some(tag) = tag { me.store.under(tag, work) } else { work() }
        });
        Box::pin(async move {
            let mut wait = wait;
            let outcome = work.await.unwrap_or_else(|_| Err(stopped()));
            if let Some(wait) = &mut wait {
                wait.is_over = true;
            }
            outcome
        })
    }

    fn subscribe(&self, on_event: OnEvent) {
        self.store.on_generation(move |generation| on_event(Event::Generation { generation }));
    }
}
