//! Writing files.

use crate::error::Error;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};
use tempfile::Builder;

/// The prefix of temporary files, by which a later run recognizes those that a killed run has left.
const PREFIX: &str = ".slo-";

/// Writes `text` to the file `path` atomically, and creates missing folders.
///
/// The text goes to a temporary file beside it, which is synced to disk and then renamed. A link stays a
/// link: its target is replaced. An existing file keeps its mode and owner. If `path` is not a regular file,
/// such as a pipe or `/dev/stdout`, the text is written to it directly.
pub(crate) fn atomically(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |error| Error::file(path, &error);
    let there = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
        Ok(there) if !there.is_file() => {
            let mut other = fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
            return other.write_all(text.as_bytes()).map_err(failed);
        }
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let target = target(path).map_err(failed)?;
    let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    // The prefix names the target, so that the next run removes what a killed run has left.
    let name = target.file_name().unwrap_or_default();
    let mut prefix = std::ffi::OsString::from(PREFIX);
    prefix.push(name);
    prefix.push(".");
    sweep(folder, &prefix);
    let mut builder = Builder::new();
    builder.prefix(&prefix);
    let mut file = new_file(&mut builder, folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if let Some(there) = there {
        keep(file.as_file(), &there).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    // Syncs the rename; some file systems do not support this.
    let _unsupported = fs::File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The final target of a chain of links, which need not exist yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Removes temporary files that killed runs have left beside a target. A slow run that is still going may
/// lose its file. It then fails, and the target stays intact.
fn sweep(folder: &Path, prefix: &std::ffi::OsStr) {
    const OLD: std::time::Duration = std::time::Duration::from_secs(600);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Six letters or digits and no more: not the file of an editor.
        let name = entry.file_name();
        let random = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
        let is_random =
            random.is_some_and(|text| text.len() == 6 && text.iter().all(u8::is_ascii_alphanumeric));
        let is_left = is_random && entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_old = entry
            .metadata()
            .and_then(|found| found.modified())
            .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > OLD));
        if is_left && is_old {
            let _gone = fs::remove_file(entry.path());
        }
    }
}

/// A new temporary file, with the permissions that the umask allows.
#[cfg(unix)]
fn new_file(builder: &mut Builder<'_, '_>, folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn new_file(builder: &mut Builder<'_, '_>, folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    builder.tempfile_in(folder)
}

/// Gives a file the mode and, if allowed, the owner of the file that it replaces.
#[cfg(unix)]
fn keep(file: &fs::File, there: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (there.uid(), there.gid()) {
        // Only root may change the owner.
        let _refused = std::os::unix::fs::fchown(file, Some(there.uid()), Some(there.gid()));
    }
    file.set_permissions(there.permissions())
}

#[cfg(not(unix))]
fn keep(file: &fs::File, there: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(there.permissions())
}
