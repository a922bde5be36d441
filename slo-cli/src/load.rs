//! Reading specs from files, directories and standard input.

use crate::error::Error;
use slo_core::{
    model::Service,
    spec::{self, Document},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A spec file and the services in it.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) services: Vec<Service>,
}

/// Reads all of `paths`; every fault of every file is told at once. What a specification of another tool says and
/// none of ours can is told to `talk`.
pub(crate) fn specs(paths: &[PathBuf], talk: &mut dyn Write) -> Result<Vec<Loaded>, Error> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let (mut texts, mut faults, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        match read(&file) {
            Ok(named) => texts.push(named),
            Err(Error::Outside(reason)) => unreadable.push(reason),
            Err(error) => faults.push(error.to_string()),
        }
    }
    let documents = spec::read(&texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>());
    let mut loaded = Vec::new();
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    for ((name, _), document) in texts.into_iter().zip(documents) {
        match document {
            Ok(Document { services, losses, .. }) => {
                for loss in losses {
                    writeln!(talk, "{name}:{}", loss.to_string().replacen(": ", ": lost: ", 1))?;
                }
                for service in services.iter().map(|service| service.name().to_string()) {
                    if let Some(other) = defined.get(&service) {
                        faults.push(format!(
                            "{name}: service `{service}` is also in {other}\n  hint: put its SLOs into one document"
                        ));
                    }
                    defined.insert(service, name.clone());
                }
                loaded.push(Loaded { name, services });
            }
            Err(found) => faults.extend(found.faults().iter().map(|fault| format!("{name}:{fault}"))),
        }
    }
    let noun = if faults.len() == 1 { "fault" } else { "faults" };
    let summary = format!("{} {noun}", faults.len());
    if !unreadable.is_empty() {
        if !faults.is_empty() {
            unreadable.splice(0..0, faults.into_iter().chain([summary]));
        }
        return Err(Error::Outside(unreadable.join("\n")));
    }
    if !faults.is_empty() {
        return Err(Error::Input(format!("{}\n{summary}", faults.join("\n"))));
    }
    Ok(loaded)
}

/// The services of all files, in which time runs `speed` times faster.
pub(crate) fn services(paths: &[PathBuf], speed: u32, talk: &mut dyn Write) -> Result<Vec<Service>, Error> {
    let services = specs(paths, talk)?.into_iter().flat_map(|file| file.services);
    services.map(|service| Ok(service.time_scaled(speed)?)).collect()
}

const STANDARD_INPUT: &str = "-";

/// The files at `path`: itself, or all specs below it in the order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.as_os_str() == STANDARD_INPUT || !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(path, files).map_err(|error| Error::file(path, &error))?;
    if files.len() == before {
        return Err(Error::Input(format!("{}: no *.yaml, *.yml or *.json file in it", path.display())));
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        let extension = entry.extension().and_then(|extension| extension.to_str());
        if entry.is_dir() {
            walk(&entry, files)?;
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(entry);
        }
    }
    Ok(())
}

/// The name and text of a file.
fn read(path: &Path) -> Result<(String, String), Error> {
    if path.as_os_str() == STANDARD_INPUT {
        let text = io::read_to_string(io::stdin())
            .map_err(|error| unreadable(Path::new("standard input"), &error))?;
        return Ok(("standard input".to_owned(), text));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok((path.display().to_string(), text))
}

/// Bytes that are no text are the input's fault, not the file system's.
fn unreadable(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::Input(format!("{}: not UTF-8 text", path.display())),
        _ => Error::file(path, error),
    }
}
