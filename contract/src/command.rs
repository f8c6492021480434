//! Changes.

use crate::{Ask, BundleAsk, Period, ReportAsk, ReportForm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change that is asked for. Bytes that belong to it travel beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Take in the bytes of a file.
    Import {
        /// What the file is called, for messages.
        name: String,
        /// One of the formats; found out if missing.
        format: Option<String>,
        /// Where to; `default` if missing.
        project: Option<String>,
    },
    /// Send the demo shop's traffic into this store.
    Demo {
        /// About so many spans.
        spans: u64,
        /// The same seed makes the same traffic.
        seed: u64,
    },
    /// Send one span, so that one sees that sending works.
    TestSpan,
    /// Set how long and how much of a signal is kept. Applied an hour later, or by [`Command::RetentionApply`].
    RetentionSet {
        /// `traces`, `logs` or `metrics`.
        signal: String,
        /// What is to hold; what is missing is without limit.
        policy: KeepPolicy,
    },
    /// Apply what was set; the object has `dry_run` and `applied`, rows `project signal policy records segments bytes`.
    RetentionApply {
        /// As of this time; now if missing.
        at: Option<i64>,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Keep all signals for so many nanoseconds from now on, and let go of what is older at once; the object is that of
    /// [`Command::RetentionApply`]. [`crate::Ask::RetentionWould`] says before what that would be.
    RetentionKeep {
        /// Nanoseconds.
        keep: i64,
    },
    /// Pin a trace or a period, so that no policy takes it away; the object is `{"id"}`.
    Pin(PinAsk),
    /// Let policies have it again.
    Unpin {
        /// The pin's number.
        id: i64,
    },
    /// Keep something: a search, a note, a statement. What has its name makes room.
    Save {
        /// `search`, `recent`, `sql`, `note`, `report`, `scenario` or `prices`.
        kind: String,
        /// What it is called.
        name: String,
        /// The thing itself.
        value: String,
    },
    /// Keep it no longer.
    Forget {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Write all rows of an answer to a file, however many there are; limits of the question do not count. The object has
    /// `path name rows bytes`, for a folder `files` (rows of `path rows bytes`), and, where something could not be read, `lacking`.
    Export {
        /// Whose rows.
        ask: Box<Ask>,
        /// What kind of file.
        format: RowFormat,
        /// By which it can be stopped, and asked how far it is.
        tag: u64,
        /// Where to, which only the machine's own programs may say; the folder for exports if missing.
        path: Option<String>,
        /// The URI of where a table of Iceberg will lie in the end; where it is written if missing.
        #[serde(default)]
        location: Option<String>,
    },
    /// Attach a ClickHouse, in the place of what has its name.
    SourcePut(Box<SourcePut>),
    /// Say how a table of a source is read, or that it is to be found out.
    SourceMap {
        /// What it is called here.
        name: String,
        /// `traces` or `logs`.
        signal: String,
        /// As [`crate::Ask::SourceMapping`] answers it.
        mapping: Option<serde_json::Value>,
    },
    /// Take over a slice of a source: the object has `files`, one a table, as [`Command::Import`] answers them. An answer that
    /// breaks midway leaves nothing.
    Pull {
        /// What it is called here.
        source: String,
        /// The search language.
        query: String,
        /// Of one signal only.
        signal: Option<String>,
        /// When; both bounds must be there.
        period: Period,
        /// Whether the rest of the traces that match comes along, and their logs.
        whole_traces: bool,
        /// Whether it may read more than is read without being asked.
        #[serde(default)]
        is_heavy: bool,
    },
    /// Make a signed bundle: the object has `path name rows bytes hash fingerprint tables redactions left_out`; tried
    /// only, `rows bytes tables found`.
    Bundle(Box<BundleAsk>),
    /// Make the report of a schedule now: the object has `path bytes pages sha256`, and `told` where there is a webhook.
    ScheduleRun {
        /// What it is called.
        name: String,
    },
    /// Make a key that signs bundles: the object has `fingerprint`.
    KeyNew {
        /// What it is to be called.
        name: String,
        /// What opens it; it lies open, for its owner alone, without.
        passphrase: Option<Hidden>,
    },
    /// Trust the key of someone else.
    KeyTrust {
        /// What it is to be called.
        name: String,
        /// Its public half.
        pem: String,
    },
    /// Trust it no longer.
    KeyDistrust {
        /// What it is called.
        name: String,
    },
    /// Write what was found on paper: the object has `path name bytes pages sha256`.
    Report {
        /// What it says.
        report: Box<ReportAsk>,
        /// What it is written as.
        form: ReportForm,
        /// It is stopped by this.
        tag: u64,
        /// Where to, which only the machine's own programs may say; the folder for exports if missing.
        path: Option<String>,
    },
    /// Detach it, and forget its password.
    SourceRemove {
        /// What it is called here.
        name: String,
    },
    /// Stop the statement or export that runs under this tag.
    Cancel {
        /// As in [`crate::Ask::Sql`].
        tag: u64,
    },
    /// Put aside what is damaged, deleting nothing; the object has `findings`, rows `kind path what`.
    Repair,
    /// Lay all segments together that can be; the object has `segments made bytes_before bytes_after`.
    Compact,
    /// Let the user choose files and take them in; each is told as an event. Only where there are dialogs.
    OpenFiles,
    /// Show these commands in the window's menu. Only where there is one.
    Menu {
        /// In their order.
        items: Vec<MenuItem>,
    },
}

/// Where a source is and who asks there, as [`Command::SourcePut`] keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePut {
    /// What it is called here.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Who asks there.
    #[serde(default)]
    pub user: String,
    /// Sent and kept, never shown. Where none is given, the one that is kept stays.
    #[serde(default)]
    pub password: Option<Hidden>,
    /// Whose tables are meant.
    #[serde(default)]
    pub database: String,
    /// A file with the certificate of its authority.
    #[serde(default)]
    pub ca: Option<String>,
    /// A file with a certificate and its key to show.
    #[serde(default)]
    pub identity: Option<String>,
    /// Where its port is forwarded to, `127.0.0.1:18443`: its own name stays.
    #[serde(default)]
    pub via: Option<String>,
    /// Whether secrets are kept in the keychain of the platform, not in a file; as it is now where this is not given.
    #[serde(default)]
    pub keychain: Option<bool>,
    /// What a proxy wants to be told; sent and kept, never shown. Where none are given, those that are kept stay.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, Hidden>>,
    /// Signals that another source has, or `local`: the store here. What is there stays where this is not given.
    #[serde(default)]
    pub elsewhere: Option<BTreeMap<String, String>>,
    /// What may be read of it.
    #[serde(default)]
    pub limits: ReadLimits,
}

/// Text that is sent and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

impl Command {
    /// Whether what it writes is a folder.
    pub fn is_folder(&self) -> bool {
        matches!(self, Self::Export { format, .. } if format.is_folder())
    }

    /// Where it writes a file, if somebody said so.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Export { path, .. } | Self::Report { path, .. } => path.as_deref(),
            Self::Bundle(ask) => ask.path.as_deref(),
            _ => None,
        }
    }

    /// The same, to be written there.
    #[must_use]
    pub fn with_path(mut self, to: String) -> Self {
        match &mut self {
            Self::Export { path, .. } | Self::Report { path, .. } => *path = Some(to),
            Self::Bundle(ask) => ask.path = Some(to),
            _ => {}
        }
        self
    }

    /// The same, to be written into the folder for exports; and the tag that it runs under.
    #[must_use]
    pub fn without_path(mut self) -> (Self, u64) {
        let tag = match &mut self {
            Self::Export { path, tag, location, .. } => {
                // It is described for the place where it will lie.
                *location = location.take().or_else(|| path.take().map(|path| format!("file://{path}")));
                *path = None;
                *tag
            }
            Self::Report { path, tag, .. } => {
                *path = None;
                *tag
            }
            Self::Bundle(ask) => {
                ask.path = None;
                ask.tag
            }
            _ => 0,
        };
        (self, tag)
    }
}

/// What kind of file rows are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFormat {
    /// With a header.
    Csv,
    /// One array.
    Json,
    /// An object a line.
    Ndjson,
    /// One file.
    Parquet,
    /// An IPC stream.
    Arrow,
    /// OTLP JSON, a message a line, with everything that was sent: of spans, log records and data points only.
    Otlp,
    /// A folder with everything that was sent, a table and a day in a folder of its own.
    ParquetByDay,
    /// The same, each table with what makes it one of Iceberg.
    Iceberg,
}

impl RowFormat {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::Ndjson,
        Self::Json,
        Self::Parquet,
        Self::Arrow,
        Self::Otlp,
        Self::ParquetByDay,
        Self::Iceberg,
    ];

    /// Whether it holds whole records, as they were sent, and not the rows of an answer.
    pub fn is_of_records(self) -> bool {
        matches!(self, Self::Otlp) || self.is_folder()
    }

    /// Whether it is a folder and not a file.
    pub fn is_folder(self) -> bool {
        matches!(self, Self::ParquetByDay | Self::Iceberg)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
            Self::Otlp => "OTLP JSON",
            Self::ParquetByDay => "Parquet by day",
            Self::Iceberg => "Iceberg",
        }
    }

    /// What it is called in flags and addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Otlp => "otlp-json",
            Self::ParquetByDay => "parquet-by-day",
            Self::Iceberg => "iceberg",
        }
    }

    /// What its files end with, or its folder.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrows",
            Self::Otlp => "otlp.jsonl",
            Self::ParquetByDay => "days",
            Self::Iceberg => "iceberg",
        }
    }
}

/// How long and how much of a signal is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeepPolicy {
    /// Only of this project; of all that have no policy of their own if missing.
    pub project: Option<String>,
    /// Nanoseconds.
    pub keep: Option<i64>,
    /// Bytes of segments.
    pub max_bytes: Option<u64>,
    /// Nanoseconds after which segments are compressed harder.
    pub warm_after: Option<i64>,
    /// Nanoseconds after which segments go to `cold_dir`.
    pub cold_after: Option<i64>,
    /// Another directory, on a disk that need not always be there.
    pub cold_dir: Option<String>,
}

/// What is to be pinned: a trace, or a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PinAsk {
    /// `default` if missing.
    pub project: Option<String>,
    /// Of this signal only.
    pub signal: Option<String>,
    /// Hex.
    pub trace: Option<String>,
    /// Records from here on.
    pub from: Option<i64>,
    /// Records before this.
    pub to: Option<i64>,
    /// Why.
    pub note: String,
}

/// A command in a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuItem {
    /// Its name in the table of commands.
    pub id: String,
    /// The menu that it is in.
    pub group: String,
    /// What it is called.
    pub text: String,
    /// `CmdOrCtrl+O`, where a key of the window leads to it.
    pub accelerator: Option<String>,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportedFile {
    /// What it is called.
    pub path: String,
    /// What it was read as; nothing if it is empty or no telemetry.
    pub format: Option<String>,
    /// Records in it, unreadable lines counting as one.
    pub read: u64,
    /// Records kept.
    pub stored: u64,
    /// Records not kept.
    pub skipped: u64,
    /// Why not.
    pub skipped_by_reason: BTreeMap<String, u64>,
    /// The first things that were wrong, with line numbers.
    #[serde(default)]
    pub problems: Vec<String>,
    /// What else is to be said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Of an import.
    Imported(ImportedFile),
    /// Of traffic that was sent to our own receiver.
    Sent {
        /// Spans in it.
        spans: u64,
        /// Log records in it.
        logs: u64,
        /// Metric points in it.
        points: u64,
    },
    /// What was done, where that is more than a word.
    Object {
        /// As the command says.
        object: serde_json::Value,
    },
    /// It is done, or under way.
    Done,
}

/// What may be read of a source; what is not said stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadLimits {
    /// One question may take so long.
    pub seconds: Option<u64>,
    /// More than so many bytes are read only after being asked.
    pub ask_above_bytes: Option<u64>,
    /// One question may never read more.
    pub query_bytes: Option<u64>,
    /// All questions together, since the start.
    pub session_bytes: Option<u64>,
}
