//! `import`.

use crate::args::{Import, ImportFormat};
use crate::output::note;
use crate::reach::Reach;
use serde_json::json;
use sextant_bundles::Bag;
use sextant_contract::{AskError, Code, Command, ImportedFile, Outcome};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A file to be read, and whether it was named or found in a folder.
struct Found {
    path: PathBuf,
    is_named: bool,
}

fn walk(path: &Path, found: &mut Vec<Found>) -> anyhow::Result<()> {
    // A link to a folder may lead back here.
    let is_loop = |p: &PathBuf| p.is_symlink() && p.is_dir();
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.flatten().map(|e| e.path()).filter(|p| !is_loop(p)).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && !Bag::is_one(&entry) {
            walk(&entry, found)?;
        } else {
            found.push(Found { path: entry, is_named: false });
        }
    }
    Ok(())
}

pub async fn run(args: Import) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    for path in &args.paths {
        if path.is_dir() && !Bag::is_one(path) {
            walk(path, &mut found)?;
        } else {
            found.push(Found { path: path.clone(), is_named: true });
        }
    }
    let format = match args.format {
        ImportFormat::Auto => None,
        ImportFormat::OtlpJson => Some("otlp-json"),
        ImportFormat::OtlpPb => Some("otlp-pb"),
        ImportFormat::Zipkin => Some("zipkin"),
        ImportFormat::Parquet => Some("parquet"),
        ImportFormat::Bundle => Some("bundle"),
    };
    let reach = Reach::of(&args.place).await?;
    let mut files = Vec::new();
    let mut failure = None;
    for file in &found {
        match one(&reach, file, format, args.project.as_deref()).await {
            Ok(done) => files.push(done),
            Err(e) => failure = Some(e),
        }
    }
    super::close(reach).await;
    report(&files, args.json)?;
    // Nothing could be read and something was there to be read: a failure.
    match failure {
        Some(e) if files.iter().all(|f| f.read == 0) => Err(e),
        Some(e) => {
            note(format_args!("skipped: {e}"));
            Ok(ExitCode::SUCCESS)
        }
        None if files.iter().all(|f| f.stored == 0) && files.iter().any(is_unreadable) => {
            anyhow::bail!("nothing could be read: {}", first_problem(&files))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Whether something in the file could not even be parsed.
fn is_unreadable(file: &ImportedFile) -> bool {
    file.skipped_by_reason.keys().any(|reason| reason.starts_with("malformed_"))
}

fn first_problem(files: &[ImportedFile]) -> String {
    files.iter().find_map(|f| f.problems.first()).cloned().unwrap_or_default()
}

async fn one(reach: &Reach, file: &Found, format: Option<&str>, project: Option<&str>) -> anyhow::Result<ImportedFile> {
    let name = file.path.display().to_string();
    if matches!(format, None | Some("bundle")) && Bag::is_one(&file.path) {
        return bundle(reach, &file.path, name, project).await;
    }
    let bytes = std::fs::read(&file.path).map_err(|e| anyhow::anyhow!("{name} can't be read: {e}"))?;
    let command =
        Command::Import { name: name.clone(), format: format.map(str::to_owned), project: project.map(str::to_owned) };
    match reach.act(command, bytes).await {
        Ok(Outcome::Imported(done)) => Ok(done),
        Ok(_) => Ok(ImportedFile { path: name, ..ImportedFile::default() }),
        // In a folder, what is no telemetry is passed over by name.
        Err(e) if !file.is_named && e.code == Code::BadQuery => {
            note(format_args!("skipped {name}: {e}"));
            Ok(ImportedFile { path: name, ..ImportedFile::default() })
        }
        Err(e) => Err(AskError { message: format!("{name}: {}", e.message), ..e }.into()),
    }
}

/// A bundle, as a folder or as one file; a running instance gets its bytes.
async fn bundle(reach: &Reach, path: &Path, name: String, project: Option<&str>) -> anyhow::Result<ImportedFile> {
    if let Reach::Here(workbench) = reach {
        let (workbench, path) = (workbench.clone(), path.to_owned());
        let project = project.unwrap_or("default").to_owned();
        let taken = tokio::task::spawn_blocking(move || {
            let taken = workbench.import_bundle(&name, &project, &path);
            taken.map_err(|e| AskError { message: format!("{name}: {}", e.message), ..e })
        });
        return Ok(taken.await??);
    }
    let bytes = if path.is_dir() {
        let packed = tempfile::NamedTempFile::new()?;
        Bag::open(path)?.pack(packed.path())?;
        std::fs::read(packed.path())?
    } else {
        std::fs::read(path)?
    };
    let (format, project) = (Some("bundle".to_owned()), project.map(str::to_owned));
    match reach.act(Command::Import { name: name.clone(), format, project }, bytes).await {
        Ok(Outcome::Imported(done)) => Ok(done),
        Ok(_) => Ok(ImportedFile { path: name, ..ImportedFile::default() }),
        Err(e) => Err(AskError { message: format!("{name}: {}", e.message), ..e }.into()),
    }
}

/// What was skipped and why, in brackets.
fn reasons_of<K: AsRef<str>>(reasons: &BTreeMap<K, u64>) -> String {
    let all: Vec<String> =
        reasons.iter().map(|(reason, n)| format!("{n} {}", reason.as_ref().replace('_', " "))).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

pub fn report(files: &[ImportedFile], is_json: bool) -> anyhow::Result<()> {
    let sum = |f: fn(&ImportedFile) -> u64| files.iter().map(f).sum::<u64>();
    let (read, stored, skipped) = (sum(|f| f.read), sum(|f| f.stored), sum(|f| f.skipped));
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, n) in files.iter().flat_map(|f| &f.skipped_by_reason) {
        *reasons.entry(reason).or_default() += n;
    }
    let mut out = std::io::stdout().lock();
    if is_json {
        let report = json!({
            "read": read, "stored": stored, "skipped": skipped, "skipped_by_reason": reasons, "files": files,
        });
        writeln!(out, "{report:#}")?;
        return Ok(());
    }
    for file in files {
        let format = file.format.as_deref().unwrap_or("nothing to read");
        let why = reasons_of(&file.skipped_by_reason);
        writeln!(
            out,
            "{}: {format}, {} read, {} stored, {} skipped{why}",
            file.path, file.read, file.stored, file.skipped
        )?;
        if let Some(note) = &file.note {
            writeln!(out, "  {note}")?;
        }
        for problem in &file.problems {
            writeln!(out, "  {problem}")?;
        }
    }
    let why = reasons_of(&reasons);
    writeln!(out, "{read} records read, {stored} stored, {skipped} skipped{why}")?;
    Ok(())
}
