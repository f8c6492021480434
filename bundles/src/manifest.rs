//! `manifest-sha256.txt` and `tagmanifest-sha256.txt`, as `sha256sum` reads them.

use crate::BundleError;
use crate::merkle::Hash;
use crate::name;
use sextant_model::ids::{hex, unhex};
use std::collections::BTreeMap;

/// Files with their hashes, in the order of their names.
pub(crate) fn write(files: &BTreeMap<String, Hash>) -> String {
    files.iter().map(|(name, hash)| format!("{}  {name}\n", hex(hash))).collect()
}

/// What a manifest says. It has to be written as we write it.
pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, Hash>, BundleError> {
    let bad = |n: usize, why: &str| BundleError::bad(file, format!("line {n}: {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_why| BundleError::bad(file, "it is no text"))?;
    let mut all = BTreeMap::new();
    for (i, line) in text.split_terminator('\n').enumerate() {
        let (hash, path) = line.split_once("  ").ok_or_else(|| bad(i + 1, "not a hash and a name"))?;
        let hash: Option<Hash> = unhex(hash.as_bytes()).and_then(|h| h.try_into().ok());
        let hash = hash.ok_or_else(|| bad(i + 1, "no SHA-256 in hex"))?;
        name::check(path)?;
        if all.insert(path.to_owned(), hash).is_some() {
            return Err(bad(i + 1, "the file is named twice"));
        }
    }
    name::check_apart(all.keys().map(String::as_str))?;
    // Capitals, order and line ends have one form, so that one set of files has one manifest.
    if write(&all) != text {
        return Err(BundleError::bad(
            file,
            "it is not written as a manifest is: two blanks, small hex, sorted by name",
        ));
    }
    Ok(all)
}
