//! Of `export` and `pack`.

use super::{What, Where};
use clap::{Args as ClapArgs, ValueEnum};
use sextant_contract::RowFormat;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub struct Pack {
    #[command(flatten)]
    pub place: Where,
    /// A folder that is not there yet
    #[arg(value_name = "FOLDER")]
    pub out: PathBuf,
    /// What the cluster is called, in the files for one
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub cluster: String,
    /// For how many days the tables shall keep records; for ever if not said
    #[arg(long, value_name = "DAYS")]
    pub days: Option<u32>,
    /// Only the tables and the configuration
    #[arg(long)]
    pub without_records: bool,
}

#[derive(Debug, ClapArgs)]
pub struct Export {
    #[command(flatten)]
    pub place: Where,
    #[command(flatten)]
    pub what: What,
    /// The file; one that is there is replaced when the new one is whole. For `parquet-by-day` and `iceberg` a folder that
    /// is not there yet
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// What kind of file [default: what its name ends with]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Where a table of Iceberg will lie in the end, such as `s3://lake/otel` [default: where it is written]
    #[arg(long, value_name = "URI")]
    pub location: Option<String>,
}

/// What kind of file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Ndjson,
    Json,
    Parquet,
    Arrow,
    OtlpJson,
    /// A folder, each day in one of its own
    ParquetByDay,
    /// A folder with tables for lakehouses
    Iceberg,
}

impl ExportFormat {
    /// What a name says that the file is.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = [
            (".csv", Self::Csv),
            (".otlp.jsonl", Self::OtlpJson),
            (".otlp.json", Self::OtlpJson),
            (".ndjson", Self::Ndjson),
            (".jsonl", Self::Ndjson),
            (".json", Self::Json),
            (".parquet", Self::Parquet),
            (".arrow", Self::Arrow),
            (".arrows", Self::Arrow),
            (".iceberg", Self::Iceberg),
        ];
        ends.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, format)| format)
    }

    /// As the contract names it.
    pub fn rows(self) -> RowFormat {
        match self {
            Self::Csv => RowFormat::Csv,
            Self::Ndjson => RowFormat::Ndjson,
            Self::Json => RowFormat::Json,
            Self::Parquet => RowFormat::Parquet,
            Self::Arrow => RowFormat::Arrow,
            Self::OtlpJson => RowFormat::Otlp,
            Self::ParquetByDay => RowFormat::ParquetByDay,
            Self::Iceberg => RowFormat::Iceberg,
        }
    }
}
