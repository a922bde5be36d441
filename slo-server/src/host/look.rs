//! All facts about this machine.

use super::{cgroup, kernel, listeners, peers, process};
use procfs::{Current, CurrentSI, KernelStats, LoadAverage, Meminfo, process::Process};
use rustix::fs::{StatVfsMountFlags, statvfs};
use slo_ops::host::{Disk, Facts, Memory, Pressure};
use std::{
    collections::BTreeSet,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long counters are watched.
const WATCHED: Duration = Duration::from_millis(300);

/// Collects facts about this machine, and checks `peers`, each `host:port`.
///
/// It takes a third of a second, and needs no extra rights. Facts that it cannot read are listed in `unseen`.
#[must_use]
pub fn look(peers: &[String]) -> Facts {
    let mut facts = Facts::default();
    let before = Counters::read();
    let begun = Instant::now();
    let waiting = peers::start(peers);
    memory(&mut facts);
    disks(&mut facts);
    pressure(&mut facts);
    tables(&mut facts);
    match listeners::listeners() {
        Ok(listeners) => facts.listeners = listeners,
        Err(error) => facts.unseen.push(format!("listening sockets: {error}")),
    }
    match kernel::oom_kills() {
        Ok(lines) => facts.oom_kills = lines,
        Err(error) => facts.unseen.push(format!("the kernel log: {error}")),
    }
    facts.failed_units = kernel::failed_units();
    sleep(WATCHED.saturating_sub(begun.elapsed()));
    let after = Counters::read();
    compare(&mut facts, &before, &after, begun.elapsed());
    facts.peers = waiting.into_iter().filter_map(|peer| peer.join().ok()).collect();
    facts
}

/// Counters that are compared over time.
struct Counters {
    busy: Option<(u64, u64)>,
    overflows: Option<u64>,
    segments: Option<(u64, u64)>,
    groups: Vec<cgroup::Counted>,
    processes: Vec<process::Counted>,
}

impl Counters {
    fn read() -> Self {
        Self {
            busy: busy(),
            overflows: named("/proc/net/netstat", "TcpExt:", "ListenOverflows"),
            segments: named("/proc/net/snmp", "Tcp:", "OutSegs").zip(named(
                "/proc/net/snmp",
                "Tcp:",
                "RetransSegs",
            )),
            groups: cgroup::read(),
            processes: process::read(),
        }
    }
}

/// Ticks in which CPUs were busy, and all ticks.
fn busy() -> Option<(u64, u64)> {
    let total = KernelStats::current().ok()?.total;
    let idle = total.idle + total.iowait.unwrap_or(0);
    let others = [total.irq, total.softirq, total.steal].into_iter().flatten().sum::<u64>();
    let worked = total.user + total.nice + total.system + others;
    Some((worked, worked + idle))
}

/// A number of a file that has names in one line and their values in the next.
fn named(path: &str, line: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines().filter(|one| one.starts_with(line));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|one| one == name)?;
    values.split_whitespace().nth(place)?.parse().ok()
}

fn compare(facts: &mut Facts, before: &Counters, after: &Counters, time: Duration) {
    facts.cpus =
        std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX));
    facts.load = LoadAverage::current().ok().map(|load| f64::from(load.one));
    if let (Some((worked, all)), Some((worked_after, all_after))) = (before.busy, after.busy)
        && all_after > all
    {
        facts.cpu_busy = Some(worked_after.saturating_sub(worked) as f64 / (all_after - all) as f64);
    }
    facts.listen_overflows = before.overflows.zip(after.overflows).map(|(one, two)| two.saturating_sub(one));
    if let (Some((sent, again)), Some((sent_after, again_after))) = (before.segments, after.segments) {
        let sent = sent_after.saturating_sub(sent);
        let share = if sent == 0 { 0.0 } else { again_after.saturating_sub(again) as f64 / sent as f64 };
        facts.retransmitted = Some((share, sent));
    }
    facts.cgroups = cgroup::compare(&before.groups, &after.groups);
    facts.processes = process::compare(&before.processes, &after.processes, time);
    if after.processes.iter().any(|process| process.files.is_none()) {
        facts.unseen.push("open files of other users' processes".to_owned());
    }
}

fn memory(facts: &mut Facts) {
    match Meminfo::current() {
        Ok(memory) => {
            facts.memory = memory.mem_available.map(|available| Memory {
                total: memory.mem_total,
                available,
                swap: memory.swap_total,
                swap_free: memory.swap_free,
            });
        }
        Err(error) => facts.unseen.push(format!("memory: {error}")),
    }
}

fn pressure(facts: &mut Facts) {
    for resource in ["cpu", "memory", "io"] {
        let Ok(text) = fs::read_to_string(format!("/proc/pressure/{resource}")) else {
            if resource == "cpu" {
                facts.unseen.push("pressure: this kernel does not measure it".to_owned());
            }
            continue;
        };
        let average = |kind: &str| {
            let line = text.lines().find(|line| line.starts_with(kind))?;
            line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
        };
        facts.pressure.push(Pressure {
            resource: resource.to_owned(),
            some: average("some").unwrap_or(0.0),
            full: average("full").unwrap_or(0.0),
        });
    }
}

/// Types of file systems that are not checked.
const NO_DISKS: [&str; 8] =
    ["squashfs", "iso9660", "overlay", "ramfs", "devtmpfs", "nsfs", "efivarfs", "erofs"];

fn disks(facts: &mut Facts) {
    let mounts = match Process::myself().and_then(|process| process.mountinfo()) {
        Ok(mounts) => mounts,
        Err(error) => return facts.unseen.push(format!("disks: {error}")),
    };
    let mut seen = BTreeSet::new();
    for mount in &mounts {
        // A network file system whose server is away would hold this up.
        let is_remote = ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs", "ceph"].contains(&mount.fs_type.as_str());
        if is_remote || NO_DISKS.contains(&mount.fs_type.as_str()) || !seen.insert(mount.majmin.clone()) {
            continue;
        }
        let Ok(found) = statvfs(&mount.mount_point) else { continue };
        if found.f_blocks == 0 {
            continue;
        }
        let path = mount.mount_point.display().to_string();
        facts.disks.push(Disk {
            path,
            kind: mount.fs_type.clone(),
            size: found.f_blocks.saturating_mul(found.f_frsize),
            free: found.f_bavail.saturating_mul(found.f_frsize),
            files: found.f_files,
            files_free: found.f_favail,
            is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY)
                || mount.super_options.contains_key("ro"),
            is_meant: mount.mount_options.contains_key("ro"),
        });
    }
}

fn tables(facts: &mut Facts) {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let most = number("/proc/sys/net/netfilter/nf_conntrack_max");
    facts.conntrack = number("/proc/sys/net/netfilter/nf_conntrack_count").zip(most);
    let files = fs::read_to_string("/proc/sys/fs/file-nr").unwrap_or_default();
    let mut files = files.split_whitespace().map(str::parse::<u64>);
    if let (Some(Ok(used)), _, Some(Ok(most))) = (files.next(), files.next(), files.next()) {
        facts.open_files = Some((used, most));
    }
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    let mut words = tcp.split_whitespace().skip_while(|word| *word != "tw").skip(1);
    facts.time_wait = words.next().and_then(|word| word.parse().ok());
    let ports = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ports = ports.split_whitespace().filter_map(|port| port.parse::<u64>().ok());
    facts.local_ports = ports.next().zip(ports.next()).map(|(first, last)| last.saturating_sub(first) + 1);
}
