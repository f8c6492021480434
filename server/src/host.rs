//! A program that holds a data directory: the store, its receivers and the API, opened and closed together. Every
//! shell that may hold one (command, desktop, window) does it this way and takes these flags.

use crate::{Config, HttpBackend, Opened, ServerError, Serving, clear_stale, find, prepare, start};
use clap::{Args, ValueEnum};
use sextant_contract::Backend;
use sextant_workbench::{
    Durability, Options, ReceiverConfig, ReceiverError, Shutdown, StoreConfig, StoreError, Workbench,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// When a batch counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DurabilityArg {
    /// When it is on the disk.
    Fsync,
    /// When the operating system has it.
    Os,
}

/// Where a program listens, and how it keeps.
#[derive(Debug, Clone, Args)]
pub struct HostArgs {
    /// OTLP over gRPC
    #[arg(long, value_name = "ADDR", default_value = ":4317")]
    pub otlp_grpc: Vec<String>,
    /// OTLP over HTTP
    #[arg(long, value_name = "ADDR", default_value = ":4318")]
    pub otlp_http: Vec<String>,
    /// API and browser UI
    #[arg(long, value_name = "ADDR", default_value = ":4320")]
    pub http: Vec<String>,
    /// Zipkin v2
    #[arg(long, value_name = "ADDR", default_value = ":9411")]
    pub zipkin: Vec<String>,
    /// What senders from other machines must show
    #[arg(long, value_name = "K")]
    pub api_key: Option<String>,
    /// A further name that this machine may be called by
    #[arg(long, value_name = "H")]
    pub allow_host: Vec<String>,
    /// A further origin whose pages may send
    #[arg(long, value_name = "O")]
    pub allow_origin: Vec<String>,
    /// Free space to keep, such as 500MB [default: the smaller of 1GB and 2 % of the disk]
    #[arg(long, value_name = "SIZE", value_parser = sextant_contract::parse_size)]
    pub disk_reserve: Option<u64>,
    /// When a batch counts as durable
    #[arg(long, value_enum, default_value = "fsync")]
    pub durability: DurabilityArg,
}

impl HostArgs {
    /// Listens for nothing but questions, at a free port.
    pub fn quiet() -> Self {
        Self {
            otlp_grpc: Vec::new(),
            otlp_http: Vec::new(),
            http: vec!["127.0.0.1:0".into()],
            zipkin: Vec::new(),
            api_key: None,
            allow_host: Vec::new(),
            allow_origin: Vec::new(),
            disk_reserve: None,
            durability: DurabilityArg::Os,
        }
    }
}

/// An open data directory that is received into and answered from.
pub struct Host {
    /// What answers.
    pub workbench: Workbench,
    /// Where it answers.
    pub serving: Serving,
    shutdown: Shutdown,
    schedules: JoinHandle<()>,
}

impl Host {
    /// Opens the directory, then the ports. `may_miss` goes on without receivers whose port is taken, and answers the
    /// API on a free one.
    ///
    /// # Errors
    /// If another program holds the directory, or has a port.
    pub async fn open(dir: PathBuf, args: HostArgs, may_miss: bool) -> Result<Self, ServerError> {
        let mut store = StoreConfig::new(dir);
        store.has_upkeep = true;
        store.disk_reserve_bytes = args.disk_reserve;
        store.durability = match args.durability {
            DurabilityArg::Fsync => Durability::Fsync,
            DurabilityArg::Os => Durability::Os,
        };
        let workbench = Workbench::open(Options { store }, Handle::current())?;
        clear_stale(workbench.data_dir());
        let shutdown = Shutdown::default();
        let config = Config { http: args.http, allow_hosts: args.allow_host, allow_origins: args.allow_origin };
        let served = prepare(&config, &workbench, &shutdown)?;
        let receiver = ReceiverConfig {
            otlp_grpc: args.otlp_grpc,
            otlp_http: args.otlp_http,
            zipkin: args.zipkin,
            api_key: args.api_key,
            allow_origins: config.allow_origins.clone(),
            allow_hosts: config.allow_hosts.clone(),
            zipkin_queries: Some(served.zipkin()),
            may_miss,
            ..ReceiverConfig::default()
        };
        workbench.receive(receiver, &shutdown).await?;
        let serving = match start(&config.http, &served, &shutdown).await {
            Err(ServerError::Listen(ReceiverError::PortTaken { .. })) if may_miss => {
                start(&[":0".into()], &served, &shutdown).await?
            }
            started => started?,
        };
        let schedules = tokio::spawn(workbench.clone().keep_schedules());
        Ok(Self { workbench, serving, shutdown, schedules })
    }

    /// Lets requests under way finish, seals what is hot, and gives the directory back.
    pub async fn close(self) {
        // From here on nobody should find this instance; who does is answered while it drains.
        self.serving.close();
        // A report that is being made is made after the next start.
        self.schedules.abort();
        self.shutdown.drain().await;
        let workbench = self.workbench;
        tokio::task::spawn_blocking(move || workbench.close()).await.ok();
    }
}

/// Who answers for a data directory: this process, or the one that holds it already.
pub enum Holder {
    /// This one.
    Here(Host),
    /// Another one, over its API at this address.
    Running(HttpBackend, String),
    /// Nobody: files are looked at, and nothing is kept.
    Looking(Box<Opened>),
}

/// How long a directory that is being opened or closed by another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

impl Holder {
    /// Holds the directory, or joins whoever holds it. For windows, which are of use without their receivers.
    ///
    /// # Errors
    /// If it can't be opened, or is held by a program that does not answer.
    pub async fn open(dir: PathBuf, args: HostArgs) -> Result<Self, ServerError> {
        let began = Instant::now();
        loop {
            if let Some(instance) = find(&dir) {
                let address = instance.listeners.get("http").cloned().unwrap_or_default();
                return Ok(Self::Running(HttpBackend::of(&instance)?, format!("http://{address}")));
            }
            match Host::open(dir.clone(), args.clone(), true).await {
                Err(ServerError::Store(StoreError::Locked(_))) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                }
                other => return other.map(Self::Here),
            }
        }
    }

    /// Looks at files without keeping anything, with the keys that are trusted in a data directory.
    ///
    /// # Errors
    /// As [`Opened::files`].
    pub async fn look(paths: &[PathBuf], data: Option<&PathBuf>) -> Result<Self, ServerError> {
        Ok(Self::Looking(Opened::files(paths, data).await?.into()))
    }

    /// Where to begin on the screens, if that is not home.
    pub fn address(&self) -> Option<&str> {
        if let Self::Looking(opened) = self { Some(&opened.address) } else { None }
    }

    /// Seals and gives the directory back, or forgets the files.
    pub async fn close(self) {
        match self {
            Self::Here(host) => host.close().await,
            Self::Looking(opened) => opened.close().await,
            Self::Running(..) => {}
        }
    }

    /// What answers.
    pub fn backend(&self) -> Arc<dyn Backend + Send + Sync> {
        match self {
            Self::Looking(opened) => Arc::new(opened.host.workbench.clone()),
            Self::Here(host) => Arc::new(host.workbench.clone()),
            Self::Running(backend, _) => Arc::new(backend.clone()),
        }
    }
}

/// The data directory that is meant: the one named, or the platform's.
///
/// # Errors
/// If there is no home directory to have one in.
pub fn data_dir(named: Option<&PathBuf>) -> Result<PathBuf, ServerError> {
    if let Some(dir) = named {
        return Ok(dir.clone());
    }
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    base.map(|b| b.join("sextant")).ok_or(ServerError::NoHome)
}
