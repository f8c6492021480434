//! Names the commands that the page may call, and sees to it that there is a page to take in.

use std::path::Path;

/// The page's folder; `tauri.conf.json` names it too.
const DIST: &str = "../dist";
/// What stands there until the real page is built.
const NO_PAGE: &str = "<!doctype html><title>Sextant</title><p>This program was built without its page. \
    Build it with: cargo xtask wasm";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={DIST}");
    let index = Path::new(DIST).join("index.html");
    if !index.exists() {
        std::fs::create_dir_all(DIST)?;
        std::fs::write(index, NO_PAGE)?;
    }
    let commands = tauri_build::AppManifest::new().commands(&["ask", "act", "subscribe"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))?;
    Ok(())
}
