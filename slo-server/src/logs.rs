//! Files of logs.

use flate2::read::MultiGzDecoder;
use slo_core::model::{Timestamp, Window};
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
    time::{Duration, Instant},
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
    /// A file that is compressed in another way, or no text.
    #[error("{}: it is {what}\n  hint: make text of it, and give it on standard input", path.display())]
    NoText {
        /// Its path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The time for reading is over.
    #[error("the logs are too large to be read in time")]
    Late,
    /// Files or options that leave nothing to read.
    #[error(transparent)]
    Refused(#[from] Error),
}

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// What was read of logs.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadLogs {
    /// The templates, and their lines.
    pub logs: Logs,
    /// The lines.
    pub seen: Seen,
    /// Files of folders that were left out, and why.
    pub left_out: Vec<String>,
}

/// Reads files, plain or gzip, folders with all files whose names contain `.log`, or `-` for standard input.
///
/// Several files are read at a time, and merged in their order, so that the result does not depend on the number of processors.
///
/// Files of folders that are no text, or gone, are left out. After `deadline`, reading stops.
///
/// # Errors
/// A named file that cannot be read or is no text, a time zone that does not exist, options that leave nothing, the deadline.
pub fn read(
    paths: &[PathBuf],
    format: LogFormat,
    time_zone: &str,
    options: LogOptions,
    now: Timestamp,
    deadline: Option<Instant>,
) -> Result<ReadLogs, LogError> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, path, 0, &mut files)?;
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let (mut merged, mut left_out): (Option<(Logs, Seen)>, Vec<String>) = (None, Vec::new());
    for batch in files.chunks(threads) {
        let results: Vec<Result<(Logs, Seen), LogError>> = thread::scope(|scope| {
            let one = |path| move || one(path, format, time_zone, options, now, deadline);
            let work: Vec<_> = batch.iter().map(|path| scope.spawn(one(path))).collect();
            let results = work
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            results.collect()
        });
        for (path, result) in batch.iter().zip(results) {
            let (logs, seen) = match result {
                Ok(found) => found,
                Err(error @ (LogError::NoText { .. } | LogError::File { .. })) if !paths.contains(path) => {
                    left_out.push(error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            match &mut merged {
                None => merged = Some((logs, seen)),
                Some((all, of_all)) => {
                    all.merge(&logs)?;
                    of_all.add(seen);
                }
            }
        }
    }
    let Some((logs, seen)) = merged else {
        let error = Error::new("there is no log in these folders")
            .with_hint("name the files; in folders, only files with `.log` in their names are read");
        return Err(error.into());
    };
    Ok(ReadLogs { logs, seen, left_out })
}

/// The most findings that a diagnosis tells.
const MOST: usize = 10;

/// What is unusual about the lines of logs from `from` to `to`, in whole seconds, as sentences.
pub(crate) fn unusual(
    files: &LogFiles,
    from: Timestamp,
    to: Timestamp,
    within: Duration,
) -> Result<Vec<String>, Error> {
    let whole = |time: Timestamp| Timestamp::from_seconds(time.as_millis().div_euclid(1_000));
    let (from, to) = (whole(from), whole(to));
    let options = LogOptions::for_window(from, to, Window::minutes(1));
    let paths: Vec<PathBuf> = files.files.iter().map(PathBuf::from).collect();
    let deadline = Instant::now() + within;
    let read = read(&paths, LogFormat::Auto, &files.time_zone, options, to, Some(deadline));
    let ReadLogs { logs, left_out, .. } = read.map_err(|error| Error::new(error.to_string()))?;
    let found = logs.findings(Comparison { from, to, baseline: None, false_alarms: 0.05 })?;
    let mut texts: Vec<String> = found.findings.iter().take(MOST).map(ToString::to_string).collect();
    if found.findings.len() > MOST {
        texts.push(format!("{} more templates are unusual", found.findings.len() - MOST));
    }
    if found.lines == 0 {
        texts.push(format!("the logs have no line from {from} to {to}"));
    } else if texts.is_empty() {
        texts.push(format!(
            "logs: nothing is unusual about {} lines of {} templates",
            found.lines, found.compared
        ));
    }
    texts.extend(
        left_out.first().map(|first| format!("{} files were left out, such as {first}", left_out.len())),
    );
    Ok(texts)
}

/// The deepest folder that is looked into.
const DEEPEST: usize = 16;

/// The files at `path`, in the order of their names.
fn collect(path: &Path, root: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), LogError> {
    // Links in folders may lead back.
    let is_link = path != root && fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if !path.is_dir() || is_link {
        if path.is_dir() {
            return Ok(());
        }
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
    deadline: Option<Instant>,
) -> Result<(Logs, Seen), LogError> {
    // A pipe without a writer would block, whatever the deadline is.
    let is_regular = fs::metadata(path).is_ok_and(|found| found.is_file());
    if deadline.is_some() && !is_regular && path.exists() {
        return Err(LogError::NoText { path: path.to_owned(), what: "no regular file" });
    }
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
        if reader.seen().bytes == 0
            && let Some(what) = no_text(piece.get(..count).unwrap_or_default())
        {
            return Err(LogError::NoText { path: path.to_owned(), what });
        }
        if deadline.is_some_and(|deadline| deadline < Instant::now()) {
            return Err(LogError::Late);
        }
        reader.feed(piece.get(..count).unwrap_or_default(), |record| _ = logs.add(record));
    }
    reader.end(|record| _ = logs.add(record));
    Ok((logs, reader.seen()))
}

/// What bytes are that are no text.
fn no_text(bytes: &[u8]) -> Option<&'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    if begins(b"BZh") {
        Some("compressed by bzip2")
    } else if begins(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Some("compressed by zstd")
    } else if begins(&[0xfd, b'7', b'z', b'X', b'Z']) {
        Some("compressed by xz")
    } else if begins(&[0xff, 0xfe]) || begins(&[0xfe, 0xff]) {
        Some("UTF-16")
    } else {
        // The export of systemd's journal has the lengths of its binary fields in it.
        (!begins(b"__") && bytes.iter().take(4_096).any(|byte| *byte == 0)).then_some("binary")
    }
}

fn failed(path: &Path, error: io::Error) -> LogError {
    LogError::File { path: path.to_owned(), error }
}
