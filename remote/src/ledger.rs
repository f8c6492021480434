//! Every statement that was sent, a line each: what, when, by whom, what it read, how it ended.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A statement that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was sent, nanoseconds since 1970.
    pub at: i64,
    /// The source.
    pub source: String,
    /// The user.
    pub user: String,
    /// How the server knows it.
    pub query_id: String,
    /// The statement, values in their places.
    pub statement: String,
    /// Rows that the server read for it.
    pub rows_read: u64,
    /// Bytes that the server read for it.
    pub bytes_read: u64,
    /// Rows that came.
    pub rows: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// How long it took.
    pub micros: u64,
    /// `ok`, `cancelled`, or why it failed.
    pub result: String,
}

/// Where they are written.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Ledger {
    /// The one in this file, which is made when something is sent.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: Mutex::new(None) }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// If that is not possible: then nothing may be sent.
    pub(crate) fn write(&self, entry: &Entry) -> std::io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut opened = OpenOptions::new().create(true).append(true).open(&self.path)?;
            // A line that a power failure cut is not glued to the next one.
            if opened.metadata()?.len() > 0 {
                opened.write_all(b"\n")?;
            }
            *file = Some(opened);
        }
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        match file.as_mut() {
            Some(file) => file.write_all(&line),
            None => Ok(()),
        }
    }

    /// The last `limit` lines, the newest last.
    ///
    /// # Errors
    /// If the file is there and can't be read.
    pub fn last(&self, limit: usize) -> std::io::Result<Vec<Entry>> {
        read(&self.path, limit)
    }
}

fn read(path: &Path, limit: usize) -> std::io::Result<Vec<Entry>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut entries = std::collections::VecDeque::new();
    for line in BufReader::new(file).split(b'\n') {
        // A line that was cut by a power failure is none.
        let Ok(entry) = serde_json::from_slice(&line?) else { continue };
        entries.push_back(entry);
        if entries.len() > limit {
            entries.pop_front();
        }
    }
    Ok(entries.into())
}
