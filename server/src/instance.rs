//! `instance.json`: who holds a data directory, where it listens, and the token that reading wants.

use crate::ServerError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// A running instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its process.
    pub pid: u32,
    /// What reading and changing over HTTP wants.
    pub token: String,
    /// Where it listens, by name.
    pub listeners: BTreeMap<String, String>,
}

fn path(dir: &Path) -> PathBuf {
    dir.join("instance.json")
}

/// A token that nobody can guess: 256 bits as hex.
pub(crate) fn new_token() -> Result<String, ServerError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| ServerError::Random(e.to_string()))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// The token of a data directory: made once and kept for its owner, so that a browser stays signed in.
pub(crate) fn token_of(dir: &Path) -> Result<String, ServerError> {
    let path = dir.join("token");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let is_ours = || std::fs::metadata(&path).is_ok_and(|m| m.permissions().mode().trailing_zeros() >= 6);
    if kept.len() == 64 && kept.bytes().all(|b| b.is_ascii_hexdigit()) && is_ours() {
        return Ok(kept);
    }
    let token = new_token()?;
    write_private(dir, "token", token.as_bytes())?;
    Ok(token)
}

/// Writes a file for its owner's eyes only, whole or not at all.
fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), ServerError> {
    let (aside, target) = (dir.join(format!("{name}.new")), dir.join(name));
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| ServerError::File { what, path, source }
    };
    if aside.exists() {
        std::fs::remove_file(&aside).map_err(failed("remove", &aside))?;
    }
    let mut file: File =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(failed("create", &aside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", &aside))?;
    std::fs::rename(&aside, &target).map_err(failed("rename into", &target))
}

impl Instance {
    /// Writes the file for its owner's eyes only.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), ServerError> {
        write_private(dir, "instance.json", &serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// Takes the file away, if it is this instance's.
    pub(crate) fn remove(&self, dir: &Path) {
        let is_ours = std::fs::read(path(dir)).ok().and_then(|b| serde_json::from_slice::<Self>(&b).ok());
        if is_ours.is_some_and(|i| i.token == self.token) {
            // If it stays, the next start replaces it.
            std::fs::remove_file(path(dir)).ok();
        }
    }
}

/// Takes away what a program left that was killed. Only whoever holds the lock may do that.
pub fn clear_stale(dir: &Path) {
    // If it stays, the next start replaces it.
    std::fs::remove_file(path(dir)).ok();
}

/// The instance that holds `dir`, if one does: its lock is held and its file is there.
pub fn find(dir: &Path) -> Option<Instance> {
    let lock = File::options().write(true).open(dir.join("lock")).ok()?;
    match lock.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {}
        _ => return None,
    }
    serde_json::from_slice(&std::fs::read(path(dir)).ok()?).ok()
}
