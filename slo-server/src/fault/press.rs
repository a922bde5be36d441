//! The process that uses up something. It ends with the one that started it.

use rustix::{
    fs::{FallocateFlags, Mode, OFlags, fallocate, open},
    io::Errno,
    process::{Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit},
};
use serde::{Deserialize, Serialize};
use slo_ops::experiment::Pressure;
use std::{
    ffi::OsString,
    fs::{self, File},
    hint::black_box,
    io::{self, BufRead, Read, Write},
    path::Path,
    process::exit,
    thread,
};

/// The first argument of the process that uses up something.
pub const PRESS: &str = "__press";
/// What it says once it is there, and what it is told then.
pub(super) const HERE: &str = "here";
pub(super) const GO: &str = "go";
/// What it says once all is used up.
pub(super) const PRESSED: &str = "pressed";
/// How much is written to a file at once.
const PIECE: usize = 1 << 20;

/// What to use up.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    cpu: u32,
    memory: u64,
    disk: Option<(String, u64)>,
    descriptors: u64,
    cgroup: Option<String>,
}

impl Order {
    pub(super) fn of(pressure: &Pressure) -> Self {
        Self {
            cpu: pressure.cpu.unwrap_or_default(),
            memory: pressure.memory.unwrap_or_default(),
            disk: pressure.disk.as_ref().map(|disk| (disk.folder.clone(), disk.bytes)),
            descriptors: pressure.descriptors.unwrap_or_default(),
            cgroup: pressure.cgroup.clone(),
        }
    }
}

/// Uses up what `args` say, until standard input ends. A binary that runs experiments calls this first if its first argument
/// is [`PRESS`].
pub fn press(mut args: impl Iterator<Item = OsString>) -> ! {
    let order = args.next().and_then(|json| serde_json::from_slice::<Order>(json.as_encoded_bytes()).ok());
    let held = match order {
        Some(order) => begin(&order),
        None => Err(io::Error::other("this may only be called by slo itself")),
    };
    match held {
        Ok(held) => {
            say(PRESSED);
            let mut rest = Vec::new();
            let _ended = io::stdin().lock().read_to_end(&mut rest);
            drop(held);
            exit(0)
        }
        Err(error) => {
            say(&error.to_string());
            exit(1)
        }
    }
}

fn say(word: &str) {
    let mut out = io::stdout().lock();
    // Whoever started it may be gone; then it ends as well.
    let _gone = writeln!(out, "{word}").and_then(|()| out.flush());
}

/// What is used up, for as long as it is kept.
#[expect(dead_code, reason = "they are only kept")]
struct Held {
    memory: Vec<u8>,
    disk: Option<File>,
    descriptors: Vec<File>,
}

fn begin(order: &Order) -> io::Result<Held> {
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != parent {
        exit(1);
    }
    if let Some(cgroup) = &order.cgroup {
        let path = Path::new(cgroup).join("cgroup.procs");
        fs::write(&path, "0").map_err(|error| named(&path, &error))?;
    }
    // Where memory runs out, this process goes first.
    let _unsupported = fs::write("/proc/self/oom_score_adj", "1000");
    say(HERE);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim_end() != GO {
        exit(1);
    }
    let descriptors = descriptors(order.descriptors)?;
    let disk = order.disk.as_ref().map(|(folder, bytes)| fill(Path::new(folder), *bytes)).transpose()?;
    let memory = take(order.memory)?;
    for _ in 0..order.cpu {
        thread::Builder::new().spawn(|| {
            let mut number = 0_u64;
            loop {
                number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        })?;
    }
    Ok(Held { memory, disk, descriptors })
}

/// Memory that is in use: every page is written to.
fn take(bytes: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(bytes).map_err(io::Error::other)?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(size).map_err(io::Error::other)?;
    memory.resize(size, 1);
    Ok(black_box(memory))
}

/// A file without a name, whose room is free again when this process ends.
fn fill(folder: &Path, bytes: u64) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mut file = match open(folder, flags, mode) {
        Ok(file) => File::from(file),
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => tempfile::tempfile_in(folder)?,
        Err(error) => return Err(named(folder, &error.into())),
    };
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => return Ok(file),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
        Err(error) => return Err(named(folder, &error.into())),
    }
    let piece = vec![1; PIECE];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(PIECE as u64);
        let piece = piece.get(..usize::try_from(size).unwrap_or(PIECE)).unwrap_or_default();
        file.write_all(piece).map_err(|error| named(folder, &error))?;
        left -= size;
    }
    file.sync_all()?;
    Ok(file)
}

fn descriptors(count: u64) -> io::Result<Vec<File>> {
    let limit = getrlimit(Resource::Nofile);
    // It keeps the lower limit where it may not raise it.
    let _refused = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    (0..count)
        .map(|number| {
            File::open("/dev/null")
                .map_err(|error| io::Error::new(error.kind(), format!("after {number} descriptors: {error}")))
        })
        .collect()
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
