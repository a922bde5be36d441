//! Reading specs from files, directories and standard input.

use crate::{args::Reading, error::Error};
use slo_core::{
    model::{Name, Service},
    spec::{self, Defaults, Document},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A spec file and the services in it.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) services: Vec<Service>,
}

/// Reads all of `paths`, and reports every fault of every file at once. Fields of other tools' specs that
/// have no counterpart are listed on `talk`.
pub(crate) fn specs(
    paths: &[PathBuf],
    reading: &Reading,
    defaults: &Defaults,
    talk: &mut dyn Write,
) -> Result<Vec<Loaded>, Error> {
    let read = Texts::read(paths, reading)?;
    let skipped =
        read.files.iter().filter(|file| !file.is_named && !spec::holds_specification(&file.content)).count();
    if skipped > 0 {
        writeln!(talk, "skipped {skipped} files that hold no SLO")?;
    }
    let loaded =
        read.specs(|file| file.is_named || spec::holds_specification(&file.content), defaults, talk)?;
    if loaded.iter().all(|file| file.services.is_empty()) {
        let files: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::Input(format!("{}: no SLO in it", files.join(", "))));
    }
    Ok(loaded)
}

/// A text that was read.
pub(crate) struct NamedText {
    pub(crate) name: String,
    pub(crate) content: String,
    /// Whether the user named its file; otherwise it was found in a folder.
    is_named: bool,
}

/// Texts of files, and what is wrong with them.
pub(crate) struct Texts {
    pub(crate) files: Vec<NamedText>,
    faults: Vec<String>,
    unreadable: Vec<String>,
}

impl Texts {
    /// Reads all of `paths`.
    pub(crate) fn read(paths: &[PathBuf], reading: &Reading) -> Result<Self, Error> {
        let mut found = Found::default();
        for path in paths {
            found.add(path, reading)?;
        }
        let mut all = Self { files: Vec::new(), faults: Vec::new(), unreadable: found.unreadable };
        for file in found.files {
            match read(&file.path) {
                Ok((name, content)) => all.files.push(NamedText { name, content, is_named: file.is_named }),
                Err(Error::Outside(reason)) => all.unreadable.push(reason),
                Err(error) => all.faults.push(error.to_string()),
            }
        }
        Ok(all)
    }

    /// The SLOs in the texts that are `wanted`. Reports every fault of every text at once.
    pub(crate) fn specs(
        self,
        wanted: impl Fn(&NamedText) -> bool,
        defaults: &Defaults,
        talk: &mut dyn Write,
    ) -> Result<Vec<Loaded>, Error> {
        let Self { files, mut faults, mut unreadable } = self;
        let files: Vec<NamedText> = files.into_iter().filter(wanted).collect();
        let documents =
            spec::read_with(&files.iter().map(|file| file.content.as_str()).collect::<Vec<_>>(), defaults);
        let mut loaded = Vec::new();
        for (NamedText { name, .. }, document) in files.into_iter().zip(documents) {
            match document {
                Ok(Document { services, losses, .. }) => {
                    for loss in losses {
                        writeln!(talk, "{name}:{loss}")?;
                    }
                    loaded.push(Loaded { name, services });
                }
                Err(found) => faults.extend(found.faults().iter().map(|fault| format!("{name}:{fault}"))),
            }
        }
        if faults.is_empty() {
            faults.extend(joined(&loaded).err());
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
}

/// The SLO `service/slo` of an option, and its service.
#[cfg(feature = "server")]
pub(crate) fn slo<'a>(
    services: &'a [Service],
    key: &str,
) -> Result<(&'a Service, &'a slo_core::model::Slo), Error> {
    let mut all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
    let found = all.find(|(service, slo)| format!("{}/{}", service.name(), slo.name()) == key);
    found.ok_or_else(|| {
        Error::Usage(format!("--slo {key}: no such SLO in these files\n  hint: write SERVICE/SLO"))
    })
}

/// The names and the texts of all files.
#[cfg(feature = "server")]
pub(crate) fn texts(paths: &[PathBuf], reading: &Reading) -> Result<Vec<(String, String)>, Error> {
    let texts = Texts::read(paths, reading)?;
    Ok(texts.files.into_iter().map(|file| (file.name, file.content)).collect())
}

/// The services of all files, with time `speed` times faster. A service in several files becomes one.
pub(crate) fn services(
    paths: &[PathBuf],
    reading: &Reading,
    speed: u32,
    talk: &mut dyn Write,
) -> Result<Vec<Service>, Error> {
    services_with(paths, reading, &reading.defaults(), speed, talk)
}

/// The same, with other defaults.
pub(crate) fn services_with(
    paths: &[PathBuf],
    reading: &Reading,
    defaults: &Defaults,
    speed: u32,
    talk: &mut dyn Write,
) -> Result<Vec<Service>, Error> {
    let services = joined(&specs(paths, reading, defaults, talk)?).map_err(Error::Input)?;
    services.into_iter().map(|service| Ok(service.time_scaled(speed)?)).collect()
}

/// The services, in the order in which they are first described.
pub(crate) fn joined(loaded: &[Loaded]) -> Result<Vec<Service>, String> {
    let mut services: Vec<(Service, &str)> = Vec::new();
    let mut places: BTreeMap<Name, usize> = BTreeMap::new();
    for file in loaded {
        for service in &file.services {
            let place = places.get(service.name()).and_then(|place| services.get_mut(*place));
            let Some((described, other)) = place else {
                places.insert(service.name().clone(), services.len());
                services.push((service.clone(), &file.name));
                continue;
            };
            *described = described.clone().joined(service.clone()).map_err(|error| {
                let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
                format!(
                    "{}: service `{}`, which is also in {other}: {error}{hint}",
                    file.name,
                    service.name()
                )
            })?;
        }
    }
    Ok(services.into_iter().map(|(service, _)| service).collect())
}

const STANDARD_INPUT: &str = "-";
/// The largest file, in bytes; nobody writes a larger spec.
const LARGEST: u64 = 64 << 20;
/// The deepest nesting of folders.
const DEEPEST: usize = 64;

/// Files to read, each once.
#[derive(Default)]
struct Found {
    files: Vec<File>,
    unreadable: Vec<String>,
    // Links can lead to the same file by several paths.
    seen: BTreeSet<PathBuf>,
}

struct File {
    path: PathBuf,
    // Whether the user named it; otherwise it was found in a folder.
    is_named: bool,
}

impl Found {
    /// Adds the file at `path`, or all specs below it in the order of their names.
    fn add(&mut self, path: &Path, reading: &Reading) -> Result<(), Error> {
        if path.as_os_str() == STANDARD_INPUT {
            if !self.seen.insert(path.to_owned()) {
                return Err(Error::Usage(
                    "standard input is named twice\n  hint: write `-` once; it is read to its end".to_owned(),
                ));
            }
            self.files.push(File { path: path.to_owned(), is_named: true });
            return Ok(());
        }
        if !path.is_dir() {
            // A file that is named twice is read once.
            match fs::canonicalize(path) {
                Ok(real) if !self.seen.insert(real.clone()) => {
                    let is_it =
                        |file: &&mut File| fs::canonicalize(&file.path).is_ok_and(|known| known == real);
                    if let Some(known) = self.files.iter_mut().find(is_it) {
                        known.is_named = true;
                    }
                }
                _ => self.files.push(File { path: path.to_owned(), is_named: true }),
            }
            return Ok(());
        }
        if !self.walk(path, path, reading, 0) && self.unreadable.is_empty() {
            let chosen = if reading.include.is_empty() && reading.exclude.is_empty() {
                ""
            } else {
                " that `--include` and `--exclude` select"
            };
            return Err(Error::Input(format!(
                "{}: no *.yaml, *.yml or *.json file in it{chosen}",
                path.display()
            )));
        }
        Ok(())
    }

    /// Adds the new files of a folder. Returns whether the folder has any candidate file, new or known.
    fn walk(&mut self, root: &Path, folder: &Path, reading: &Reading, depth: usize) -> bool {
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) if depth < DEEPEST => entries,
            Ok(_) => {
                self.unreadable.push(format!("{}: folders too deeply nested", folder.display()));
                return false;
            }
            Err(error) => {
                self.unreadable.push(Error::file(folder, &error).to_string());
                return false;
            }
        };
        let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        entries.sort();
        let mut has_any = false;
        for entry in entries {
            // Git's own files, and the targets of the links that Kubernetes makes of a ConfigMap.
            let is_hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let is_new = |this: &mut Self| fs::canonicalize(&entry).is_ok_and(|real| this.seen.insert(real));
            if is_hidden {
                continue;
            }
            if entry.is_dir() {
                // A folder that was walked before had some, or its lack of files was reported.
                has_any |= !is_new(self) || self.walk(root, &entry, reading, depth + 1);
                continue;
            }
            let extension = entry.extension().and_then(|extension| extension.to_str());
            let below = entry.strip_prefix(root).unwrap_or(&entry);
            let fits = |globs: &[glob::Pattern]| globs.iter().any(|glob| glob.matches_path(below));
            if matches!(extension, Some("yaml" | "yml" | "json"))
                && (reading.include.is_empty() || fits(&reading.include))
                && !fits(&reading.exclude)
                && entry.is_file()
            {
                has_any = true;
                if is_new(self) {
                    self.files.push(File { path: entry, is_named: false });
                }
            }
        }
        has_any
    }
}

/// Every fault of a file, and how many.
#[cfg(feature = "server")]
pub(crate) fn faulty(path: &Path, faults: &slo_core::Diagnostics) -> Error {
    let shown = path.display();
    let all: Vec<String> = faults.faults().iter().map(|fault| format!("{shown}:{fault}")).collect();
    let noun = if all.len() == 1 { "fault" } else { "faults" };
    Error::Input(format!("{}\n{} {noun}", all.join("\n"), all.len()))
}

/// The name and text of a file.
fn read(path: &Path) -> Result<(String, String), Error> {
    let (name, mut source): (String, Box<dyn Read>) = if path.as_os_str() == STANDARD_INPUT {
        ("standard input".to_owned(), Box::new(io::stdin()))
    } else {
        let file = fs::File::open(path).map_err(|error| Error::file(path, &error))?;
        (path.display().to_string(), Box::new(file))
    };
    let mut bytes = Vec::new();
    source
        .by_ref()
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::file(Path::new(&name), &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Input(format!("{name}: more than {} MiB", LARGEST >> 20)));
    }
    // Bytes that are no text are the input's fault, not the file system's.
    String::from_utf8(bytes)
        .map(|text| (name.clone(), text))
        .map_err(|_| Error::Input(format!("{name}: not UTF-8 text")))
}
