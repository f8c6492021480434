//! A trace that is too large for one file: in two segments and in what was not sealed yet.

use sextant_contract::{Ask, Backend as _, Command, Completeness};
use sextant_fixtures::giant::{self, TRACE};
use sextant_workbench::{Options, StoreConfig, Workbench};
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

const PART: u64 = 15_000;
const ALL: u64 = 3 * PART;

fn open(dir: &Path, runtime: &Runtime) -> Workbench {
    Workbench::open(Options { store: StoreConfig::new(dir) }, runtime.handle().clone()).expect("a store")
}

fn take_in(workbench: &Workbench, runtime: &Runtime, part: u64) {
    let import = Command::Import { name: "trace".into(), format: Some("otlp-pb".into()), project: None };
    let body = giant::spans(part * PART, (part + 1) * PART, ALL);
    runtime.block_on(workbench.act(import, body)).expect("it is taken in");
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.join("segments")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "parquet") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_trace_in_several_files_is_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    for part in 0..2 {
        let workbench = open(dir.path(), &runtime);
        take_in(&workbench, &runtime, part);
        workbench.close();
    }
    assert!(segments(dir.path()).len() >= 2, "{:?}", segments(dir.path()));
    let workbench = open(dir.path(), &runtime);
    take_in(&workbench, &runtime, 2);
    let find = |text: &str| {
        let ask = Ask::FindSpans { trace: TRACE.into(), text: text.into() };
        runtime.block_on(workbench.ask(ask)).expect("an answer")
    };
    // Each hundredth span has it, in whatever file it lies.
    let found = find("THINGS/77");
    assert_eq!(found.n_rows() as u64, ALL / 100);
    assert_eq!(found.completeness, Completeness::Complete);
    assert_eq!(find("no such text").n_rows(), 0);
    let skeleton = runtime.block_on(workbench.ask(Ask::Skeleton { id: TRACE.into() })).expect("a tree");
    assert_eq!(skeleton.n_rows() as u64, ALL);
    let unknown = Ask::FindSpans { trace: "1".repeat(32), text: "x".into() };
    assert!(runtime.block_on(workbench.ask(unknown)).is_err(), "a trace that is not there is said to be none");

    // What a damaged file had is said to be missing, and the rest is found.
    let path = segments(dir.path()).remove(0);
    let mut bytes = std::fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[4..middle].fill(0xA5);
    std::fs::write(&path, bytes).expect("it can be written");
    let found = find("things/77");
    assert!(matches!(found.completeness, Completeness::Partial { .. }), "{:?}", found.completeness);
    assert_eq!(found.n_rows() as u64, 2 * PART / 100);
    workbench.close();
}
