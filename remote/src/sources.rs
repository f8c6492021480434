//! The sources that a data directory knows: a file that people may edit, and a file of secrets that only its owner may
//! read.

use crate::{Connection, Kind, RemoteError, Secret};
use serde::{Deserialize, Serialize};
use sextant_model::{Signal, Table};
use sextant_queries::clickhouse::Mapping;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A cluster that was attached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is called here.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The database; the user's own if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// A certificate of the authority that the server's is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// A certificate with its key to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<PathBuf>,
    /// Where its port is forwarded to, as through a jump host: `127.0.0.1:18443`. Its own name is still asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Whether its secrets are in the keychain of the platform.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keychain: bool,
    /// Signals that another source has (its name), or the store here (`local`): traces here, logs there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<String, String>,
    /// What a question may take without being asked about.
    #[serde(default, skip_serializing_if = "Guard::is_default")]
    pub limits: Guard,
    /// How its spans are read, where that can't be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Mapping>,
    /// How its log records are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Mapping>,
}

/// What may be read of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// One question may take so long.
    pub seconds: u64,
    /// More than so many bytes are read only after being asked.
    pub ask_above_bytes: u64,
    /// One question may never read more.
    pub query_bytes: u64,
    /// All questions together, since the start.
    pub session_bytes: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            seconds: 60,
            ask_above_bytes: 2_000_000_000,
            query_bytes: 50_000_000_000,
            session_bytes: 200_000_000_000,
        }
    }
}

impl Guard {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Source {
    /// What was written of its tables.
    #[must_use]
    pub fn mappings(&self) -> BTreeMap<Table, Mapping> {
        let all = [(Table::Traces, &self.traces), (Table::Logs, &self.logs)];
        all.into_iter().filter_map(|(table, m)| Some((table, m.clone()?))).collect()
    }
}

/// What nobody else may know of a source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// The password.
    #[serde(default, skip_serializing_if = "Secret::is_empty")]
    pub password: Secret,
    /// Headers for proxies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    source: Vec<Source>,
}

/// The files of a data directory.
#[derive(Debug, Clone)]
pub struct Sources {
    dir: PathBuf,
}

const SOURCES: &str = "sources.toml";
const SECRETS: &str = "secrets.toml";
/// Longer names are refused.
const MAX_NAME: usize = 64;
/// The store of this program, where a source is named.
pub const LOCAL: &str = "local";

fn refused(why: impl Into<String>) -> RemoteError {
    RemoteError::new(Kind::Refused, why)
}

fn locked(name: &str, e: &sextant_keychain::KeychainError) -> RemoteError {
    let hint = "unlock it, or keep the password in a file that only you can read";
    refused(e.to_string()).hint(format!("{hint}: sextant source edit {name} --keychain=false --ask-password"))
}

impl Sources {
    /// Those of a data directory.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The file of the ledger of statements.
    #[must_use]
    pub fn ledger_path(&self) -> PathBuf {
        self.dir.join("statements.jsonl")
    }

    fn read<T: Default + for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, RemoteError> {
        let path = self.dir.join(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
            Err(e) => return Err(refused(format!("{} can't be read: {e}", path.display()))),
        };
        // What the parser says quotes the line: not of a file of secrets.
        toml::from_str(&text).map_err(|e| {
            let why = if name == SECRETS { "it is not as it was written here".to_owned() } else { e.to_string() };
            refused(format!("{} makes no sense: {why}", path.display()))
        })
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), RemoteError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.dir.join(name);
        let failed = |e: &dyn std::fmt::Display| refused(format!("{} can't be written: {e}", path.display()));
        let text = toml::to_string_pretty(value).map_err(|e| failed(&e))?;
        std::fs::create_dir_all(&self.dir).map_err(|e| failed(&e))?;
        let new = self.dir.join(format!("{name}.new"));
        std::fs::remove_file(&new).ok();
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(|e| failed(&e))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
        std::fs::rename(&new, &path).map_err(|e| failed(&e))
    }

    /// All of them, by name.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn all(&self) -> Result<Vec<Source>, RemoteError> {
        let mut all = self.read::<File>(SOURCES)?.source;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// One, without its secrets.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn find(&self, name: &str) -> Result<Source, RemoteError> {
        let all = self.all()?;
        all.iter().find(|s| s.name == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
            let hint = if names.is_empty() {
                "attach one with: sextant source add NAME URL".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            RemoteError::new(Kind::Missing, format!("there is no source called '{name}'")).hint(hint)
        })
    }

    /// What an entry of the keychain is called.
    fn entry(&self, name: &str) -> String {
        let dir = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
        format!("source {name} of {}", dir.display())
    }

    fn secrets(&self, source: &Source) -> Result<Secrets, RemoteError> {
        if !source.keychain {
            return Ok(self.read::<BTreeMap<String, Secrets>>(SECRETS)?.remove(&source.name).unwrap_or_default());
        }
        let text = sextant_keychain::get(&self.entry(&source.name)).map_err(|e| locked(&source.name, &e))?;
        let text = text.ok_or_else(|| {
            refused(format!("the keychain has no password of '{}'", source.name))
                .hint(format!("give it again: sextant source edit {} --ask-password", source.name))
        })?;
        // What the parser says quotes the line.
        toml::from_str(&text)
            .map_err(|_secret| refused(format!("what the keychain has of '{}' makes no sense", source.name)))
    }

    /// One, with what is needed to reach it.
    ///
    /// # Errors
    /// If there is none of this name, or its secrets can't be had.
    pub fn get(&self, name: &str) -> Result<(Source, Connection), RemoteError> {
        let source = self.find(name)?;
        let own = self.secrets(&source)?;
        let connection = Connection {
            url: source.url.clone(),
            database: source.database.clone(),
            user: source.user.clone(),
            password: own.password,
            headers: own.headers,
            ca: source.ca.clone(),
            identity: source.identity.clone(),
            via: source.via.clone(),
        };
        Ok((source, connection))
    }

    /// Keeps one, in the place of what had its name. Secrets stay as they were where none are given.
    ///
    /// # Errors
    /// If its name or address can't be, or the files can't be written.
    pub fn put(&self, source: Source, secrets: Option<Secrets>) -> Result<(), RemoteError> {
        let name = &source.name;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
            return Err(refused(format!("'{name}' can't be the name of a source"))
                .hint("letters, digits, '-', '_' and '.', at most 64 of them"));
        }
        if name == LOCAL {
            return Err(refused("'local' is the store of this program").hint("give it another name"));
        }
        self.check_elsewhere(&source)?;
        let name = name.clone();
        let leaves_keychain = !source.keychain && self.find(&name).is_ok_and(|before| before.keychain);
        Connection { url: source.url.clone(), ..Connection::default() }.address()?;
        if let Some(secrets) = secrets {
            if source.keychain {
                let text = toml::to_string(&secrets).map_err(|e| refused(format!("secrets can't be written: {e}")))?;
                sextant_keychain::put(&self.entry(&name), &text).map_err(|e| locked(&name, &e))?;
            }
            self.keep_secrets(&name, (!source.keychain).then_some(secrets))?;
        }
        let mut file = self.read::<File>(SOURCES)?;
        file.source.retain(|s| s.name != name);
        file.source.push(source);
        self.write(SOURCES, &file)?;
        if leaves_keychain { self.leave_keychain(&name) } else { Ok(()) }
    }

    /// Takes the secrets of a source out of the keychain. Where there is no keychain any more, nothing is left to take.
    fn leave_keychain(&self, name: &str) -> Result<(), RemoteError> {
        use sextant_keychain::KeychainError;
        match sextant_keychain::remove(&self.entry(name)) {
            Ok(()) | Err(KeychainError::Missing(_)) => Ok(()),
            Err(e) => Err(refused(format!("that is done, but the password stays in the keychain: {e}"))
                .hint(format!("delete its entry yourself: '{}'", self.entry(name)))),
        }
    }

    /// Writes the secrets of a source to their file, or takes them from it.
    fn keep_secrets(&self, name: &str, secrets: Option<Secrets>) -> Result<(), RemoteError> {
        let mut all = self.read::<BTreeMap<String, Secrets>>(SECRETS)?;
        let is_new = match secrets {
            Some(secrets) => {
                all.insert(name.to_owned(), secrets);
                true
            }
            None => all.remove(name).is_some(),
        };
        if is_new { self.write(SECRETS, &all) } else { Ok(()) }
    }

    /// Signals lie in other sources that are known.
    fn check_elsewhere(&self, source: &Source) -> Result<(), RemoteError> {
        if source.elsewhere.is_empty() {
            return Ok(());
        }
        let known: Vec<String> = self.all()?.into_iter().map(|s| s.name).filter(|n| *n != source.name).collect();
        for (signal, place) in &source.elsewhere {
            if !Signal::ALL.iter().any(|s| s.name() == signal) {
                return Err(refused(format!("there is no signal '{signal}'")).hint("traces, logs or metrics"));
            }
            if place != LOCAL && !known.contains(place) {
                let why = format!("{signal} can't be asked of '{place}': no other source is called so");
                return Err(refused(why).hint(format!("there are: {}", [known.join(", "), LOCAL.into()].join(", "))));
            }
        }
        Ok(())
    }

    /// Forgets one, with its secrets.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn remove(&self, name: &str) -> Result<(), RemoteError> {
        let source = self.find(name)?;
        let mut file = self.read::<File>(SOURCES)?;
        file.source.retain(|s| s.name != name);
        self.write(SOURCES, &file)?;
        self.keep_secrets(name, None)?;
        if source.keychain { self.leave_keychain(name) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn sources_are_kept_and_secrets_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let sources = Sources::of(dir.path());
        assert_eq!(sources.all().expect("none"), []);
        let source =
            Source { name: "prod".into(), url: "http://h:8123".into(), user: "ro".into(), ..Source::default() };
        let secrets = Secrets { password: Secret::new("hunter2"), ..Secrets::default() };
        sources.put(source.clone(), Some(secrets)).expect("it is kept");
        let text = std::fs::read_to_string(dir.path().join(SOURCES)).expect("a file");
        assert!(text.contains("prod") && !text.contains("hunter2"), "{text}");
        for name in [SOURCES, SECRETS] {
            let mode = std::fs::metadata(dir.path().join(name)).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        // Another address, the same password.
        let moved = Source { url: "https://h:8443".into(), ..source };
        sources.put(moved.clone(), None).expect("it is kept");
        let (found, connection) = sources.get("prod").expect("it is there");
        assert_eq!((found, connection.password), (moved, Secret::new("hunter2")));
        assert!(sources.get("other").expect_err("none").hint.expect("a hint").contains("prod"));
        sources.remove("prod").expect("it goes");
        assert!(!std::fs::read_to_string(dir.path().join(SECRETS)).expect("a file").contains("hunter2"));
        for name in ["", "a b", "../x", "ä"] {
            let bad = Source { name: name.into(), url: "http://h".into(), ..Source::default() };
            assert!(sources.put(bad, None).is_err(), "{name}");
        }
        std::fs::write(dir.path().join(SECRETS), "[prod]\npassword = 'hunter2").expect("a file");
        std::fs::write(dir.path().join(SOURCES), "[[source]]\nname='prod'\nurl='http://h'").expect("a file");
        let error = sources.get("prod").expect_err("nonsense");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
