//! Iceberg: what makes a folder of Parquet files a table that lakehouses read. Version 2 of the format, whose times have
//! microseconds: each column with a time has one beside it, `…UnixNano`, with every digit.

mod rows;
mod table;

pub use table::{DataFile, IcebergTable, Part};

/// What can't be written as an Iceberg table.
#[derive(Debug, thiserror::Error)]
pub enum LakehouseError {
    /// A value that Iceberg has no room for.
    #[error("a value of {column} does not fit into an Iceberg table: {why}")]
    Value {
        /// The column.
        column: String,
        /// What Arrow says.
        why: String,
    },
    /// Columns that are not the table's.
    #[error("rows have no column {0}")]
    Column(String),
    /// What the format's own library says.
    #[error("the Iceberg table can't be described: {0}")]
    Iceberg(Box<iceberg::Error>),
}

impl From<iceberg::Error> for LakehouseError {
    fn from(e: iceberg::Error) -> Self {
        Self::Iceberg(Box::new(e))
    }
}
