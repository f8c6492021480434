//! Of `bundle` and `keys`.

use super::{Format, PeriodArgs, Where};
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub struct Bundle {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// Make one of what a search finds
    ///
    /// Example: sextant bundle create 'service:checkout' --since 1h --whole-traces --redact all --out incident.sxb
    Create(Box<BundleCreate>),
    /// Check one: whole, unaltered, in date, and whose it is; exit 1 for anything but VALID and VALID-UNTRUSTED-KEY
    ///
    /// Example: sextant bundle verify incident.sxb --pubkey partner.pem
    Verify(BundleVerify),
    /// Say what is in one
    Inspect {
        /// The bundle: a folder, or one file
        path: PathBuf,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Unpack one into a new folder, if it is not INVALID
    Extract {
        /// The bundle
        path: PathBuf,
        /// The folder
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Write a request for a time stamp (RFC 3161), to be sent to an authority
    StampRequest {
        /// The bundle
        path: PathBuf,
        /// Where to
        #[arg(long, value_name = "F.tsq")]
        out: PathBuf,
    },
    /// Take the answer of an authority: it is kept beside the bundle as NAME.tsr
    Stamp {
        /// The bundle
        path: PathBuf,
        /// What the authority sent
        #[arg(value_name = "F.tsr")]
        answer: PathBuf,
    },
    /// Note what was done with one, such as whom it was handed to; `verify` and `open` show it, and note themselves
    Note {
        /// The bundle
        path: PathBuf,
        /// In words
        text: String,
    },
    /// Compare the rows of two
    Diff {
        /// The first
        a: PathBuf,
        /// The second
        b: PathBuf,
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
}

#[derive(Debug, ClapArgs)]
pub struct BundleCreate {
    /// Where to: one file if its name ends in .sxb or .zip, else a folder
    #[arg(long, value_name = "PATH", required_unless_present = "is_tried")]
    pub out: Option<PathBuf>,
    /// The search, applied to each signal for which it makes sense; everything if there is none
    #[arg(value_name = "QUERY", default_value = "", hide_default_value = true, conflicts_with = "query_flag")]
    pub query: String,
    #[arg(long = "query", hide = true, allow_hyphen_values = true)]
    pub query_flag: Option<String>,
    #[command(flatten)]
    pub period: PeriodArgs,
    /// Of a ClickHouse that is attached: what is found is taken over for the bundle, and not kept here
    #[arg(long, value_name = "NAME", conflicts_with_all = ["traces", "pinned"])]
    pub source: Option<String>,
    /// Of a source: go beyond what a question may read, up to the limit for a session
    #[arg(long, requires = "source")]
    pub heavy: bool,
    /// Of these signals only: traces, logs, metrics
    #[arg(long = "signal", value_name = "SIGNAL")]
    pub signals: Vec<String>,
    /// These traces and their logs, and nothing else
    #[arg(long = "trace", value_name = "ID", conflicts_with_all = ["query", "pinned", "whole_traces"])]
    pub traces: Vec<String>,
    /// Everything that is pinned, and nothing else
    #[arg(long, conflicts_with_all = ["query", "whole_traces"])]
    pub pinned: bool,
    /// With the rest of the traces that match, and their logs
    #[arg(long)]
    pub whole_traces: bool,
    /// A name for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub title: String,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub purpose: String,
    /// The private key that signs, as PEM [default: the key of the data directory, made at its first use]
    #[arg(long, value_name = "KEY.pem", conflicts_with = "key_name")]
    pub key: Option<PathBuf>,
    /// A key of the data directory, see `sextant keys list`
    #[arg(long, value_name = "NAME")]
    pub key_name: Option<String>,
    /// The variable with the passphrase of the key
    #[arg(long, value_name = "VAR")]
    pub passphrase_env: Option<String>,
    /// When it is said to be made [default: now]
    #[arg(long, value_name = "T")]
    pub at: Option<String>,
    /// It is not to be used before
    #[arg(long, value_name = "T")]
    pub not_before: Option<String>,
    /// Nor after
    #[arg(long, value_name = "T")]
    pub not_after: Option<String>,
    /// What must not leave, and how: `all`, email, card, iban, ip, jwt, key, phone, or the name of an attribute or column;
    /// `=token` (the same for the same value), `=drop` or `=truncate`
    #[arg(long, value_name = "WHAT[=HOW]")]
    pub redact: Vec<String>,
    /// The same by an expression of your own
    #[arg(long, value_name = "NAME=EXPR")]
    pub redact_pattern: Vec<String>,
    /// In volumes of at most this size, such as 20MB, where it is larger: NAME.001, NAME.002, … `bundle verify` and `open`
    /// take the first; `cat NAME.[0-9]*` is the file
    #[arg(long, value_name = "SIZE", value_parser = sextant_contract::parse_size)]
    pub max_size: Option<u64>,
    /// Only say what would be in it, about how large, and what would be redacted
    #[arg(long = "try")]
    pub is_tried: bool,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct BundleVerify {
    /// The bundle: a folder, or one file
    pub path: PathBuf,
    /// The key that it has to be signed by, as PEM
    #[arg(long, value_name = "F.pem")]
    pub pubkey: Option<PathBuf>,
    /// As if it were this time
    #[arg(long, value_name = "T")]
    pub at: Option<String>,
    /// Print all that was looked at as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Keys {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key that signs
    New {
        /// What it is called
        #[arg(default_value = "default")]
        name: String,
        /// Write it to this file and keep none here
        #[arg(long, value_name = "KEY.pem", conflicts_with = "keychain")]
        out: Option<PathBuf>,
        /// The variable with a passphrase that locks it
        #[arg(long, value_name = "VAR")]
        passphrase_env: Option<String>,
        /// Keep it in the keychain of the platform
        #[arg(long)]
        keychain: bool,
    },
    /// Those that sign, and those that are trusted
    List {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Trust who signed: a public key as PEM, or the key of a bundle
    Trust {
        /// The key, or a bundle that is signed by it
        path: PathBuf,
        /// What it is called here [default: the file's name]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Its fingerprint, as you got it in another way: another key is refused
        #[arg(long, value_name = "SHA256:…")]
        fingerprint: Option<String>,
    },
    /// Trust it no more
    Distrust {
        /// What it is called here
        name: String,
    },
    /// Print a public key as PEM, for those who check what it signed
    Export {
        /// What it is called
        #[arg(default_value = "default")]
        name: String,
        /// Write it to this file
        #[arg(long, value_name = "F.pem")]
        out: Option<PathBuf>,
    },
}
