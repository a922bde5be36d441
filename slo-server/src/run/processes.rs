//! Running processes, from `/proc`.

use rustix::process::{Pid, Signal, kill_process};
use std::{collections::BTreeMap, fs, thread, time::Duration};

/// A process that runs.
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

/// All processes that can be seen.
fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| running(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// The process of a line of `stat`; `None` if it has ended.
fn running(pid: i32, stat: &str) -> Option<Process> {
    // The name, in brackets, may be anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let threads = fields.nth(13)?;
    // A process whose first thread has ended looks the same while other threads run.
    (state != "Z" || threads != "1").then_some(Process { pid, parent, session })
}

/// The descendants of `ancestor`.
pub(super) fn descendants(ancestor: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for Process { pid, parent, .. } in all() {
        children.entry(parent).or_default().push(pid);
    }
    let (mut found, mut open) = (Vec::new(), vec![ancestor]);
    while let Some(next) = open.pop() {
        let own = children.remove(&next).unwrap_or_default();
        open.extend(&own);
        found.extend(own);
    }
    found
}

/// The processes of the session that `leader` started; the leader may have ended.
pub(super) fn of_session(leader: i32) -> Vec<i32> {
    all().into_iter().filter(|process| process.session == leader).map(|process| process.pid).collect()
}

/// How many times to look for processes that still run.
const ROUNDS: u64 = 200;

/// Kills the processes that `find` finds, until it finds none. All are stopped first, so that none starts
/// another.
pub(super) fn end_all(find: impl Fn() -> Vec<i32>) {
    for round in 0..ROUNDS {
        let left = find();
        if left.is_empty() {
            return;
        }
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in left.iter().filter_map(|pid| Pid::from_raw(*pid)) {
                // It may be gone already.
                let _gone = kill_process(pid, signal);
            }
        }
        thread::sleep(Duration::from_millis(round.min(10)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_running() {
        let line = |state: &str, threads: u32| {
            let zeros = "0 ".repeat(13);
            format!("7 (a) b) {state} 3 7 5 {zeros}{threads} 0 99")
        };
        let found = running(7, &line("S", 1)).map(|process| (process.parent, process.session));
        assert_eq!(found, Some((3, 5)));
        assert!(running(7, &line("Z", 1)).is_none());
        assert!(running(7, &line("Z", 2)).is_some());
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        assert!(all().iter().any(|process| process.pid == own));
    }
}
