//! Takes the built browser UI into the binary: every file of `dist/`, if that was built.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let dist = std::env::var_os("SEXTANT_DIST").map_or_else(|| PathBuf::from("../dist"), PathBuf::from);
    println!("cargo:rerun-if-env-changed=SEXTANT_DIST");
    println!("cargo:rerun-if-changed={}", dist.display());
    let mut code = String::from(
        "/// Path, content type and bytes of each file.\npub(crate) const FILES: &[(&str, &str, &[u8])] = &[\n",
    );
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dist).map(|d| d.flatten().map(|e| e.path()).collect()).unwrap_or_default();
    files.sort();
    for file in files.iter().filter(|f| f.is_file()) {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        writeln!(code, "    ({name:?}, {:?}, include_bytes!({:?})),", content_type(file), path.display()).ok();
    }
    code += "];\n";
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("assets.rs");
    if let Err(e) = std::fs::write(&out, code) {
        println!("cargo:warning=the browser UI could not be taken in: {e}");
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
