//! Files of logs.

use flate2::read::MultiGzDecoder;
use slo_core::model::Timestamp;
use slo_ops::{
    Error,
    logs::{Comparison, LogFormat, LogOptions, Logs, Reader, Seen},
    runbook::LogFiles,
};
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

/// Why logs could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A file that cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Files or options that leave nothing to read.
    #[error(transparent)]
    Refused(#[from] Error),
}

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Reads files, plain or gzip, folders with all files whose names contain `.log`, or `-` for standard input.
///
/// Several files are read at a time, and merged in their order, so that the result does not depend on the number of processors.
///
/// # Errors
/// A file that cannot be read, a time zone that does not exist, options that leave nothing.
pub fn read(
    paths: &[PathBuf],
    format: LogFormat,
    time_zone: &str,
    options: LogOptions,
    now: Timestamp,
) -> Result<(Logs, Seen), LogError> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, path, 0, &mut files)?;
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut merged: Option<(Logs, Seen)> = None;
    for batch in files.chunks(threads) {
        let results: Vec<Result<(Logs, Seen), LogError>> = thread::scope(|scope| {
            let one = |path| move || one(path, format, time_zone, options, now);
            let work: Vec<_> = batch.iter().map(|path| scope.spawn(one(path))).collect();
            let results = work
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            results.collect()
        });
        for result in results {
            let (logs, seen) = result?;
            match &mut merged {
                None => merged = Some((logs, seen)),
                Some((all, of_all)) => {
                    all.merge(&logs)?;
                    of_all.add(seen);
                }
            }
        }
    }
    merged.ok_or_else(|| {
        Error::new("there is no log in these folders")
            .with_hint("name the files; in folders, only files with `.log` in their names are read")
            .into()
    })
}

/// The most findings that a diagnosis tells.
const MOST: usize = 10;

/// What is unusual about the lines of logs from `from` to `to`, as sentences.
pub(crate) fn unusual(files: &LogFiles, from: Timestamp, to: Timestamp) -> Result<Vec<String>, Error> {
    let options = LogOptions { origin: from, ..LogOptions::default() };
    let paths: Vec<PathBuf> = files.files.iter().map(PathBuf::from).collect();
    let read = read(&paths, LogFormat::Auto, &files.time_zone, options, to);
    let (logs, _) = read.map_err(|error| Error::new(error.to_string()))?;
    let found = logs.findings(Comparison { from, to, baseline: None, false_alarms: 0.05 })?;
    let mut texts: Vec<String> = found.findings.iter().take(MOST).map(ToString::to_string).collect();
    if found.findings.len() > MOST {
        texts.push(format!("{} more templates are unusual", found.findings.len() - MOST));
    }
    if texts.is_empty() {
        texts.push(format!(
            "logs: nothing is unusual about {} lines of {} templates",
            found.lines, found.compared
        ));
    }
    Ok(texts)
}

/// The deepest folder that is looked into.
const DEEPEST: usize = 16;

/// The files at `path`, in the order of their names.
fn collect(path: &Path, root: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), LogError> {
    if !path.is_dir() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path == root || name.contains(".log") {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if depth == DEEPEST {
        return Err(Error::new(format!("{}: folders too deeply nested", path.display())).into());
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries: Vec<PathBuf> =
        entries.map_err(|error| failed(path, error))?.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    entries.iter().try_for_each(|entry| collect(entry, root, depth + 1, files))
}

/// Opens a file, plain or gzip, or `-` for standard input.
///
/// # Errors
/// A file that cannot be read.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut input = BufReader::with_capacity(PIECE, input);
    let is_gzip = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) })
}

/// Reads a file.
fn one(
    path: &Path,
    format: LogFormat,
    time_zone: &str,
    options: LogOptions,
    now: Timestamp,
) -> Result<(Logs, Seen), LogError> {
    let mut logs = Logs::new(options)?;
    let mut reader = Reader::new(format, time_zone, now)?;
    let failed = |error: io::Error| failed(path, error);
    let mut input = open(path).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = input.read(&mut piece).map_err(failed)?;
        if count == 0 {
            break;
        }
        reader.feed(piece.get(..count).unwrap_or_default(), |record| _ = logs.add(record));
    }
    reader.end(|record| _ = logs.add(record));
    Ok((logs, reader.seen()))
}

fn failed(path: &Path, error: io::Error) -> LogError {
    LogError::File { path: path.to_owned(), error }
}
