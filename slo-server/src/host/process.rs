//! Processes.

use procfs::process::{LimitValue, Process, all_processes};
use slo_ops::host::ProcessFact;
use std::{collections::BTreeMap, time::Duration};

/// A process at one moment.
pub(super) struct Counted {
    pid: i32,
    started: u64,
    parent: i32,
    name: String,
    state: char,
    ticks: u64,
    memory: u64,
    pub(super) files: Option<(u64, u64)>,
}

pub(super) fn read() -> Vec<Counted> {
    let all = all_processes().into_iter().flatten().flatten();
    all.filter_map(|process| counted(&process)).collect()
}

fn counted(process: &Process) -> Option<Counted> {
    let stat = process.stat().ok()?;
    let is_kernel = stat.vsize == 0 && stat.state != 'Z';
    let files = if is_kernel || stat.state == 'Z' { Some((0, u64::MAX)) } else { files(process) };
    Some(Counted {
        pid: stat.pid,
        started: stat.starttime,
        parent: stat.ppid,
        name: slo_core::plain(&stat.comm).into_owned(),
        state: stat.state,
        ticks: stat.utime + stat.stime,
        memory: stat.rss.saturating_mul(procfs::page_size()),
        files,
    })
}

fn files(process: &Process) -> Option<(u64, u64)> {
    let used = process.fd_count().ok()? as u64;
    match process.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(most) => Some((used, most)),
        LimitValue::Unlimited => Some((used, u64::MAX)),
    }
}

/// The processes in both samples; a state counts only if it is the same in both.
pub(super) fn compare(before: &[Counted], after: &[Counted], time: Duration) -> Vec<ProcessFact> {
    let known: BTreeMap<(i32, u64), &Counted> =
        before.iter().map(|process| ((process.pid, process.started), process)).collect();
    let per_second = procfs::ticks_per_second() as f64;
    let compared = after.iter().filter_map(|now| {
        let then = known.get(&(now.pid, now.started))?;
        let ticks = now.ticks.saturating_sub(then.ticks) as f64;
        Some(ProcessFact {
            pid: now.pid,
            parent: now.parent,
            name: now.name.clone(),
            state: if now.state == then.state { now.state } else { 'S' },
            cpus: ticks / per_second / time.as_secs_f64(),
            memory: now.memory,
            files: now.files.filter(|(_, most)| *most < u64::MAX),
        })
    });
    compared.collect()
}
