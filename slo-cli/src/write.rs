//! Writing files whole or not at all.

use crate::error::Error;
use std::{fs, io::Write, path::Path};
use tempfile::NamedTempFile;

/// Writes `text` to `path`: to a temporary file beside it, which is then renamed.
pub(crate) fn atomically(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error| Error::file(path, &error);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    allow_reading(file.as_file()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Temporary files are private; a rule file is read by another user.
#[cfg(unix)]
fn allow_reading(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn allow_reading(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}
