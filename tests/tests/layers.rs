//! The rooms and who may use whom, held against `cargo metadata`.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Each room and the rooms that it may use; the table of `docs/ARCHITECTURE.md`.
const ROOMS: [(&str, &[&str]); 23] = [
    ("model", &[]),
    ("contract", &["model"]),
    ("importers", &["model", "columns"]),
    ("exports", &["model", "contract", "importers"]),
    ("lakehouse", &["model"]),
    ("columns", &["model"]),
    ("bundles", &["model", "columns", "keychain"]),
    ("queries", &["model"]),
    ("analysis", &["model"]),
    ("simulators", &["model", "columns"]),
    ("store", &["model", "columns"]),
    ("receiver", &["model", "importers"]),
    ("keychain", &[]),
    ("remote", &["model", "columns", "queries", "keychain"]),
    (
        "workbench",
        &[
            "model",
            "contract",
            "importers",
            "exports",
            "lakehouse",
            "bundles",
            "columns",
            "queries",
            "analysis",
            "store",
            "receiver",
            "remote",
            "reports",
            "simulators",
            "fixtures",
        ],
    ),
    ("server", &["model", "contract", "bundles", "workbench", "receiver"]),
    (
        "cli",
        &[
            "model",
            "contract",
            "exports",
            "bundles",
            "reports",
            "analysis",
            "simulators",
            "workbench",
            "server",
            "fixtures",
        ],
    ),
    ("fixtures", &["model"]),
    ("charts", &["model", "contract"]),
    ("reports", &["model", "contract", "exports", "charts"]),
    ("ui", &["model", "queries", "contract", "charts"]),
    ("window", &["contract", "reports", "server", "ui"]),
    ("desktop", &["contract", "reports", "server"]),
];
/// Crates of which a second version in the tree is an error.
const ONE_VERSION: [&str; 9] = ["egui", "eframe", "arrow", "parquet", "tokio", "prost", "duckdb", "winit", "tauri"];
/// Licences that may be linked.
const LICENCES: [&str; 17] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "BSL-1.0",
    "CC0-1.0",
    "Unicode-3.0",
    "MIT-0",
    "MPL-2.0",
    "OFL-1.1",
    "Ubuntu-font-1.0",
    "bzip2-1.0.6",
    "CDLA-Permissive-2.0",
];

#[test]
fn rooms_use_only_what_the_table_says() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata runs");
    let rooms: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut seen = BTreeSet::new();
    for package in &metadata.packages {
        let Some(room) = package.name.strip_prefix("sextant-").filter(|r| *r != "tests") else { continue };
        assert!(package.description.as_ref().is_some_and(|d| !d.is_empty()), "{room} has no description");
        let allowed = rooms.get(room).unwrap_or_else(|| panic!("{room} is not in the table of rooms"));
        seen.insert(room.to_owned());
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            if let Some(used) = dependency.name.strip_prefix("sextant-") {
                assert!(allowed.contains(&used), "{room} may not use {used}");
            }
        }
    }
    // The page that people read says the same.
    let page = std::fs::read_to_string("../docs/ARCHITECTURE.md").expect("the page is there");
    for line in page.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").collect();
        let folder = cells[0].trim_matches(['`', '/']);
        let room = if folder == "src-tauri" { "desktop" } else { folder };
        let (Some(allowed), Some(said)) = (rooms.get(room), cells.last()) else { continue };
        if said.starts_with("all above") || *said == "any" {
            continue;
        }
        let said: BTreeSet<&str> = said.split(", ").filter(|s| *s != "–").collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(said, allowed, "ARCHITECTURE.md says otherwise of {room}");
    }
    let named: BTreeSet<String> = rooms.keys().map(|r| (*r).to_owned()).collect();
    assert_eq!(seen, named, "the table names the rooms that there are");
}

#[test]
fn big_crates_come_once_and_licences_are_known() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    for name in ONE_VERSION {
        let versions: BTreeSet<String> =
            metadata.packages.iter().filter(|p| *p.name == *name).map(|p| p.version.to_string()).collect();
        assert!(versions.len() <= 1, "{name} is in the tree in versions {versions:?}");
    }
    for package in metadata.packages.iter().filter(|p| p.source.is_some()) {
        let licence = package.license.clone().unwrap_or_default();
        let is_known = licence.split(" OR ").flat_map(|l| l.split('/')).any(|choice| {
            choice.split(" AND ").all(|l| {
                let l = l.trim().trim_matches(['(', ')']);
                LICENCES.contains(&l.split(" WITH ").next().unwrap_or(l))
            })
        });
        assert!(is_known || package.license_file.is_some(), "{} has the licence '{licence}'", package.name);
    }
}
