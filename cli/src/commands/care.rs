//! `doctor`, `backup`, `restore`.

use crate::args::{Backup, Doctor, Format, Restore};
use crate::output::{print_object, print_rows};
use crate::reach::Reach;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sextant_contract::{Ask, Command, Outcome, size_text};
use sextant_server::{data_dir, find};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

const COLUMNS: [&str; 3] = ["kind", "path", "what"];

pub async fn doctor(args: Doctor) -> anyhow::Result<ExitCode> {
    if args.rebuild {
        return rebuild(&args);
    }
    let reach = Reach::reading(&args.place).await?;
    if args.repair {
        let done = reach.act(Command::Repair, Vec::new()).await;
        let Outcome::Object { object } = done? else { bail!("the answer makes no sense") };
        if args.format == Format::Table && object["findings"].as_array().is_some_and(Vec::is_empty) {
            writeln!(std::io::stdout().lock(), "there was nothing to mend")?;
        } else {
            findings(&object, args.format)?;
        }
        super::close(reach).await;
        return Ok(ExitCode::SUCCESS);
    }
    let answered = reach.object(Ask::Doctor).await;
    super::close(reach).await;
    let object = answered?;
    let is_sound = object["sound"] == true;
    match args.format {
        Format::Json => print_object(&object)?,
        Format::Table if object["findings"].as_array().is_some_and(Vec::is_empty) => {
            writeln!(std::io::stdout().lock(), "everything is sound")?;
        }
        format => findings(&object, format)?,
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// On a terminal a line each, with the whole path.
fn findings(object: &Value, format: Format) -> anyhow::Result<()> {
    if format != Format::Table {
        return print_rows(&object["findings"], format, &COLUMNS);
    }
    let mut out = std::io::stdout().lock();
    for finding in object["findings"].as_array().into_iter().flatten() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        writeln!(out, "{}: {}: {}", text("kind"), text("path"), text("what"))?;
    }
    Ok(())
}

fn rebuild(args: &Doctor) -> anyhow::Result<ExitCode> {
    if args.place.url.is_some() {
        bail!("--rebuild works on a directory that nobody uses: give it with --data");
    }
    let dir = data_dir(args.place.data.as_ref())?;
    let rebuilt = sextant_workbench::rebuild(&dir)?;
    let mut out = std::io::stdout().lock();
    if args.format == Format::Table {
        writeln!(out, "{} segments with {} records are named again", rebuilt.n_segments, rebuilt.n_records)?;
        for (path, why) in &rebuilt.left_out {
            writeln!(out, "left out {}: {why}", path.display())?;
        }
    } else {
        let left_out: Vec<_> = rebuilt.left_out.iter().map(|(p, why)| json!({ "path": p, "what": why })).collect();
        let object = json!({ "segments": rebuilt.n_segments, "records": rebuilt.n_records, "left_out": left_out });
        drop(out);
        print_object(&object)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that is there whole or not at all.
async fn written(
    path: &Path,
    write: impl AsyncFnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let part = path.with_added_extension("part");
    let file = File::create(&part).with_context(|| format!("{} can't be written", part.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let result = write(&mut out).await;
    let finish = |out: BufWriter<File>| out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all();
    let result = result.and_then(|()| Ok(finish(out)?));
    if result.is_err() {
        // What can't be removed is a rest that says so by its name.
        std::fs::remove_file(&part).ok();
        return result;
    }
    std::fs::rename(&part, path).with_context(|| format!("{} can't be written", path.display()))
}

pub async fn backup(args: Backup) -> anyhow::Result<ExitCode> {
    let reach = Reach::reading(&args.place).await?;
    let result = written(&args.file, async |out| match &reach {
        Reach::Running(backend) => Ok(backend.download("/api/v1/backup", out).await?),
        Reach::Here(workbench) => {
            workbench.backup(out)?;
            Ok(())
        }
    })
    .await;
    super::close(reach).await;
    result?;
    let n_bytes = std::fs::metadata(&args.file)?.len();
    writeln!(std::io::stdout().lock(), "{} of {}", args.file.display(), size_text(n_bytes))?;
    Ok(ExitCode::SUCCESS)
}

pub fn restore(args: &Restore) -> anyhow::Result<ExitCode> {
    if args.place.url.is_some() {
        bail!("a backup is restored into a directory that nobody uses: give it with --data");
    }
    let dir = data_dir(args.place.data.as_ref())?;
    if find(&dir).is_some() {
        bail!("the data directory {} is in use; stop the instance that runs on it", dir.display());
    }
    let file = File::open(&args.file).with_context(|| format!("{} can't be read", args.file.display()))?;
    let restored = sextant_workbench::restore(&dir, BufReader::with_capacity(1 << 20, file))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} files of {} in {}", restored.n_files, size_text(restored.n_bytes), dir.display())?;
    Ok(ExitCode::SUCCESS)
}
