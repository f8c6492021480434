//! One file cut into volumes, `NAME.001`, `NAME.002`, …, for who may send no larger ones: one bundle all the same, with one
//! signature, and `cat NAME.[0-9]*` is the file again.

use crate::BundleError;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// So many have names of three digits.
const MAX_VOLUMES: u64 = 999;
/// Smaller ones are a mistake.
const MIN_BYTES: u64 = 64_000;

/// Files that are read as one.
#[derive(Debug)]
pub(crate) struct Volumes {
    /// Where each begins.
    files: Vec<(u64, File)>,
    len: u64,
}

/// The name of a volume.
fn numbered(path: &Path, n: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{n:03}"));
    path.with_file_name(name)
}

/// Whether a file is meant as the first of several.
pub(crate) fn is_first(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "001")
        && path.file_stem().is_some_and(|name| crate::is_zip_name(name.as_ref()))
}

impl Volumes {
    /// A file, or the first of several and those that follow it.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let mut all = Self::one(path)?;
        if is_first(path) {
            for n in 2..=MAX_VOLUMES {
                let next = numbered(&path.with_extension(""), n);
                if !next.exists() {
                    break;
                }
                all.add(&next)?;
            }
        }
        Ok(all)
    }

    /// A file alone.
    pub fn one(path: &Path) -> Result<Self, BundleError> {
        let mut all = Self { files: Vec::new(), len: 0 };
        all.add(path)?;
        Ok(all)
    }

    fn add(&mut self, path: &Path) -> Result<(), BundleError> {
        if !std::fs::metadata(path).map_err(BundleError::io(path))?.is_file() {
            return Err(BundleError::Refused(format!("{} is no file", path.display())));
        }
        let file = File::open(path).map_err(BundleError::io(path))?;
        let len = file.metadata().map_err(BundleError::io(path))?.len();
        self.files.push((self.len, file));
        self.len += len;
        Ok(())
    }

    /// How many there are.
    pub fn n(&self) -> usize {
        self.files.len()
    }

    /// All bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Some bytes from `at` on; none behind the end.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> std::io::Result<usize> {
        let i = self.files.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        let Some((start, file)) = self.files.get(i) else { return Ok(0) };
        let end = self.files.get(i + 1).map_or(self.len, |(next, _)| *next);
        let most = end.saturating_sub(at).min(buffer.len() as u64) as usize;
        file.read_at(&mut buffer[..most], at - start)
    }

    /// All of `buffer`, from `at` on.
    pub fn read_exact_at(&self, mut buffer: &mut [u8], mut at: u64) -> std::io::Result<()> {
        while !buffer.is_empty() {
            let n = self.read_at(buffer, at)?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            buffer = &mut buffer[n..];
            at += n as u64;
        }
        Ok(())
    }
}

/// Whether a file of this name could be cut into volumes of at most so many bytes, as far as that can be said before it is made.
///
/// # Errors
/// If they are too small, or some are there already.
pub fn check(path: &Path, max_bytes: u64) -> Result<(), BundleError> {
    if max_bytes < MIN_BYTES {
        return Err(BundleError::Refused(format!("volumes of {max_bytes} bytes are too small: 64KB at least")));
    }
    // One of an earlier bundle would be taken for a part of this one.
    match (1..=MAX_VOLUMES).map(|n| numbered(path, n)).find(|name| name.exists()) {
        Some(there) => Err(BundleError::Refused(format!("{} is there already: choose another name", there.display()))),
        None => Ok(()),
    }
}

/// Cuts a file into volumes of at most so many bytes, and takes it away; a file that is small enough stays as it is. What
/// there is then.
///
/// # Errors
/// If they are too small or too many, or can't be written: the file stays then, and no volume.
pub fn cut(path: &Path, max_bytes: u64) -> Result<Vec<PathBuf>, BundleError> {
    let len = std::fs::metadata(path).map_err(BundleError::io(path))?.len();
    check(path, max_bytes)?;
    if len <= max_bytes {
        return Ok(vec![path.to_owned()]);
    }
    let n = len.div_ceil(max_bytes);
    if n > MAX_VOLUMES {
        return Err(BundleError::Refused(format!("{n} volumes are too many: {MAX_VOLUMES} at most")));
    }
    let names: Vec<PathBuf> = (1..=n).map(|i| numbered(path, i)).collect();
    let mut whole = File::open(path).map_err(BundleError::io(path))?;
    let written = names.iter().try_for_each(|name| -> Result<(), BundleError> {
        let mut file = File::create_new(name).map_err(BundleError::io(name))?;
        std::io::copy(&mut (&mut whole).take(max_bytes), &mut file).map_err(BundleError::io(name))?;
        file.flush().and_then(|()| file.sync_all()).map_err(BundleError::io(name))
    });
    if let Err(e) = written {
        for name in &names {
            // What was not begun is not there.
            std::fs::remove_file(name).ok();
        }
        return Err(e);
    }
    std::fs::remove_file(path).map_err(BundleError::io(path))?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_read_as_the_file_that_they_were() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a.sxb");
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).expect("a file");
        assert!(cut(&path, 100).is_err() && path.exists(), "too small");
        assert_eq!(cut(&path, 1 << 20).expect("it is small enough").len(), 1);
        let names = cut(&path, 100_000).expect("volumes");
        assert_eq!((names.len(), path.exists()), (3, false));
        let volumes = Volumes::open(&names[0]).expect("volumes");
        assert_eq!((volumes.n(), volumes.len()), (3, 300_000));
        let mut all = vec![0; 300_000];
        volumes.read_exact_at(&mut all, 0).expect("bytes");
        assert!(all == bytes);
        let mut some = [0; 7];
        volumes.read_exact_at(&mut some, 199_997).expect("bytes");
        assert_eq!(some, bytes[199_997..200_004]);
        assert!(volumes.read_exact_at(&mut some, 299_999).is_err() && volumes.read_at(&mut some, 400_000).is_ok());
        // Another of this name is not mixed with it.
        std::fs::write(&path, &bytes).expect("a file");
        let refused = cut(&path, 100_000).expect_err("they are there").to_string();
        assert!(refused.contains("a.sxb.001 is there already"), "{refused}");
        assert!(path.exists());
    }
}
