//! Files that a configuration names.

use super::Secret;
use slo_core::Error;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The largest secret or configuration, in bytes.
const LONGEST: u64 = 1 << 20;

/// Files, relative to the folder of a configuration.
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The path of a file that the configuration names.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The content of a file.
    pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
        let told = |error: io::Error| Error::new(format!("{}: {error}", path.display()));
        let length = fs::metadata(path).map_err(told)?.len();
        if length > LONGEST {
            return Err(Error::new(format!(
                "{}: {length} bytes are more than the limit of {LONGEST}",
                path.display()
            )));
        }
        fs::read(path).map_err(told)
    }

    pub(super) fn text(path: &Path) -> Result<String, Error> {
        String::from_utf8(Self::bytes(path)?)
            .map_err(|_| Error::new(format!("{}: not UTF-8 text", path.display())))
    }

    /// The secret in a file: its text, without the line break at its end.
    pub(super) fn secret(&self, name: &str) -> Result<Secret, Error> {
        let path = self.path(name);
        let text = Self::text(&path)?;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Err(Error::new(format!("{}: the secret is empty", path.display())));
        }
        if text.contains(char::is_control) {
            return Err(Error::new(format!(
                "{}: the secret has a line break or a control character",
                path.display()
            )));
        }
        Ok(Secret::new(text))
    }
}
