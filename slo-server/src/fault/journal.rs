//! The journal of a run: its record, in a file that is written before anything is done.

use rustix::fs::{FallocateFlags, fallocate};
use slo_ops::{
    Error,
    experiment::{Run, RunEntry, RunEvent, Undo},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What the names of journals end with.
const EXTENSION: &str = "jsonl";
/// Room on the disk that a journal takes from the start, so that it can be written when the disk is full.
const ROOM: u64 = 1 << 20;

/// The journal of a run: an entry a line. Several processes may write to it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// A new journal in `folder`, whose first entry is the beginning of the run `id`. It is on the disk when this returns.
    ///
    /// # Errors
    /// A folder that cannot be written to, or a journal that exists.
    pub fn create(folder: &Path, id: &str, begun: &RunEntry) -> Result<Self, Error> {
        let path = folder.join(format!("{id}.{EXTENSION}"));
        let failed = |error: io::Error| told(&path, &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(&path).map_err(failed)?;
        // Some file systems cannot.
        let _unsupported = fallocate(&file, FallocateFlags::KEEP_SIZE, 0, ROOM);
        let mut journal = Self { path, file };
        let written = journal.append(begun);
        if written.is_err() {
            let _gone = fs::remove_file(&journal.path);
        }
        written?;
        // The file's name, too; some file systems do not support this.
        let _unsupported = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(journal)
    }

    /// Opens a journal, to go on writing it.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file =
            OpenOptions::new().read(true).append(true).open(path).map_err(|error| told(path, &error))?;
        let mut journal = Self { path: path.to_owned(), file };
        journal.end_line().map_err(|error| told(path, &error))?;
        Ok(journal)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an entry. It is on the disk when this returns.
    ///
    /// # Errors
    /// A disk that is full or gone.
    pub fn append(&mut self, entry: &RunEntry) -> Result<(), Error> {
        let mut line = serde_json::to_vec(entry).map_err(|error| Error::new(error.to_string()))?;
        line.push(b'\n');
        // One call, so that entries of two processes do not mix.
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|error| told(&self.path, &error))
    }

    /// Writes an event that happens now.
    ///
    /// # Errors
    /// A disk that is full or gone.
    pub fn write(&mut self, event: RunEvent) -> Result<(), Error> {
        self.append(&RunEntry::new(crate::clock::now(), event))
    }

    /// Writes that a part of a fault is about to be injected, and what undoes it.
    ///
    /// # Errors
    /// A disk that is full or gone; the part must not be injected then.
    pub fn injecting(&mut self, undo: Undo) -> Result<(), Error> {
        self.write(RunEvent::Injecting { undo })
    }

    /// All entries so far. An entry that was cut off by a crash counts as not written: nobody acted on it.
    ///
    /// # Errors
    /// A file that cannot be read, or an entry of a later version.
    pub fn entries(&self) -> Result<Vec<RunEntry>, Error> {
        // Through the open file, which is still there if its folder is not.
        let length = self.file.metadata().map_err(|error| told(&self.path, &error))?.len();
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0).map_err(|error| told(&self.path, &error))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(error) if error.is_data() => {
                    return Err(Error::new(format!("{}:{number}: {error}", self.path.display()))
                        .with_hint("use the version of slo that wrote it"));
                }
                Err(_) => {}
            }
        }
        Ok(entries)
    }

    /// The run that it describes.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn run(&self) -> Result<Run, Error> {
        Run::of(&self.entries()?).map_err(|error| {
            let place = Error::new(format!("{}: {error}", self.path.display()));
            error.hint().map_or(place.clone(), |hint| place.with_hint(hint))
        })
    }

    /// Ends a line that a crash cut off.
    fn end_line(&mut self) -> io::Result<()> {
        let mut last = [b'\n'];
        if self.file.metadata()?.len() > 0 {
            self.file.seek(SeekFrom::End(-1))?;
            self.file.read_exact(&mut last)?;
        }
        if last == [b'\n'] { Ok(()) } else { self.file.write_all(b"\n") }
    }
}

/// The journals in a folder.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Journals {
    /// Those that can be read, oldest first, each with its run.
    pub all: Vec<(Journal, Run)>,
    /// Why others cannot.
    pub unreadable: Vec<Error>,
}

impl Journals {
    /// The journals in `folder`; none where there is no folder.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(told(folder, &error)),
        };
        let mut found = Self::default();
        for entry in entries {
            let path = entry.map_err(|error| told(folder, &error))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                match Self::read(&path) {
                    Ok(read) => found.all.extend(read),
                    Err(error) => found.unreadable.push(error),
                }
            }
        }
        found.all.sort_by_key(|(_, run)| run.began);
        Ok(found)
    }

    /// The journal at `path`; `None` if it was cut off before its first entry: nothing was injected then.
    fn read(path: &Path) -> Result<Option<(Journal, Run)>, Error> {
        let journal = Journal::open(path)?;
        if journal.entries()?.is_empty() {
            return Ok(None);
        }
        let run = journal.run()?;
        Ok(Some((journal, run)))
    }
}

fn told(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("{}: {error}", path.display()))
}
