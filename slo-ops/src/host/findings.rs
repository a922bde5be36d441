//! Findings: what is wrong with a machine, from the facts about it.

use super::{Cgroup, Disk, Facts, ProcessFact};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// Something fails because of it.
    Critical,
    /// Something is slow because of it, or may fail soon.
    Warning,
    /// It is worth knowing.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// A finding: a problem, its threshold, and the source of its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The area: `cpu`, `memory`, `io`, `disk`, `network`, `files`, `processes`, `units` or `peers`.
    pub check: String,
    /// The problem, with its numbers.
    pub text: String,
    /// The threshold of the problem.
    pub threshold: String,
    /// The source of the numbers.
    pub source: String,
}

/// All processors together work more than this part of their time.
const BUSY: f64 = 0.9;
/// A process uses this much of a processor.
const HOG: f64 = 0.9;
/// Work waits this part of the time, in percent.
const STALLED: f64 = 25.0;
/// Less than this part of the memory is available.
const LITTLE_MEMORY: f64 = 0.05;
/// A cgroup uses more than this part of its memory limit.
const AT_LIMIT: f64 = 0.95;
/// A cgroup is throttled in more than this part of its periods.
const THROTTLED: f64 = 0.25;
/// Less than this part of a file system is free.
const LITTLE_SPACE: f64 = 0.05;
/// A file system with less free space than this is full, in bytes.
const NO_SPACE: u64 = 1 << 20;
/// More than this part of an accept queue, or of the local ports, is taken.
const QUEUED: f64 = 0.8;
/// More than this part of segments is retransmitted.
const RESENT: f64 = 0.02;
/// Fewer segments than this are too few to judge.
const FEWEST_SEGMENTS: u64 = 200;
/// More than this part of a table is taken.
const TABLE: f64 = 0.9;
/// A connection takes longer than this, in milliseconds.
const SLOW: u64 = 250;

/// The findings about a machine, worst first; none on a healthy machine.
///
/// ```
/// use slo_ops::host::{Disk, Facts, Level, findings};
///
/// let full = Disk {
///     path: "/var".into(), kind: "ext4".into(), size: 1 << 30, free: 0, files: 0, files_free: 0,
///     is_read_only: false, is_meant: false,
/// };
/// let found = findings(&Facts { cpus: 2, disks: vec![full], ..Facts::default() });
/// assert_eq!(found[0].level, Level::Critical);
/// assert_eq!(found[0].text, "/var is full: 0 B of 1.0 GiB are free");
/// assert_eq!(findings(&Facts { cpus: 2, ..Facts::default() }), []);
/// ```
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    found.processors(facts);
    found.memory(facts);
    facts.cgroups.iter().for_each(|group| found.group(group));
    facts.disks.iter().for_each(|disk| found.disk(disk));
    found.network(facts);
    found.tables(facts);
    found.processes(&facts.processes);
    found.rest(facts);
    found.0.sort_by_key(|finding| finding.level);
    found.0
}

struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, level: Level, check: &str, text: String, threshold: String, source: &str) {
        let check = check.to_owned();
        self.0.push(Finding { level, check, text, threshold, source: source.to_owned() });
    }

    fn processors(&mut self, facts: &Facts) {
        let is_busy = facts.cpu_busy.is_some_and(|busy| busy > BUSY);
        if let Some(busy) = facts.cpu_busy.filter(|_| is_busy) {
            let text = format!("the {} CPUs are busy {:.0} % of the time", facts.cpus, busy * 100.0);
            self.add(Level::Warning, "cpu", text, format!("above {:.0} %", BUSY * 100.0), "/proc/stat");
        }
        for process in facts.processes.iter().filter(|process| process.cpus > HOG) {
            let level = if is_busy { Level::Warning } else { Level::Info };
            let text = format!("{} uses {:.1} CPUs", named(process), process.cpus);
            self.add(level, "cpu", text, format!("above {HOG} of a CPU"), "/proc/PID/stat");
        }
        for pressure in &facts.pressure {
            // For the CPU, the kernel defines no `full` value of a whole machine.
            let stalled = if pressure.resource == "cpu" { pressure.some } else { pressure.full };
            let limit = if pressure.resource == "cpu" { 2.0 * STALLED } else { STALLED };
            if stalled > limit {
                let text = format!(
                    "tasks waited for {} in {stalled:.0} % of the last ten seconds",
                    pressure.resource
                );
                let source = format!("/proc/pressure/{}", pressure.resource);
                self.add(Level::Warning, &pressure.resource, text, format!("above {limit} %"), &source);
            }
        }
    }

    fn memory(&mut self, facts: &Facts) {
        if let Some(memory) = &facts.memory {
            let share = part(memory.available, memory.total);
            if share < LITTLE_MEMORY {
                let (left, all) = (bytes(memory.available), bytes(memory.total));
                let text = format!("only {left} of {all} of memory is available");
                let threshold = format!("below {:.0} %", LITTLE_MEMORY * 100.0);
                self.add(Level::Critical, "memory", text, threshold, "/proc/meminfo");
            }
        }
        if let Some(last) = facts.oom_kills.last() {
            let count = facts.oom_kills.len();
            let processes =
                if count == 1 { "a process".to_owned() } else { format!("{count} processes, the last one") };
            let text = format!("the OOM killer killed {processes}: {last}");
            self.add(Level::Critical, "memory", text, "any in the last 15 minutes".to_owned(), "/dev/kmsg");
        }
    }

    fn group(&mut self, group: &Cgroup) {
        if let (Some(limit), Some(used)) = (group.memory_limit, group.memory_used)
            && part(used, limit) > AT_LIMIT
        {
            let text = format!("{} uses {} of its memory limit of {}", group.path, bytes(used), bytes(limit));
            let threshold = format!("above {:.0} % of its limit", AT_LIMIT * 100.0);
            self.add(Level::Critical, "memory", text, threshold, "cgroup: memory");
        }
        if group.oom_kills > 0 {
            let text = format!("processes in {} that the OOM killer killed: {}", group.path, group.oom_kills);
            self.add(
                Level::Warning,
                "memory",
                text,
                "any since the cgroup was created".to_owned(),
                "cgroup: oom_kill",
            );
        }
        let held_back = part(group.throttled, group.periods);
        if group.throttled > 1 && held_back > THROTTLED {
            let limit = group.cpu_limit.map_or_else(String::new, |limit| format!(" of {limit} CPUs"));
            let text = format!(
                "{} was throttled by its CPU limit{limit} in {:.0} % of the periods",
                group.path,
                held_back * 100.0
            );
            let threshold = format!("above {:.0} % of the periods", THROTTLED * 100.0);
            self.add(Level::Critical, "cpu", text, threshold, "cgroup: cpu.stat");
        }
    }

    fn disk(&mut self, disk: &Disk) {
        if disk.is_read_only && !disk.is_meant {
            let text = format!("{} has become read-only, as happens after file system errors", disk.path);
            self.add(Level::Critical, "disk", text, "any".to_owned(), "/proc/self/mountinfo");
        }
        if disk.is_read_only || disk.size == 0 {
            return;
        }
        let (free, size) = (bytes(disk.free), bytes(disk.size));
        let threshold = format!("below {:.0} % free", LITTLE_SPACE * 100.0);
        if disk.free < NO_SPACE.min(disk.size / 100) {
            let text = format!("{} is full: {free} of {size} are free", disk.path);
            self.add(Level::Critical, "disk", text, threshold, "statvfs");
        } else if part(disk.free, disk.size) < LITTLE_SPACE {
            let text = format!("{} is nearly full: {free} of {size} are free", disk.path);
            self.add(Level::Warning, "disk", text, threshold, "statvfs");
        }
        if disk.files > 0 && part(disk.files_free, disk.files) < LITTLE_SPACE {
            let text = format!("{} has {} free inodes of {}", disk.path, disk.files_free, disk.files);
            let level = if disk.files_free == 0 { Level::Critical } else { Level::Warning };
            self.add(
                level,
                "disk",
                text,
                format!("below {:.0} % free inodes", LITTLE_SPACE * 100.0),
                "statvfs",
            );
        }
    }

    fn network(&mut self, facts: &Facts) {
        for listener in facts.listeners.iter().filter(|listener| listener.waiting > 0) {
            if part(listener.waiting, listener.most.max(1)) > QUEUED {
                let text = format!(
                    "{} connections wait in the accept queue of {}, which has room for {}",
                    listener.waiting, listener.address, listener.most
                );
                let threshold = format!("above {:.0} %", QUEUED * 100.0);
                self.add(Level::Critical, "network", text, threshold, "sock_diag");
            }
        }
        if let Some(overflows @ 1..) = facts.listen_overflows {
            let text = format!("{overflows} connections did not fit into the accept queue of their socket");
            self.add(
                Level::Critical,
                "network",
                text,
                "any during the check".to_owned(),
                "/proc/net/netstat",
            );
        }
        if let (Some(waiting), Some(ports @ 1..)) = (facts.time_wait, facts.local_ports)
            && part(waiting, ports) > QUEUED
        {
            let text = format!("{waiting} connections are in TIME_WAIT, of {ports} local ports");
            let threshold = format!("above {:.0} % of the ports", QUEUED * 100.0);
            self.add(Level::Warning, "network", text, threshold, "/proc/net/sockstat");
        }
        if let Some((share, sent)) = facts.retransmitted
            && share > RESENT
            && sent >= FEWEST_SEGMENTS
        {
            let text = format!("{:.1} % of {sent} TCP segments were retransmitted", share * 100.0);
            let threshold = format!("above {:.0} %", RESENT * 100.0);
            self.add(Level::Warning, "network", text, threshold, "/proc/net/snmp");
        }
    }

    fn tables(&mut self, facts: &Facts) {
        let threshold = || format!("above {:.0} %", TABLE * 100.0);
        if let Some((used, most)) = facts.conntrack
            && part(used, most) > TABLE
        {
            let text = format!("conntrack tracks {used} of at most {most} connections");
            self.add(Level::Critical, "network", text, threshold(), "/proc/sys/net/netfilter");
        }
        if let Some((used, most)) = facts.open_files
            && part(used, most) > TABLE
        {
            let text = format!("{used} of at most {most} files are open");
            self.add(Level::Critical, "files", text, threshold(), "/proc/sys/fs/file-nr");
        }
        for process in &facts.processes {
            if let Some((used, most)) = process.files
                && part(used, most) > TABLE
            {
                let text = format!("{} has {used} of at most {most} files open", named(process));
                self.add(Level::Critical, "files", text, threshold(), "/proc/PID/fd");
            }
        }
    }

    fn processes(&mut self, processes: &[ProcessFact]) {
        for process in processes.iter().filter(|process| process.state == 'D') {
            let text =
                format!("{} is stuck waiting for a disk or a device, and cannot be killed", named(process));
            self.add(Level::Warning, "processes", text, "in both samples".to_owned(), "/proc/PID/stat");
        }
        for process in processes.iter().filter(|process| process.state == 'Z') {
            let parent = processes.iter().find(|other| other.pid == process.parent);
            let parent = parent.map_or_else(|| format!("process {}", process.parent), named);
            let text = format!("{} is a zombie: {parent} has not reaped it", named(process));
            self.add(Level::Info, "processes", text, "in both samples".to_owned(), "/proc/PID/stat");
        }
    }

    fn rest(&mut self, facts: &Facts) {
        for unit in &facts.failed_units {
            self.add(Level::Critical, "units", format!("{unit} has failed"), "any".to_owned(), "systemctl");
        }
        for peer in &facts.peers {
            let time = peer.resolved.unwrap_or(0) + peer.connected.unwrap_or(0);
            match &peer.error {
                Some(error) => {
                    let text = format!("{} cannot be reached: {error}", peer.name);
                    self.add(Level::Critical, "peers", text, "any".to_owned(), "connect");
                }
                None if time > SLOW => {
                    let text = format!("connecting to {} takes {time} ms, with the name lookup", peer.name);
                    self.add(Level::Warning, "peers", text, format!("above {SLOW} ms"), "connect");
                }
                None => {}
            }
        }
    }
}

fn named(process: &ProcessFact) -> String {
    format!("{} (process {})", process.name, process.pid)
}

fn part(of: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { of as f64 / all as f64 }
}

/// Bytes, in the unit that keeps the number below 1024.
fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1_024.0 && unit + 1 < units.len() {
        size /= 1_024.0;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{bytes} {name}") } else { format!("{size:.1} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(state: char, cpus: f64, files: Option<(u64, u64)>) -> ProcessFact {
        ProcessFact { pid: 7, parent: 1, name: "x".to_owned(), state, cpus, memory: 0, files }
    }

    fn check(facts: &Facts, expected: &[&str]) {
        let found: Vec<String> = findings(facts)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.level, finding.text))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_within_its_limits_is_not_told() {
        check(
            &Facts {
                cpus: 2,
                cpu_busy: Some(0.7),
                memory: Some(Memory { total: 100, available: 20, swap: 0, swap_free: 0 }),
                cgroups: vec![Cgroup { memory_limit: Some(100), memory_used: Some(90), ..Cgroup::default() }],
                listeners: vec![Listener { address: "*:80".to_owned(), waiting: 2, most: 128 }],
                listen_overflows: Some(0),
                retransmitted: Some((0.5, 10)),
                processes: vec![process('S', 0.5, Some((10, 1_024)))],
                ..Facts::default()
            },
            &[],
        );
    }

    use super::super::{Listener, Memory, Peer};

    #[test]
    fn each_is_named() {
        check(
            &Facts {
                cpus: 2,
                cpu_busy: Some(0.99),
                memory: Some(Memory { total: 100, available: 1, swap: 0, swap_free: 0 }),
                cgroups: vec![Cgroup {
                    path: "/app".to_owned(),
                    memory_limit: Some(1_000),
                    memory_used: Some(990),
                    oom_kills: 2,
                    cpu_limit: Some(0.5),
                    periods: 4,
                    throttled: 3,
                }],
                listeners: vec![Listener { address: "*:80".to_owned(), waiting: 6, most: 5 }],
                processes: vec![process('Z', 0.0, None), process('R', 1.0, Some((1_000, 1_024)))],
                peers: vec![Peer {
                    name: "db:5432".to_owned(),
                    resolved: None,
                    connected: None,
                    error: Some("no such host".to_owned()),
                }],
                ..Facts::default()
            },
            &[
                "critical: only 1 B of 100 B of memory is available",
                "critical: /app uses 990 B of its memory limit of 1000 B",
                "critical: /app was throttled by its CPU limit of 0.5 CPUs in 75 % of the periods",
                "critical: 6 connections wait in the accept queue of *:80, which has room for 5",
                "critical: x (process 7) has 1000 of at most 1024 files open",
                "critical: db:5432 cannot be reached: no such host",
                "warning: the 2 CPUs are busy 99 % of the time",
                "warning: x (process 7) uses 1.0 CPUs",
                "warning: processes in /app that the OOM killer killed: 2",
                "info: x (process 7) is a zombie: process 1 has not reaped it",
            ],
        );
    }
}
