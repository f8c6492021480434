//! What a file of a bundle may be called: nothing that means another place on some system.

use crate::BundleError;
use std::collections::BTreeMap;

/// Longer names are refused.
const MAX_NAME: usize = 240;
/// More files than this are no bundle of ours.
pub(crate) const MAX_FILES: usize = 100_000;
/// Names that are devices on some systems.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com1", "lpt1"];

/// Refuses a name that could lead out of the bundle, or that not every system can hold.
pub(crate) fn check(name: &str) -> Result<(), BundleError> {
    let refuse = |why: &str| Err(BundleError::bad(&shown(name), why));
    if name.is_empty() || name.len() > MAX_NAME {
        return refuse("names have 1 to 240 bytes");
    }
    if name.starts_with('/') {
        return refuse("an absolute path");
    }
    if let Some(c) =
        name.chars().find(|c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
    {
        return refuse(&format!("{c:?} can't stand in a name"));
    }
    for part in name.split('/') {
        match part {
            "" => return refuse("an empty part in its path"),
            "." | ".." => return refuse("its path leads elsewhere"),
            _ => {}
        }
        let stem = part.split('.').next().unwrap_or_default().to_lowercase();
        if DEVICES.contains(&stem.as_str()) {
            return refuse("the name of a device");
        }
        if part.ends_with('.') || part.ends_with(' ') {
            return refuse("a part of its path ends with a dot or a blank");
        }
    }
    Ok(())
}

/// Refuses names that are the same to systems that don't tell capitals apart.
pub(crate) fn check_apart<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), BundleError> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        match seen.insert(name.to_lowercase(), name) {
            Some(other) if other == name => return Err(BundleError::bad(name, "it is there twice")),
            Some(other) => return Err(BundleError::bad(name, format!("only capitals tell it from {other}"))),
            None => {}
        }
    }
    Ok(())
}

/// A name that can be printed, whatever is in it.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(120).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        for name in ["data/traces/date=2026-11-20/part-000.parquet", "bagit.txt", "VERIFY.md", "data/ä.txt"] {
            check(name).expect("a plain name");
        }
        let long = "x".repeat(300);
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            "./a",
            "C:x",
            "a\\b",
            "a\nb",
            "a\0",
            "nul",
            "data/CON.txt",
            "a.",
            &long,
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
        check_apart(["a", "b"].into_iter()).expect("they differ");
        assert!(check_apart(["a", "A"].into_iter()).is_err());
        assert!(check_apart(["a", "a"].into_iter()).is_err());
    }
}
