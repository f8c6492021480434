//! Chores: `cargo xtask wasm [PROFILE]` builds the browser page into `dist/`, `tidy` checks what no compiler sees,
//! `grammar` draws the search language,
//! `setup` makes the machine able to build and test, `bench` prints the figures of `docs/BENCHMARKS.md`.

mod grammar;
mod tidy;

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::Command;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["wasm"] => wasm("wasm-quick"),
        ["wasm", profile] => wasm(profile),
        ["tidy"] => tidy::check(root()?),
        ["grammar"] => grammar::write(root()?),
        ["setup"] => run("xtask/setup.sh", &["test"]),
        ["bench"] => run("make", &["bench"]),
        ["bench", "ui"] => bench_ui(),
        ["bench", args @ ..] => bench(args),
        _ => bail!(
            "usage: cargo xtask wasm [wasm-quick|wasm-release] | tidy | grammar | setup | bench [ui|ingest|query|soak|remote|handover …]"
        ),
    }
}

fn root() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")
}

fn run(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program).current_dir(root()?).args(args).status()?;
    if status.success() { Ok(()) } else { bail!("{program} failed") }
}

/// Figures of the store, by programs that are built like those that users run.
fn bench(args: &[&str]) -> anyhow::Result<()> {
    run("cargo", &["build", "--quiet", "--profile", "quick", "--workspace"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| std::path::PathBuf::from("target"), Into::into);
    run(&root()?.join(target).join("quick/bench").to_string_lossy(), args)
}

/// Figures of the screens: a trace of a million spans and ten million log records.
fn bench_ui() -> anyhow::Result<()> {
    let dir = Path::new("/var/tmp").join(format!("sextant-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let made = bench(&["logs", &dir.to_string_lossy(), "--millions", "10"]);
    let measured = made.and_then(|()| {
        let status = Command::new("cargo")
            .current_dir(root()?)
            .args(["bench", "--quiet", "--profile", "quick", "--workspace", "--bench", "frames"])
            .env("SEXTANT_SPANS", "1000000")
            .env("SEXTANT_DATA", &dir)
            .status()?;
        if status.success() { bench(&["page"]) } else { bail!("the frames could not be measured") }
    });
    std::fs::remove_dir_all(&dir)?;
    measured
}

/// The UI for the browser: compiled, bound, and put beside its page.
fn wasm(profile: &str) -> anyhow::Result<()> {
    let root = root()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let status = Command::new("cargo")
        .current_dir(root)
        .args([
            "build",
            "--quiet",
            "--package",
            "sextant-ui",
            "--lib",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            profile,
        ])
        .status()?;
    if !status.success() {
        bail!("the UI does not compile for the browser");
    }
    let out = std::env::var_os("SEXTANT_DIST").map_or_else(|| root.join("dist"), Into::into);
    std::fs::create_dir_all(&out)?;
    let module = target.join("wasm32-unknown-unknown").join(profile).join("sextant_ui.wasm");
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&module)
        .web(true)?
        .typescript(false)
        .out_name("ui")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&out)?;
    for file in ["index.html", "boot.js", "style.css"] {
        std::fs::copy(root.join("ui/web").join(file), out.join(file))?;
    }
    Ok(())
}
