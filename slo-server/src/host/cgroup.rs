//! Cgroups with their own limits, of version 1 and version 2.

use slo_ops::host::Cgroup;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A cgroup at one moment.
pub(super) struct Counted {
    group: Cgroup,
}

/// The most folders that are read.
const MOST: usize = 2_000;
/// In version 1, a number above this means that there is no limit.
const NO_LIMIT: u64 = 1 << 60;
const ROOT: &str = "/sys/fs/cgroup";

/// All cgroups that have a limit.
pub(super) fn read() -> Vec<Counted> {
    let root = Path::new(ROOT);
    let mut found: BTreeMap<String, Cgroup> = BTreeMap::new();
    if root.join("cgroup.controllers").exists() {
        each(root, |folder| version_2(folder, name(root, folder), &mut found));
    } else {
        for (controller, read) in [("memory", memory_1 as Reader), ("cpu", cpu_1)] {
            let root = root.join(controller);
            each(&root, |folder| read(folder, name(&root, folder), &mut found));
        }
    }
    found.retain(|_, group| group.memory_limit.is_some() || group.cpu_limit.is_some());
    found.into_values().map(|group| Counted { group }).collect()
}

type Groups = BTreeMap<String, Cgroup>;
type Reader = fn(&Path, String, &mut Groups);

/// Calls `look` with a folder and those below it.
fn each(root: &Path, mut look: impl FnMut(&Path)) {
    let (mut folders, mut looked): (Vec<PathBuf>, usize) = (vec![root.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        look(&folder);
        looked += 1;
        if looked > MOST {
            return;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
}

fn name(root: &Path, folder: &Path) -> String {
    let path = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
    slo_core::plain(&format!("/{path}")).into_owned()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
}

/// A number of a file of `name number` lines.
fn field(folder: &Path, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(own, _)| *own == name)?.1.trim().parse().ok()
}

fn version_2(folder: &Path, path: String, found: &mut Groups) {
    let limit = number(folder, "memory.max");
    // File cache that the kernel can reclaim at once does not count as used.
    let reclaimable = field(folder, "memory.stat", "inactive_file").unwrap_or(0);
    let quota = fs::read_to_string(folder.join("cpu.max")).unwrap_or_default();
    let mut quota = quota.split_whitespace().map(str::parse::<f64>);
    let group = Cgroup {
        memory_limit: limit,
        memory_used: number(folder, "memory.current").map(|used| used.saturating_sub(reclaimable)),
        oom_kills: field(folder, "memory.events", "oom_kill").unwrap_or(0),
        cpu_limit: match (quota.next(), quota.next()) {
            (Some(Ok(quota)), Some(Ok(period))) if period > 0.0 => Some(quota / period),
            _ => None,
        },
        periods: field(folder, "cpu.stat", "nr_periods").unwrap_or(0),
        throttled: field(folder, "cpu.stat", "nr_throttled").unwrap_or(0),
        path: path.clone(),
    };
    found.insert(path, group);
}

fn memory_1(folder: &Path, path: String, found: &mut Groups) {
    let group = found.entry(path.clone()).or_insert_with(|| Cgroup { path, ..Cgroup::default() });
    let reclaimable = field(folder, "memory.stat", "total_inactive_file").unwrap_or(0);
    group.memory_limit = number(folder, "memory.limit_in_bytes").filter(|limit| *limit < NO_LIMIT);
    group.memory_used = number(folder, "memory.usage_in_bytes").map(|used| used.saturating_sub(reclaimable));
    group.oom_kills = field(folder, "memory.oom_control", "oom_kill").unwrap_or(0);
}

fn cpu_1(folder: &Path, path: String, found: &mut Groups) {
    let group = found.entry(path.clone()).or_insert_with(|| Cgroup { path, ..Cgroup::default() });
    let (quota, period) = (number(folder, "cpu.cfs_quota_us"), number(folder, "cpu.cfs_period_us"));
    // Without a quota it is -1, which is no number here.
    group.cpu_limit = quota
        .zip(period)
        .filter(|(_, period)| *period > 0)
        .map(|(quota, period)| quota as f64 / period as f64);
    group.periods = field(folder, "cpu.stat", "nr_periods").unwrap_or(0);
    group.throttled = field(folder, "cpu.stat", "nr_throttled").unwrap_or(0);
}

/// The cgroups of the second sample, with the counts since the first.
pub(super) fn compare(before: &[Counted], after: &[Counted]) -> Vec<Cgroup> {
    let known: BTreeMap<&str, &Cgroup> =
        before.iter().map(|counted| (counted.group.path.as_str(), &counted.group)).collect();
    let compared = after.iter().map(|Counted { group }| {
        let mut group = group.clone();
        let then = known.get(group.path.as_str());
        group.periods = then.map_or(0, |then| group.periods.saturating_sub(then.periods));
        group.throttled = then.map_or(0, |then| group.throttled.saturating_sub(then.throttled));
        group
    });
    compared.collect()
}
