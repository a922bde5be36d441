//! Processes that a fault hits, and signals to them.

use procfs::{
    ProcError,
    process::{Process, all_processes},
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal},
};
use slo_ops::{
    Error,
    experiment::{ProcessId, Processes},
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::UNIX_EPOCH,
};

/// The processes that `processes` names, which run; neither this process nor one that it descends from.
///
/// # Errors
/// A pid file or a cgroup that cannot be read, or processes that this process needs.
pub(super) fn find(processes: &Processes) -> Result<Vec<ProcessId>, Error> {
    let own = ancestors();
    let pids = match processes {
        Processes::PidFile(path) => vec![read_pid(Path::new(path))?],
        Processes::Cgroup(path) => members(Path::new(path))?,
        Processes::CommandLine(pattern) => {
            let pattern = regex::Regex::new(pattern).map_err(|error| Error::new(error.to_string()))?;
            let all = all_processes().map_err(|error| unreadable(&error))?.flatten();
            let matching = all.filter(|process| {
                let words = process.cmdline().unwrap_or_default();
                !words.is_empty() && pattern.is_match(&words.join(" ")) && !own.contains(&process.pid)
            });
            matching.map(|process| process.pid).collect()
        }
        _ => return Err(Error::new("this version cannot find these processes")),
    };
    if let Some(own) = pids.iter().find(|pid| own.contains(pid)) {
        return Err(Error::new(format!("{processes}: process {own} is slo itself, or one that started it"))
            .with_hint("name other processes"));
    }
    Ok(pids.into_iter().filter_map(identify).collect())
}

/// The command line of a process, for people.
pub(super) fn command_line(pid: i32) -> String {
    let words = Process::new(pid).and_then(|process| process.cmdline()).unwrap_or_default();
    let line = words.join(" ");
    let cut: String = line.chars().take(LONGEST).collect();
    slo_core::plain(&cut).into_owned()
}

/// The most characters of a command line.
const LONGEST: usize = 120;

/// The identity of a process that runs.
pub(crate) fn identify(pid: i32) -> Option<ProcessId> {
    let stat = Process::new(pid).ok()?.stat().ok()?;
    // A zombie does not run any more. A process of the kernel has no memory, and neither has one that is ending.
    (!matches!(stat.state, 'Z' | 'X') && stat.vsize > 0).then(|| ProcessId {
        pid,
        started: stat.starttime,
        boot: boot(),
    })
}

/// The identity of this process.
pub(crate) fn own() -> ProcessId {
    let pid = getpid().as_raw_nonzero().get();
    identify(pid).unwrap_or(ProcessId { pid, started: 0, boot: boot() })
}

/// Whether a process still runs.
pub(crate) fn runs(process: &ProcessId) -> bool {
    identify(process.pid).as_ref() == Some(process)
}

/// Whether a process is stopped.
pub(super) fn is_stopped(process: &ProcessId) -> bool {
    let state = Process::new(process.pid).and_then(|process| process.stat()).map(|stat| stat.state);
    runs(process) && state.is_ok_and(|state| state == 'T')
}

/// Sends a signal to a process; `false` if it has ended. Another process with its number never gets it.
///
/// # Errors
/// A process of another user.
pub(crate) fn signal(process: &ProcessId, signal: Signal) -> Result<bool, Error> {
    let Some(pid) = Pid::from_raw(process.pid) else { return Ok(false) };
    let failed = |error: Errno| Error::new(format!("{process}: {error}")).with_hint("run slo as its user");
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    // The handle is of whatever has the number now.
    if !runs(process) {
        return Ok(false);
    }
    match pidfd_send_signal(handle, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn read_pid(path: &Path) -> Result<i32, Error> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| Error::new(format!("{shown}: {error}")))?;
    let pid = text.trim().parse::<i32>().ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| Error::new(format!("{shown}: there is no number of a process")))?;
    let written = fs::metadata(path).and_then(|file| file.modified());
    let written =
        written.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_secs());
    if let (Some(started), Some(written)) = (start_of(pid), written)
        && started > written + CLOCKS
    {
        return Err(Error::new(format!("{shown}: process {pid} started after the file was written"))
            .with_hint("the file is old: remove it, or start its program again"));
    }
    Ok(pid)
}

/// When a process started, in seconds since the Unix epoch.
fn start_of(pid: i32) -> Option<u64> {
    let ticks = Process::new(pid).ok()?.stat().ok()?.starttime;
    Some(procfs::boot_time_secs().ok()? + ticks / procfs::ticks_per_second())
}

/// How far the clock of the kernel and that of files may be apart, in seconds.
const CLOCKS: u64 = 5;

/// The processes of a cgroup and of those below it.
fn members(folder: &Path) -> Result<Vec<i32>, Error> {
    let mut pids = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let path = folder.join("cgroup.procs");
        let text =
            fs::read_to_string(&path).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
        pids.extend(text.lines().filter_map(|line| line.trim().parse::<i32>().ok()));
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(below.map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    Ok(pids.into_iter().collect())
}

/// This process, and those that it descends from.
fn ancestors() -> BTreeSet<i32> {
    let mut found = BTreeSet::from([1]);
    let mut next = Some(getpid().as_raw_nonzero().get());
    while let Some(pid) = next.filter(|pid| *pid > 0 && found.insert(*pid)) {
        next = Process::new(pid).and_then(|process| process.stat()).map(|stat| stat.ppid).ok();
    }
    found
}

fn boot() -> String {
    static BOOT: OnceLock<String> = OnceLock::new();
    let read = || fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
    BOOT.get_or_init(read).clone()
}

fn unreadable(error: &ProcError) -> Error {
    Error::new(format!("/proc: {error}"))
}
