//! A bundle as a folder.

use crate::BundleError;
use crate::bag::Bag;
use crate::make::Hashed;
use std::fs::File;
use std::path::Path;

impl Bag {
    /// Writes all its files into a new folder, which has its name only when they are all there.
    ///
    /// # Errors
    /// If the folder is there already, or can't be written.
    pub fn extract(&self, out: &Path) -> Result<(), BundleError> {
        if out.exists() {
            return Err(BundleError::Refused(format!("{} is there already; name a folder that is not", out.display())));
        }
        let name = out.file_name().ok_or_else(|| BundleError::Refused("that is no name for a folder".into()))?;
        let aside = out.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let done = self.extract_aside(&aside).and_then(|()| std::fs::rename(&aside, out).map_err(BundleError::io(out)));
        if done.is_err() {
            // What could not be made may not be there.
            std::fs::remove_dir_all(&aside).ok();
        }
        done
    }

    /// Writes all its files into one new file, as [`crate::Maker`] would have made it.
    ///
    /// # Errors
    /// If it can't be read or written.
    pub fn pack(&self, out: &Path) -> Result<(), BundleError> {
        let mut files = Vec::new();
        for (name, place) in &self.files {
            let mut seen = Hashed::new(std::io::sink());
            std::io::copy(&mut self.section(name)?, &mut seen).map_err(BundleError::io(out))?;
            files.push((name.clone(), place.len, seen.seen().1.crc));
        }
        let file = File::create(out).map_err(BundleError::io(out))?;
        crate::zip::write(std::io::BufWriter::new(file), files, |name| self.section(name), out)?;
        Ok(())
    }

    fn extract_aside(&self, aside: &Path) -> Result<(), BundleError> {
        std::fs::create_dir(aside).map_err(BundleError::io(aside))?;
        for name in self.files.keys() {
            // Names were looked at when it was opened: none leads out of the folder.
            let path = aside.join(name);
            let folder = path.parent().unwrap_or(aside);
            std::fs::create_dir_all(folder).map_err(BundleError::io(folder))?;
            let mut file = File::create_new(&path).map_err(BundleError::io(&path))?;
            std::io::copy(&mut self.section(name)?, &mut file).map_err(BundleError::io(&path))?;
            file.sync_all().map_err(BundleError::io(&path))?;
        }
        Ok(())
    }
}
