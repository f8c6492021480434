//! A bundle as it lies there: a folder, or one zip. Nothing of it is believed yet but names and places.

use crate::BundleError;
use crate::name;
use crate::volumes::Volumes;
use crate::zip;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files beside the data that are larger are not read into memory.
const MAX_TAG_BYTES: u64 = 256 << 20;
/// Folders within folders, at most.
const MAX_DEPTH: usize = 16;

/// A file of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub len: u64,
    /// Where it begins in a zip.
    pub start: u64,
    /// Its checksum, in a zip.
    pub crc: Option<u32>,
}

#[derive(Debug)]
enum Root {
    Folder(PathBuf),
    Zip(Arc<Volumes>, PathBuf),
}

/// Files with their places.
#[derive(Debug)]
pub struct Bag {
    root: Root,
    pub(crate) files: BTreeMap<String, Place>,
}

/// Part of a file.
pub(crate) struct Section {
    file: Arc<Volumes>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = (self.end - self.at).min(buffer.len() as u64) as usize;
        let n = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Bag {
    /// Looks at what is there.
    ///
    /// # Errors
    /// If it can't be read, or has files that no bundle has: links, devices, names that lead elsewhere.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let found = std::fs::metadata(path).map_err(BundleError::io(path))?;
        if found.is_dir() {
            let mut files = BTreeMap::new();
            walk(path, "", &mut files, 0)?;
            name::check_apart(files.keys().map(String::as_str))?;
            return Ok(Self { root: Root::Folder(path.to_owned()), files });
        }
        let file = Volumes::open(path)?;
        let place = |e: &zip::Entry| Place { len: e.len, start: e.start(), crc: Some(e.crc) };
        let files = zip::read(&file)?.iter().map(|e| (e.name.clone(), place(e))).collect();
        Ok(Self { root: Root::Zip(Arc::new(file), path.to_owned()), files })
    }

    /// Whether something is meant as a bundle: a zip, or a folder with a bag in it.
    pub fn is_one(path: &Path) -> bool {
        if path.is_dir() {
            return path.join("bagit.txt").exists();
        }
        // A pipe would be waited for.
        if !std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            return false;
        }
        let mut head = [0; 4];
        File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head == *b"PK\x03\x04"
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        match &self.root {
            Root::Folder(path) | Root::Zip(_, path) => path,
        }
    }

    /// Names and lengths of its files.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(name, place)| (name.as_str(), place.len))
    }

    /// A file of it, to be read from its beginning.
    pub(crate) fn section(&self, name: &str) -> Result<Section, BundleError> {
        let place = self.files.get(name).ok_or_else(|| BundleError::bad(name, "it is missing"))?;
        match &self.root {
            Root::Zip(file, _) => Ok(Section { file: file.clone(), at: place.start, end: place.start + place.len }),
            Root::Folder(root) => {
                let path = root.join(name);
                let file = Volumes::one(&path)?;
                Ok(Section { file: Arc::new(file), at: 0, end: place.len })
            }
        }
    }

    /// The bytes of a file that describes the others.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, BundleError> {
        let len = self.files.get(name).map_or(0, |p| p.len);
        if len > MAX_TAG_BYTES {
            return Err(BundleError::bad(name, format!("{len} bytes are too many for it")));
        }
        let mut bytes = Vec::with_capacity(len as usize);
        let mut section = self.section(name)?;
        section.read_to_end(&mut bytes).map_err(|e| BundleError::bad(name, format!("it can't be read: {e}")))?;
        Ok(bytes)
    }

    /// A file of data as Parquet, wherever it lies.
    pub(crate) fn parquet(&self, name: &str) -> Result<Chunked, BundleError> {
        let section = self.section(name)?;
        Ok(Chunked { file: section.file.clone(), start: section.at, len: section.end - section.at })
    }
}

/// Part of a file, as the Parquet reader wants it.
pub(crate) struct Chunked {
    file: Arc<Volumes>,
    start: u64,
    len: u64,
}

impl parquet::file::reader::Length for Chunked {
    fn len(&self) -> u64 {
        self.len
    }
}

impl parquet::file::reader::ChunkReader for Chunked {
    type T = Section;

    fn get_read(&self, at: u64) -> parquet::errors::Result<Section> {
        let at = at.min(self.len);
        Ok(Section { file: self.file.clone(), at: self.start + at, end: self.start + self.len })
    }

    fn get_bytes(&self, at: u64, len: usize) -> parquet::errors::Result<bytes::Bytes> {
        let is_inside = at.checked_add(len as u64).is_some_and(|end| end <= self.len);
        if !is_inside {
            return Err(parquet::errors::ParquetError::EOF("a part lies behind the end of the file".into()));
        }
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, self.start + at)
            .map_err(|e| parquet::errors::ParquetError::External(e.into()))?;
        Ok(bytes.into())
    }
}

fn walk(root: &Path, within: &str, files: &mut BTreeMap<String, Place>, depth: usize) -> Result<(), BundleError> {
    let dir = if within.is_empty() { root.to_owned() } else { root.join(within) };
    if depth > MAX_DEPTH {
        return Err(BundleError::bad(&name::shown(within), "folders lie too deep in each other"));
    }
    for entry in std::fs::read_dir(&dir).map_err(BundleError::io(&dir))? {
        let entry = entry.map_err(BundleError::io(&dir))?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| BundleError::bad(&name.to_string_lossy(), "a name that is no UTF-8"))?;
        let name = if within.is_empty() { name.to_owned() } else { format!("{within}/{name}") };
        name::check(&name)?;
        // Not what a link points to, but what lies here.
        let found = std::fs::symlink_metadata(entry.path()).map_err(BundleError::io(&entry.path()))?;
        if found.is_dir() {
            walk(root, &name, files, depth + 1)?;
        } else if found.is_file() {
            files.insert(name, Place { len: found.len(), start: 0, crc: None });
        } else {
            return Err(BundleError::bad(&name, "it is a link or a device, not a file"));
        }
        if files.len() > name::MAX_FILES {
            return Err(BundleError::bad("the folder", format!("it has more than {} files", name::MAX_FILES)));
        }
    }
    Ok(())
}
