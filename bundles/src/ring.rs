//! The keys of a data directory: those that sign, those that are trusted, and the one that tokens are made with.

use crate::BundleError;
use crate::keys::{Key, PublicKey, is_encrypted};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key that signs where none is named.
pub const DEFAULT: &str = "default";
const TRUSTED: &str = "trusted";
const TOKENS: &str = "tokens.key";

/// Where a private key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In a file that only its owner may read.
    File,
    /// In such a file, locked with a passphrase.
    Locked,
    /// In the keychain of the platform.
    Keychain,
    /// Nowhere here: only its public half, which is trusted.
    Trusted,
}

impl Kept {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Locked => "locked file",
            Self::Keychain => "keychain",
            Self::Trusted => "trusted",
        }
    }
}

/// A key that is known.
#[derive(Debug, Clone)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// Its public half.
    pub public: PublicKey,
    /// Where the other half is.
    pub kept: Kept,
}

/// The keys of a data directory.
#[derive(Debug, Clone)]
pub struct Ring {
    dir: PathBuf,
}

fn refused(why: String) -> BundleError {
    BundleError::Refused(why)
}

/// Names of keys are names of files.
fn check(name: &str) -> Result<(), BundleError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) && name != TRUSTED {
        return Ok(());
    }
    Err(refused(format!("'{name}' can't be the name of a key: letters, digits, '-' and '_', at most 64 of them")))
}

/// A new file that only its owner may read.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), BundleError> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(BundleError::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(BundleError::io(path))
}

fn read(path: &Path) -> Result<Zeroizing<String>, BundleError> {
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(BundleError::io(path))
}

fn make_dir(dir: &Path) -> Result<(), BundleError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(BundleError::io(dir))
}

/// What files of an ending are called, in order.
fn names(dir: &Path, ending: &str) -> Result<Vec<String>, BundleError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(BundleError::io(dir)(e)),
    };
    let names = entries.flatten().filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(ending)?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

impl Ring {
    /// Those of a data directory.
    pub fn of(data: &Path) -> Self {
        Self { dir: data.join("keys") }
    }

    fn private_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pem"))
    }

    fn public_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pub.pem"))
    }

    /// What an entry of the keychain is called.
    fn entry(&self, name: &str) -> String {
        let dir = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
        format!("signing key {name} of {}", dir.display())
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// If there is one of this name, or it can't be kept.
    pub fn add(
        &self,
        name: &str,
        key: &Key,
        passphrase: Option<&str>,
        in_keychain: bool,
    ) -> Result<Known, BundleError> {
        check(name)?;
        make_dir(&self.dir)?;
        if self.public_path(name).exists() || self.private_path(name).exists() {
            return Err(refused(format!("there is a key called '{name}' already; give the new one another name")));
        }
        let pem = key.to_pem(passphrase)?;
        let kept = if in_keychain {
            sextant_keychain::put(&self.entry(name), &pem).map_err(|e| {
                refused(format!("{e}; without --keychain the key is kept in a file, which --passphrase-env locks"))
            })?;
            Kept::Keychain
        } else {
            write_new(&self.private_path(name), pem.as_bytes(), 0o600)?;
            if passphrase.is_some() { Kept::Locked } else { Kept::File }
        };
        write_new(&self.public_path(name), key.public().to_pem().as_bytes(), 0o644)?;
        Ok(Known { name: name.to_owned(), public: key.public(), kept })
    }

    /// A key that signs.
    ///
    /// # Errors
    /// If there is none of this name, or it stays locked.
    pub fn key(&self, name: &str, passphrase: Option<&str>) -> Result<Key, BundleError> {
        check(name)?;
        let path = self.private_path(name);
        if path.exists() {
            return Key::from_pem(&read(&path)?, passphrase);
        }
        if !self.public_path(name).exists() {
            let names: Vec<String> =
                self.all()?.into_iter().filter(|k| k.kept != Kept::Trusted).map(|k| k.name).collect();
            let there = if names.is_empty() {
                "make one with: sextant keys new".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            return Err(refused(format!("there is no key called '{name}'; {there}")));
        }
        let pem = sextant_keychain::get(&self.entry(name)).map_err(|e| refused(e.to_string()))?;
        let pem =
            pem.map(Zeroizing::new).ok_or_else(|| refused(format!("the keychain has no key '{name}' any more")))?;
        Key::from_pem(&pem, passphrase)
    }

    /// Whether a key can be had without anybody saying anything.
    pub fn has(&self, name: &str) -> bool {
        self.public_path(name).exists() || self.private_path(name).exists()
    }

    /// All that are known: those that sign, then those that are trusted.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn all(&self) -> Result<Vec<Known>, BundleError> {
        let mut all = Vec::new();
        for name in names(&self.dir, ".pub.pem")? {
            let public = PublicKey::from_pem(&read(&self.public_path(&name))?)?;
            let private = self.private_path(&name);
            let kept = match private.exists() {
                false => Kept::Keychain,
                true if is_encrypted(&read(&private)?) => Kept::Locked,
                true => Kept::File,
            };
            all.push(Known { name, public, kept });
        }
        let trusted = self.dir.join(TRUSTED);
        for name in names(&trusted, ".pem")? {
            let path = trusted.join(format!("{name}.pem"));
            all.push(Known { public: PublicKey::from_pem(&read(&path)?)?, name, kept: Kept::Trusted });
        }
        Ok(all)
    }

    /// Trusts a key: what it signed is valid.
    ///
    /// # Errors
    /// If another one is trusted under this name.
    pub fn trust(&self, name: &str, key: &PublicKey) -> Result<(), BundleError> {
        check(name)?;
        let dir = self.dir.join(TRUSTED);
        make_dir(&dir)?;
        let path = dir.join(format!("{name}.pem"));
        if path.exists() {
            let there = PublicKey::from_pem(&read(&path)?)?;
            if there == *key {
                return Ok(());
            }
            return Err(refused(format!(
                "another key is trusted as '{name}': {}; choose another name",
                there.fingerprint()
            )));
        }
        write_new(&path, key.to_pem().as_bytes(), 0o644)
    }

    /// Trusts it no more. Whether it was.
    ///
    /// # Errors
    /// If its file can't be removed.
    pub fn distrust(&self, name: &str) -> Result<bool, BundleError> {
        check(name)?;
        let path = self.dir.join(TRUSTED).join(format!("{name}.pem"));
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(BundleError::io(&path)(e)),
        }
    }

    /// Fingerprints of the keys that are trusted: one's own, and those that were said to be.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn trusted(&self) -> Result<BTreeSet<String>, BundleError> {
        Ok(self.all()?.into_iter().map(|k| k.public.fingerprint()).collect())
    }

    /// The key that tokens are made with, which never leaves: made at its first use.
    ///
    /// # Errors
    /// If it can't be read or made.
    pub fn tokens(&self) -> Result<[u8; 32], BundleError> {
        let path = self.dir.join(TOKENS);
        if !path.exists() {
            make_dir(&self.dir)?;
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *key).map_err(|e| refused(format!("there is no randomness: {e}")))?;
            match write_new(&path, &*key, 0o600) {
                // Another one made it just now.
                Err(BundleError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        let bytes = std::fs::read(&path).map_err(BundleError::io(&path))?;
        bytes
            .try_into()
            .map_err(|_other| refused(format!("{} is no key for tokens: it needs 32 bytes", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_are_kept_listed_and_trusted() {
        let dir = tempfile::tempdir().expect("a directory");
        let ring = Ring::of(dir.path());
        assert!(ring.all().expect("none").is_empty());
        assert!(ring.key(DEFAULT, None).expect_err("none").to_string().contains("keys new"));
        let (key, locked, other) = (Key::generate(), Key::generate(), Key::generate());
        let (key, locked, other) = (key.expect("a key"), locked.expect("a key"), other.expect("a key"));
        ring.add(DEFAULT, &key, None, false).expect("it is kept");
        ring.add("team", &locked, Some("open sesame"), false).expect("it is kept");
        assert!(ring.add("team", &other, None, false).is_err(), "the name is taken");
        let mode = std::fs::metadata(dir.path().join("keys/default.pem")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(ring.key(DEFAULT, None).expect("a key").public(), key.public());
        assert!(ring.key("team", None).is_err());
        assert_eq!(ring.key("team", Some("open sesame")).expect("a key").public(), locked.public());
        ring.trust("partner", &other.public()).expect("it is trusted");
        ring.trust("partner", &other.public()).expect("still");
        assert!(ring.trust("partner", &key.public()).is_err());
        let all: Vec<(String, Kept)> = ring.all().expect("all").into_iter().map(|k| (k.name, k.kept)).collect();
        let expected = [("default", Kept::File), ("team", Kept::Locked), ("partner", Kept::Trusted)];
        assert_eq!(all, expected.map(|(n, k)| (n.to_owned(), k)));
        assert_eq!(ring.trusted().expect("all").len(), 3);
        assert!(ring.distrust("partner").expect("it goes") && !ring.distrust("partner").expect("it is gone"));
        assert_eq!(ring.tokens().expect("a key"), ring.tokens().expect("the same"));
        for name in ["", "../x", "a b", "trusted"] {
            assert!(ring.add(name, &other, None, false).is_err(), "{name}");
        }
    }
}
