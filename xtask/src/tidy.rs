//! What neither compiler nor lints see: files that grew too long, dependencies without a reason, links that lead nowhere.

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

/// A longer file has more than one duty.
const MAX_LINES: usize = 600;
/// Folders that are not ours, or are made.
const SKIPPED: [&str; 7] = [".git", "target", "dist", ".setup", "node_modules", "gen", "permissions"];

fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !SKIPPED.iter().any(|s| name == *s) {
                files(&path, ending, found)?;
            }
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// Targets of `[text](target)` in a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Checks the workspace at `root`; fails with everything that is wrong.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    wrong.extend(crate::grammar::stale(root)?);
    let mut sources = Vec::new();
    files(root, "rs", &mut sources)?;
    for file in &sources {
        let n = std::fs::read_to_string(file)?.lines().count();
        if n > MAX_LINES {
            wrong.push(format!("{} has {n} lines, more than {MAX_LINES}: divide it", file.display()));
        }
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let (_, after) = manifest.split_once("[workspace.dependencies]").context("the workspace names its dependencies")?;
    let own = after.split("\n[").next().unwrap_or(after);
    for line in own.lines().filter(|l| l.contains('=') && !l.starts_with('#')) {
        let is_ours = line.starts_with("sextant-");
        if !is_ours && !line.contains(" # ") {
            wrong.push(format!("Cargo.toml: say why it is there: {line}"));
        }
    }
    let mut pages = Vec::new();
    files(root, "md", &mut pages)?;
    for page in &pages {
        let text = std::fs::read_to_string(page)?;
        for link in links(&text) {
            let path = link.split('#').next().unwrap_or(link);
            let is_elsewhere = path.is_empty() || path.contains("://") || path.contains(' ');
            if !is_elsewhere && !page.parent().unwrap_or(root).join(path).exists() {
                wrong.push(format!("{}: {link} is not there", page.display()));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found() {
        let found: Vec<&str> = links("see [a](b.md#c) and ![d](e.png), not (f)").collect();
        assert_eq!(found, ["b.md#c", "e.png"]);
    }
}
