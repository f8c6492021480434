//! Records into a folder: each table and each day in a folder of its own, as plain Parquet or as tables of Iceberg.

use crate::workbench::now;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use serde_json::{Value, json};
use sextant_contract::{AskError, Code};
use sextant_exports::{FolderFile, FolderWriter, by_day};
use sextant_lakehouse::{DataFile, IcebergTable};
use sextant_model::{Table, schema};
use std::fmt::Display;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Tables on their way.
pub(crate) struct Folders {
    root: PathBuf,
    /// Where tables of Iceberg will lie; they are plain Parquet otherwise.
    location: Option<String>,
    tables: Vec<(Table, Of)>,
    n_rows: u64,
}

struct Of {
    writer: FolderWriter,
    iceberg: Option<IcebergTable>,
}

fn failed(e: &dyn Display) -> AskError {
    AskError::new(Code::Refused, format!("the folder can't be written: {e}")).hint("choose another place, or make room")
}

impl Folders {
    /// In a folder, which is made.
    pub fn new(root: PathBuf, location: Option<String>) -> Result<Self, AskError> {
        std::fs::create_dir(&root).map_err(|e| failed(&e))?;
        Ok(Self { root, location, tables: Vec::new(), n_rows: 0 })
    }

    fn of(&mut self, table: Table) -> Result<&mut Of, AskError> {
        let known = self.tables.iter().position(|(t, _)| *t == table);
        let i = known.unwrap_or(self.tables.len());
        if known.is_none() {
            let location = self.location.as_ref().map(|at| format!("{}/{}", at.trim_end_matches('/'), table.name()));
            let iceberg = location.map(|at| IcebergTable::new(table, &at)).transpose().map_err(|e| failed(&e))?;
            let columns = iceberg.as_ref().map_or_else(|| schema::arrived(table), |i| i.schema().clone());
            let root = self.root.join(table.name());
            let root = if iceberg.is_some() { root.join("data") } else { root };
            std::fs::create_dir_all(&root).map_err(|e| failed(&e))?;
            self.tables.push((table, Of { writer: FolderWriter::new(root, columns), iceberg }));
        }
        Ok(&mut self.tables[i].1)
    }

    /// Writes whole rows of a table.
    pub fn write(&mut self, table: Table, rows: &RecordBatch) -> Result<(), AskError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = sextant_columns::arrived(table, rows).map_err(|e| failed(&e))?;
        let times = rows.column_by_name(table.time_column());
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let times = times.ok_or_else(|| failed(&"rows have no time"))?;
        let of = self.of(table)?;
        for (day, rows) in by_day(&rows, times.values()).map_err(|e| failed(&e))? {
            let rows = match &of.iceberg {
                Some(iceberg) => iceberg.rows(&rows).map_err(|e| failed(&e))?,
                None => rows,
            };
            of.writer.write(day, &rows).map_err(|e| failed(&e))?;
        }
        self.n_rows += rows.num_rows() as u64;
        Ok(())
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Bytes so far, about.
    pub fn n_bytes(&self) -> u64 {
        self.tables.iter().map(|(_, of)| of.writer.n_bytes()).sum()
    }

    /// Ends all files: `path rows bytes` of those with rows.
    pub fn finish(self) -> Result<Vec<Value>, AskError> {
        let mut all = Vec::new();
        for (table, of) in self.tables {
            let files = of.writer.finish().map_err(|e| failed(&e))?;
            let data = if of.iceberg.is_some() { "data/" } else { "" };
            let named: Vec<(String, FolderFile)> =
                files.into_iter().map(|f| (format!("{data}{}", f.path), f)).collect();
            if let Some(iceberg) = of.iceberg {
                let of_table: Vec<DataFile<'_>> = named
                    .iter()
                    .map(|(path, f)| DataFile { path, day: f.day, n_bytes: f.n_bytes, metadata: &f.metadata })
                    .collect();
                let at = self.root.join(table.name());
                std::fs::create_dir_all(at.join("metadata")).map_err(|e| failed(&e))?;
                for part in iceberg.described(&of_table, now() / 1_000_000).map_err(|e| failed(&e))? {
                    std::fs::write(at.join(&part.path), &part.bytes).map_err(|e| failed(&e))?;
                }
            }
            all.extend(named.iter().map(
                |(path, f)| json!({ "path": format!("{}/{path}", table.name()), "rows": f.n_rows, "bytes": f.n_bytes }),
            ));
        }
        Ok(all)
    }
}

/// A place for a folder, which must be free.
pub(crate) fn free(path: &Path) -> Result<(), AskError> {
    let is_free = match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !path.exists(),
    };
    if is_free {
        return Ok(());
    }
    let message = format!("{} is there already and not empty", path.display());
    Err(AskError::new(Code::Refused, message).hint("name a folder that is not there yet"))
}

/// The folder as one file, for those who can't be given a folder.
pub(crate) fn packed(folder: &Path, name: &str, file: File) -> std::io::Result<File> {
    let mut tar = tar::Builder::new(BufWriter::new(file));
    tar.append_dir_all(name, folder)?;
    Ok(tar.into_inner()?.into_inner()?)
}
