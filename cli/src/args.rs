//! The command line.

mod bundle;
mod export;
mod report;
mod schedule;
mod simulate;
mod source;

pub use bundle::{Bundle, BundleCommand, BundleCreate, BundleVerify, Keys, KeysCommand};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
pub use export::{Export, ExportFormat, Pack};
pub use report::{Report, ReportArgs, ReportCommand};
pub use schedule::{Schedule, ScheduleAdd, ScheduleCommand};
use sextant_contract::{RowFormat, SearchKind};
use sextant_server::HostArgs;
pub use simulate::{Shape, Simulate};
pub use source::{OfSource, Pull, Source, SourceAdd, SourceCommand, SourceMap};
use std::ffi::OsString;
use std::path::PathBuf;

/// Offline observability workbench: catches OpenTelemetry, keeps it, and lets you ask.
#[derive(Debug, Parser)]
#[command(name = "sextant", version, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

/// Where the data are.
#[derive(Debug, Clone, ClapArgs)]
pub struct Where {
    /// The data directory [default: the platform's, such as ~/.local/share/sextant]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A running instance instead of a directory
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The token of that instance
    #[arg(long, global = true, value_name = "T", default_value = "", hide_default_value = true)]
    pub token: String,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
    Parquet,
    Arrow,
}

impl Format {
    /// What it is as a file; a table is for the eye only.
    pub fn rows(self) -> Option<RowFormat> {
        Some(match self {
            Self::Table => return None,
            Self::Json => RowFormat::Json,
            Self::Ndjson => RowFormat::Ndjson,
            Self::Csv => RowFormat::Csv,
            Self::Parquet => RowFormat::Parquet,
            Self::Arrow => RowFormat::Arrow,
        })
    }
}

/// How a trace is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    Text,
    Json,
    OtlpJson,
}

/// What can be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Traces,
    Spans,
    Logs,
    Metrics,
}

impl Kind {
    /// As the contract names it.
    pub fn search(self) -> SearchKind {
        match self {
            Self::Traces => SearchKind::Traces,
            Self::Spans => SearchKind::Spans,
            Self::Logs => SearchKind::Logs,
            Self::Metrics => SearchKind::Metrics,
        }
    }
}

/// Formats of files that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    Auto,
    OtlpJson,
    OtlpPb,
    Zipkin,
    Parquet,
    Bundle,
}

/// A period; without one, everything there is.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct PeriodArgs {
    /// How far back, such as 15m, 1h or 7d
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["from", "to"])]
    pub since: Option<String>,
    /// Start, inclusive: RFC 3339 or Unix nanoseconds
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// End, exclusive
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive telemetry, answer the API and the browser UI
    ///
    /// Example: sextant serve --data ./telemetry --otlp-http 127.0.0.1:4318
    Serve(Serve),
    /// Look at files or folders of telemetry without keeping anything
    ///
    /// Example: sextant open slow-checkout.otlp.jsonl
    Open(Open),
    /// Take in files or folders
    ///
    /// Example: sextant import traces.jsonl captures/ --json
    Import(Import),
    /// Find traces, spans, logs or metric points
    ///
    /// Example: sextant search traces 'service:checkout duration:>1s' --since 1h --limit 20
    Search(Search),
    /// Write everything that a search finds: CSV, NDJSON, JSON, Parquet, Arrow, OTLP JSON, Parquet by day, Iceberg
    ///
    /// Example: sextant export spans 'service:checkout' --since 1h --out spans.parquet
    Export(Export),
    /// Write what one needs who wants a ClickHouse of her own: tables, Collector configuration, all records, how to load them
    ///
    /// Example: sextant pack to-clickhouse/ --cluster prod
    Pack(Pack),
    /// Print one trace
    ///
    /// Example: sextant trace 7f3a9c21e4b84d06a1c5d2709be6f318 --format otlp-json
    Trace(Trace),
    /// Make reports again and again, while a program runs that receives
    Schedule(Schedule),
    /// Run one read-only SELECT over the views traces, logs and metrics_…
    ///
    /// Example: sextant sql 'SELECT servicename, count(*) AS n FROM traces GROUP BY 1 ORDER BY n DESC' --format csv
    Sql(Sql),
    /// List services with requests, errors, rate and latency
    ///
    /// Example: sextant services --since 1h
    Services(Services),
    /// Attach a ClickHouse to read from, look at what it has, list what was sent to it
    ///
    /// Example: sextant source test prod && sextant search traces 'error:true' --source prod
    Source(Source),
    /// Take over a slice of a ClickHouse that is attached; an answer that breaks midway leaves nothing
    ///
    /// Example: sextant pull --source prod --from 2026-11-20T12:00:00Z --to 2026-11-20T12:10:00Z 'service:checkout' --whole-traces
    Pull(Pull),
    /// Make, check, look into and compare bundles: signed Parquet that anyone can check
    ///
    /// Example: sextant bundle create 'service:checkout' --since 1h --out incident.sxb && sextant bundle verify incident.sxb
    Bundle(Bundle),
    /// Write what was found on paper: PDF that archives accept, or one HTML file
    ///
    /// Example: sextant report incident --since 1h --out incident.pdf
    Report(Report),
    /// Keys that sign bundles, and keys that are trusted
    ///
    /// Example: sextant keys export --out mine.pem
    Keys(Keys),
    /// Say what was received, kept and rejected, and how large everything is
    ///
    /// Example: sextant status --format json
    Status(Status),
    /// Say how long records are kept, and take away what is older
    ///
    /// Example: sextant retention set traces 7d && sextant retention apply --dry-run
    Retention(Retention),
    /// Keep a trace or a period from every retention policy
    ///
    /// Example: sextant pin trace 7f3a9c21e4b84d06a1c5d2709be6f318 --note 'incident of May 3'
    Pin(Pin),
    /// Lay small segments together and compress them harder
    ///
    /// Example: sextant compact
    Compact(Compact),
    /// What keeping telemetry otherwise would cost, and what would be lost
    ///
    /// Example: sextant simulate policy.toml --set sampling.head=0.1 --format table
    Simulate(Simulate),
    /// Check that everything is still what was written; exit 1 if something is damaged
    ///
    /// Example: sextant doctor --repair
    Doctor(Doctor),
    /// Copy everything to one file, also while it is being received into
    ///
    /// Example: sextant backup telemetry.tar
    Backup(Backup),
    /// Put a backup into an empty data directory, after checking it
    ///
    /// Example: sextant restore telemetry.tar --data ./again
    Restore(Restore),
    /// Send the demo shop's traffic: traces, logs and metrics of a dozen services
    ///
    /// Example: sextant demo --spans 10000 --seed 7
    Demo(Demo),
}

#[derive(Debug, ClapArgs)]
pub struct Serve {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub host: HostArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Import {
    #[command(flatten)]
    pub place: Where,
    /// Files or folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the files are
    #[arg(long, value_enum, default_value = "auto")]
    pub format: ImportFormat,
    /// The project that the records go to
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Open {
    /// Files or folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Say what is in them and end
    #[arg(long)]
    pub print: bool,
    /// The data directory with the keys that are trusted; nothing is written there
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Which records.
#[derive(Debug, ClapArgs)]
pub struct What {
    /// What to look for
    #[arg(value_enum)]
    pub kind: Kind,
    /// The search; empty is everything
    #[arg(value_name = "QUERY", default_value = "", conflicts_with = "query_flag")]
    pub query: String,
    #[arg(long = "query", hide = true, allow_hyphen_values = true)]
    pub query_flag: Option<String>,
    #[command(flatten)]
    pub period: PeriodArgs,
}

#[derive(Debug, ClapArgs)]
pub struct Search {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub of: OfSource,
    #[command(flatten)]
    pub what: What,
    /// At most so many rows, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Print the SQL and ask nothing
    #[arg(long)]
    pub explain: bool,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Trace {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub of: OfSource,
    /// The trace id: 32 hex digits, or 16 from Zipkin
    pub id: String,
    #[arg(long, value_enum, default_value = "text")]
    pub format: TraceFormat,
}

#[derive(Debug, ClapArgs)]
pub struct Sql {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub of: OfSource,
    /// The statement
    #[arg(value_name = "SELECT …", allow_hyphen_values = true)]
    pub statement: String,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Services {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub of: OfSource,
    #[command(flatten)]
    pub period: PeriodArgs,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Status {
    #[command(flatten)]
    pub place: Where,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignalArg {
    Traces,
    Logs,
    Metrics,
}

impl SignalArg {
    /// As the API says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub struct Retention {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: RetentionCommand,
}

#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Set how long a signal is kept; nothing is taken away before `apply`, or an hour under `serve`
    Set(RetentionSet),
    /// Take away what is older than was set, to the record
    Apply(RetentionApply),
    /// Say what was set
    Show {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

#[derive(Debug, ClapArgs)]
pub struct RetentionSet {
    /// Of which signal
    #[arg(value_enum)]
    pub signal: SignalArg,
    /// How long: 90m, 7d, forever
    #[arg(value_name = "KEEP")]
    pub keep: String,
    /// Only of this project
    #[arg(long, value_name = "P")]
    pub project: Option<String>,
    /// At most so many bytes on the disk, such as 20GB; the oldest go first
    #[arg(long, value_name = "SIZE", value_parser = sextant_contract::parse_size)]
    pub max_bytes: Option<u64>,
    /// Compress harder after this time
    #[arg(long, value_name = "AGE")]
    pub warm_after: Option<String>,
    /// Move to --cold-dir after this time
    #[arg(long, value_name = "AGE", requires = "cold_dir")]
    pub cold_after: Option<String>,
    /// Another directory, such as one on an external disk
    #[arg(long, value_name = "DIR", requires = "cold_after")]
    pub cold_dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct RetentionApply {
    /// As of this time [default: now]
    #[arg(long, value_name = "T")]
    pub at: Option<String>,
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Pin {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: PinCommand,
}

#[derive(Debug, Subcommand)]
pub enum PinCommand {
    /// Keep a trace, with its logs
    Trace {
        /// The trace id
        id: String,
        #[command(flatten)]
        more: PinMore,
    },
    /// Keep everything of a period
    Period {
        #[command(flatten)]
        period: PeriodArgs,
        /// Only this signal
        #[arg(long, value_enum)]
        signal: Option<SignalArg>,
        #[command(flatten)]
        more: PinMore,
    },
    /// List what is pinned
    List {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Let policies have it again
    Remove {
        /// The number of the pin
        id: i64,
    },
}

#[derive(Debug, ClapArgs)]
pub struct PinMore {
    /// In which project
    #[arg(long, value_name = "P", default_value = "default")]
    pub project: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}

#[derive(Debug, ClapArgs)]
pub struct Compact {
    #[command(flatten)]
    pub place: Where,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Doctor {
    #[command(flatten)]
    pub place: Where,
    /// Put aside what is damaged; nothing is deleted
    #[arg(long, conflicts_with = "rebuild")]
    pub repair: bool,
    /// Make segments.db anew from the segment files
    #[arg(long)]
    pub rebuild: bool,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, ClapArgs)]
pub struct Backup {
    #[command(flatten)]
    pub place: Where,
    /// The file to write
    pub file: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub struct Restore {
    #[command(flatten)]
    pub place: Where,
    /// The file that `backup` wrote
    pub file: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub struct Demo {
    #[command(flatten)]
    pub place: Where,
    /// About so many spans
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub spans: u64,
    /// The same seed makes the same traffic [default: another one each time]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Send to this OTLP/HTTP address instead of the running instance
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
}

/// A QUERY may begin with `-`: such an argument of `search` is passed on as what it is, not as a flag.
pub fn with_queries(args: Vec<OsString>) -> Vec<OsString> {
    if args.get(1).is_none_or(|a| a != "search" && a != "export" && a != "pull" && a != "bundle") {
        return args;
    }
    let is_query = |arg: &OsString| {
        let text = arg.to_string_lossy();
        let mut chars = text.chars();
        chars.next() == Some('-') && !matches!(chars.next(), None | Some('-')) && text != "-h"
    };
    let mut after_value_flag = false;
    let mut is_over = false;
    args.into_iter()
        .map(|arg| {
            is_over |= arg == "--";
            if is_over {
                return arg;
            }
            let is_value = std::mem::replace(&mut after_value_flag, arg.to_string_lossy().starts_with("--"));
            if !is_value && is_query(&arg) {
                let mut flag = OsString::from("--query=");
                flag.push(arg);
                return flag;
            }
            arg
        })
        .collect()
}
