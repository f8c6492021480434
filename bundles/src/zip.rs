//! One zip that a list of files can come to, and no other: stored, in the order of their names, with fixed times and
//! attributes, nothing between and nothing behind. Whoever knows names, lengths and checksums knows every byte of what
//! stands around the files, so that each of them can be held against the zip.

use crate::BundleError;
use crate::name;
use crate::volumes::Volumes;
use std::io::{Read, Write};
use std::path::Path;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// What is needed to read it: 1.0. Names are UTF-8.
const VERSION: u16 = 10;
const UTF8: u16 = 1 << 11;
/// Made by a Unix, as 2.0.
const MADE_BY: u16 = 0x0314;
/// 1 January 1980, 00:00.
const DATE: u16 = (1 << 5) | 1;
/// A plain file that all may read.
const ATTRIBUTES: u32 = 0o100_644 << 16;
const LOCAL_LEN: u64 = 30;
const CENTRAL_LEN: u64 = 46;
const END_LEN: u64 = 22;
/// Zip without 64 bits goes no further.
pub(crate) const MAX_BYTES: u64 = u32::MAX as u64;

/// A file in a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub name: String,
    pub crc: u32,
    pub len: u64,
    /// Where its header begins.
    pub at: u64,
}

impl Entry {
    /// Where its bytes begin.
    pub fn start(&self) -> u64 {
        self.at + LOCAL_LEN + self.name.len() as u64
    }

    fn shared(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(26);
        for n in [VERSION, UTF8, 0, 0, DATE] {
            out.extend(n.to_le_bytes());
        }
        for n in [self.crc, self.len as u32, self.len as u32] {
            out.extend(n.to_le_bytes());
        }
        for n in [self.name.len() as u16, 0] {
            out.extend(n.to_le_bytes());
        }
        out
    }

    fn local(&self) -> Vec<u8> {
        [&LOCAL.to_le_bytes()[..], &self.shared(), self.name.as_bytes()].concat()
    }

    fn central(&self) -> Vec<u8> {
        let mut out = [&CENTRAL.to_le_bytes()[..], &MADE_BY.to_le_bytes(), &self.shared()].concat();
        for n in [0_u16, 0, 0] {
            out.extend(n.to_le_bytes());
        }
        out.extend(ATTRIBUTES.to_le_bytes());
        out.extend((self.at as u32).to_le_bytes());
        out.extend(self.name.as_bytes());
        out
    }
}

fn end(n: u64, directory_len: u64, directory_at: u64) -> Vec<u8> {
    let mut out = END.to_le_bytes().to_vec();
    for n in [0, 0, n as u16, n as u16] {
        out.extend(n.to_le_bytes());
    }
    for n in [directory_len as u32, directory_at as u32] {
        out.extend(n.to_le_bytes());
    }
    out.extend([0, 0]);
    out
}

/// Writes files, named and in order, with their lengths and checksums.
pub(crate) fn write<W: Write, R: Read>(
    mut out: W,
    files: Vec<(String, u64, u32)>,
    mut open: impl FnMut(&str) -> Result<R, BundleError>,
    path: &Path,
) -> Result<W, BundleError> {
    let total = files.iter().map(|(name, len, _)| len + LOCAL_LEN + CENTRAL_LEN + 2 * name.len() as u64).sum::<u64>();
    if total + END_LEN > MAX_BYTES || files.len() > u16::MAX as usize {
        return Err(BundleError::Refused(format!(
            "{total} bytes in {} files are too much for one zip: write a folder, or several bundles with --max-size",
            files.len()
        )));
    }
    let (mut at, mut entries) = (0, Vec::with_capacity(files.len()));
    for (name, len, crc) in files {
        let entry = Entry { name, crc, len, at };
        let header = entry.local();
        out.write_all(&header).map_err(BundleError::io(path))?;
        let mut file = open(&entry.name)?.take(len);
        let n = std::io::copy(&mut file, &mut out).map_err(BundleError::io(path))?;
        if n != len {
            return Err(BundleError::bad(&entry.name, "it changed while it was packed"));
        }
        at += header.len() as u64 + len;
        entries.push(entry);
    }
    let directory: Vec<u8> = entries.iter().flat_map(Entry::central).collect();
    out.write_all(&directory).map_err(BundleError::io(path))?;
    out.write_all(&end(entries.len() as u64, directory.len() as u64, at)).map_err(BundleError::io(path))?;
    out.flush().map_err(BundleError::io(path))?;
    Ok(out)
}

/// Reads numbers and texts, one after the other.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

/// What is said of a zip itself.
const ZIP: &str = "the zip";

fn broken(why: impl Into<String>) -> BundleError {
    BundleError::bad(ZIP, why)
}

/// What an entry of the directory says, wherever it comes from, with how it was packed.
fn entry(cursor: &mut Cursor<'_>) -> Option<(Entry, u16)> {
    if cursor.u32()? != CENTRAL {
        return None;
    }
    cursor.take(6)?;
    let method = cursor.u16()?;
    cursor.take(4)?;
    let crc = cursor.u32()?;
    let (packed, len) = (cursor.u32()?, cursor.u32()?);
    let (name, extra, comment) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let at = cursor.u32()?.into();
    let name = String::from_utf8_lossy(cursor.take(name.into())?).into_owned();
    cursor.take(usize::from(extra) + usize::from(comment))?;
    // What is packed is told by the method; sizes that differ are no stored file either.
    Some((Entry { name, crc, len: len.into(), at }, if packed == len { method } else { u16::MAX }))
}

/// The files of a zip. Everything around them is held against what it has to be, byte for byte.
pub(crate) fn read(file: &Volumes) -> Result<Vec<Entry>, BundleError> {
    let io = |e: std::io::Error| broken(format!("it can't be read: {e}"));
    let total = file.len();
    if !(END_LEN..=MAX_BYTES).contains(&total) {
        return Err(broken("it is cut short, or no zip of ours"));
    }
    let mut tail = [0; END_LEN as usize];
    file.read_exact_at(&mut tail, total - END_LEN).map_err(io)?;
    let mut cursor = Cursor(&tail);
    let said = (|| {
        let is_end = cursor.u32()? == END;
        cursor.take(6)?;
        Some((is_end, cursor.u16()?, u64::from(cursor.u32()?), u64::from(cursor.u32()?)))
    })();
    let Some((true, n, len, at)) = said else {
        let why = match file.n() {
            1 => "its end is missing: it is cut short, or something stands behind it".to_owned(),
            n => {
                format!("its end is missing: of its volumes, {n} are here, and the last is cut short or not among them")
            }
        };
        return Err(broken(why));
    };
    if at + len + END_LEN != total || tail[..] != end(n.into(), len, at) {
        return Err(broken("what its end says of its length is not so"));
    }
    let mut directory = vec![0; len as usize];
    file.read_exact_at(&mut directory, at).map_err(io)?;
    let mut cursor = Cursor(&directory);
    let mut entries: Vec<Entry> = Vec::new();
    while !cursor.0.is_empty() {
        let (entry, method) = entry(&mut cursor).ok_or_else(|| broken("its list of files is damaged"))?;
        if method != 0 {
            return Err(BundleError::bad(
                &name::shown(&entry.name),
                "it is packed; a bundle's files are stored as they are",
            ));
        }
        name::check(&entry.name)?;
        entries.push(entry);
        if entries.len() > name::MAX_FILES {
            return Err(broken("it has too many files"));
        }
    }
    name::check_apart(entries.iter().map(|e| e.name.as_str()))?;
    if entries.len() != usize::from(n) {
        return Err(broken("its list of files is not as long as it says"));
    }
    if !entries.is_sorted_by(|a, b| a.name < b.name) {
        return Err(broken("its files are not in the order of their names"));
    }
    let mut next = 0;
    for entry in &entries {
        let header = entry.local();
        let mut there = vec![0; header.len()];
        if entry.at != next || entry.start() + entry.len > at {
            return Err(BundleError::bad(&entry.name, "it is not where it has to be in the zip"));
        }
        file.read_exact_at(&mut there, entry.at).map_err(io)?;
        if there != header {
            return Err(BundleError::bad(&entry.name, "its header in the zip was altered"));
        }
        next = entry.start() + entry.len;
    }
    let ours: Vec<u8> = entries.iter().flat_map(Entry::central).collect();
    if next != at || ours != directory {
        return Err(broken("its list of files was altered"));
    }
    Ok(entries)
}
