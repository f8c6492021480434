//! What is to be set, as files that a template may read; the same for who sets it here and in another process.

use crate::ReportError;
use crate::clean::Cleaner;
use crate::fonts::Faces;
use crate::model::Report;
use crate::svg::svg;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// How our own pages look.
pub const TEMPLATE: &str = include_str!("../templates/report.typ");
const MARK: &str = include_str!("../templates/mark.svg");

/// What is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Wanted {
    Pdf,
    /// A picture of a page, which is counted from 1.
    Page {
        number: usize,
        pixels: f32,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub wanted: Wanted,
    /// Unix nanoseconds.
    pub made_at: i64,
    pub generator: String,
    /// SHA-256 of everything that goes in.
    pub ident: String,
    /// Names and lengths; the bytes follow.
    names: Vec<(String, u64)>,
    #[serde(skip)]
    pub files: BTreeMap<String, Vec<u8>>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of bytes, as it is written under figures.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

impl Job {
    /// Everything that a report says, cleaned, with what it is set by.
    pub fn new(report: &Report, look: &Look, wanted: Wanted) -> Result<Self, ReportError> {
        let faces = Faces::with(look.font.clone()).ok_or(ReportError::NoFont)?;
        let cleaner = Cleaner::new(Some(&faces));
        let mut files = BTreeMap::new();
        for (number, figure) in (1..).zip(report.figures()) {
            let drawn = svg(&figure.scene, figure.size, &|text| cleaner.text(text));
            files.insert(format!("figure-{number}.svg"), drawn.into_bytes());
        }
        let mut said = serde_json::to_value(report).map_err(|e| ReportError::Set(e.to_string()))?;
        number_blocks(&mut said);
        cleaner.value(&mut said);
        said["missing"] = cleaner.missing().into();
        said["families"] = faces.families.into();
        for attachment in &report.attachments {
            files.insert(format!("attached/{}", attachment.name), attachment.bytes.clone());
        }
        files.insert("report.json".into(), said.to_string().into_bytes());
        files.insert("mark.svg".into(), MARK.into());
        files.insert("template.typ".into(), look.template.as_deref().unwrap_or(TEMPLATE).into());
        files.extend(look.font.clone().map(|font| ("font".into(), font)));
        let mut hash = Sha256::new();
        for (name, bytes) in &files {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        let generator = report.generator.clone();
        let ident = hex(&hash.finalize());
        Ok(Self { wanted, made_at: report.made_at_nanos, generator, ident, names: Vec::new(), files })
    }

    /// For a process that does it.
    pub fn write(&self, mut out: impl Write) -> std::io::Result<()> {
        let names = self.files.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
        let head = serde_json::to_vec(&Self { names, files: BTreeMap::new(), ..self.clone() })?;
        out.write_all(&(head.len() as u64).to_le_bytes())?;
        out.write_all(&head)?;
        self.files.values().try_for_each(|bytes| out.write_all(bytes))
    }

    /// What [`Job::write`] wrote.
    pub fn read(mut from: impl Read) -> std::io::Result<Self> {
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let mut head = Vec::new();
        from.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut head)?;
        let mut job: Self = serde_json::from_slice(&head)?;
        for (name, n) in std::mem::take(&mut job.names) {
            let mut bytes = Vec::new();
            from.by_ref().take(n).read_to_end(&mut bytes)?;
            job.files.insert(name, bytes);
        }
        Ok(job)
    }
}

/// How a report is to look.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// A template of the user's own, in the place of [`TEMPLATE`].
    pub template: Option<String>,
    /// A font for what ours lack: the bytes of its file.
    pub font: Option<Vec<u8>>,
}

/// Figures and tables are told apart by numbers.
fn number_blocks(report: &mut serde_json::Value) {
    let (mut figures, mut tables) = (0, 0);
    let sections = report["sections"].as_array_mut().into_iter().flatten();
    for block in sections.flat_map(|s| s["blocks"].as_array_mut().into_iter().flatten()) {
        let has_caption = block["caption"].as_str().is_some_and(|c| !c.is_empty());
        let n = match block["block"].as_str() {
            Some("figure") => &mut figures,
            Some("table") if has_caption => &mut tables,
            _ => continue,
        };
        *n += 1;
        block["number"] = (*n).into();
        // Colours as templates read them.
        for entry in block["legend"].as_array_mut().into_iter().flatten() {
            if let Some(color) = entry[0].as_u64() {
                entry[0] = format!("#{color:06x}").into();
            }
        }
    }
}
