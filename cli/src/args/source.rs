//! Of `source`.

use super::{Format, PeriodArgs, Where};
use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub struct Source {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: SourceCommand,
}

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Attach one, and look at what it has
    Add(SourceAdd),
    /// Change one; what is not said stays
    Edit(SourceEdit),
    /// Those that are attached
    List {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Look at everything that has to be so; exit 1 if nothing of it can be asked
    Test {
        /// What it is called
        name: String,
        /// Write it as Markdown too, for the one who owns the database
        #[arg(long, value_name = "FILE")]
        report: Option<std::path::PathBuf>,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Detach one, and forget its password
    Remove {
        /// What it is called
        name: String,
    },
    /// How a table of it is read: show it, try another way, keep it
    Map(SourceMap),
    /// What telemetry costs there: tables, columns, indexes, days, disks and queries, as far as they may be seen
    Cost {
        /// What it is called
        name: String,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Print one as TOML, without its secrets
    Export {
        /// What it is called
        name: String,
    },
    /// Attach those of a TOML file; one of the same name is changed, its secrets stay
    Import {
        /// As `export` printed it
        #[arg(value_name = "FILE")]
        path: std::path::PathBuf,
    },
    /// What was taken over from sources, the newest first
    Pulls {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Every statement that was sent, the newest first
    Statements {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

#[derive(Debug, ClapArgs)]
pub struct SourceAdd {
    /// What it shall be called
    pub name: String,
    /// Its address: `http://HOST:8123` or `https://HOST:8443`, with the path of a proxy
    #[arg(value_name = "URL")]
    pub address: String,
    #[command(flatten)]
    pub login: Login,
}

#[derive(Debug, ClapArgs)]
pub struct SourceEdit {
    /// What it is called
    pub name: String,
    /// Another address
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,
    #[command(flatten)]
    pub login: Login,
}

#[derive(Debug, ClapArgs)]
pub struct SourceMap {
    /// What it is called
    pub name: String,
    /// `traces` or `logs`
    pub signal: String,
    /// The table, `DATABASE.TABLE`; what its columns mean is guessed by their names
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// An expression for a column: `Body=msg`; without an expression there is no such column
    #[arg(long = "set", value_name = "COLUMN=EXPR")]
    pub columns: Vec<String>,
    /// A map, JSON, or JSON as text with attributes of records
    #[arg(long, value_name = "EXPR")]
    pub attributes: Vec<String>,
    /// The same of resources
    #[arg(long, value_name = "EXPR")]
    pub resource: Vec<String>,
    /// A condition that every row has to meet
    #[arg(long, value_name = "COND")]
    pub filter: Option<String>,
    /// What a number as time counts: ns, us, ms or s
    #[arg(long, value_name = "UNIT")]
    pub time_unit: Option<String>,
    /// What durations count
    #[arg(long, value_name = "UNIT")]
    pub duration_unit: Option<String>,
    /// Only try it; keep nothing
    #[arg(long = "try")]
    pub is_tried: bool,
    /// Forget what was said: it is found out again
    #[arg(long)]
    pub clear: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Login {
    /// The user
    #[arg(long, value_name = "U")]
    pub user: Option<String>,
    /// The variable that holds the password; it is kept in a file that only you can read
    #[arg(long, value_name = "VAR")]
    pub password_env: Option<String>,
    /// Be asked for the password; what is typed is not shown
    #[arg(long, conflicts_with = "password_env")]
    pub ask_password: bool,
    /// Keep password and headers in the keychain of the platform instead; `--keychain=false` takes them back
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub keychain: Option<bool>,
    /// Whose tables are meant; the user's own if not said
    #[arg(long, value_name = "DB")]
    pub database: Option<String>,
    /// A file with the certificate of the server's authority, as PEM
    #[arg(long, value_name = "FILE")]
    pub ca: Option<String>,
    /// A file with a certificate and its key to show to the server, as PEM
    #[arg(long, value_name = "FILE")]
    pub client_cert: Option<String>,
    /// Where its port is forwarded to, as through a jump host (127.0.0.1:18443); its own name is still asked for
    #[arg(long, value_name = "PLACE")]
    pub via: Option<String>,
    /// A header for a proxy, and the variable that holds its value
    #[arg(long = "header", value_name = "NAME=VAR")]
    pub headers: Vec<String>,
    /// What may be read: `time=SECONDS` and `query=SIZE` of one question, `ask=SIZE` before more is asked about,
    /// `session=SIZE` since the start
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub limits: Vec<String>,
    /// A signal that another source has, or this program's own store (logs=prod-logs, metrics=local); `SIGNAL=` takes it back
    #[arg(long, value_name = "SIGNAL=SOURCE")]
    pub elsewhere: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct OfSource {
    /// Ask this ClickHouse, attached with `sextant source add`, instead
    #[arg(long, value_name = "S")]
    pub source: Option<String>,
    /// Let it read more than is read without being asked
    #[arg(long, requires = "source")]
    pub heavy: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Pull {
    #[command(flatten)]
    pub place: Where,
    /// Which one
    #[arg(long, value_name = "S")]
    pub source: String,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Of one signal only: traces, logs or metrics
    #[arg(long, value_name = "SIGNAL")]
    pub signal: Option<String>,
    /// The search; everything if there is none
    #[arg(value_name = "QUERY", default_value = "", hide_default_value = true, conflicts_with = "query_flag")]
    pub query: String,
    #[arg(long = "query", hide = true, allow_hyphen_values = true)]
    pub query_flag: Option<String>,
    /// Let it read more than is read without being asked
    #[arg(long)]
    pub heavy: bool,
    /// With the rest of the traces that match, and their logs
    #[arg(long)]
    pub whole_traces: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}
