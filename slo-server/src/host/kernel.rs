//! OOM kills from the kernel log, and failed units of systemd.

use rustix::{
    fs::{Mode, OFlags, open},
    io::{Errno, read},
};
use std::{path::Path, process::Command};

/// How far back the log is read, in microseconds.
const RECENT: u64 = 900_000_000;
/// The most lines that are kept.
const MOST: usize = 100;

/// Lines of the last 15 minutes about processes that the OOM killer killed.
pub(super) fn oom_kills() -> Result<Vec<String>, Errno> {
    let log = open("/dev/kmsg", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let up = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let up: f64 = up.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time since the machine started"
    )]
    let now = (up * 1e6) as u64;
    let mut found = Vec::new();
    let mut record = [0; 8_192];
    loop {
        match read(&log, &mut record) {
            Ok(0) | Err(Errno::AGAIN) => break,
            // Records that were overwritten before they were read.
            Err(Errno::PIPE) => {}
            Err(error) => return Err(error),
            Ok(length) => {
                let text = String::from_utf8_lossy(record.get(..length).unwrap_or_default());
                found.extend(killed(&text, now));
            }
        }
    }
    let skipped = found.len().saturating_sub(MOST);
    Ok(found.split_off(skipped))
}

/// The message of a record, `6,339,5140900,-;Message`, if it is about a recent kill.
fn killed(record: &str, now: u64) -> Option<String> {
    let (head, rest) = record.split_once(';')?;
    let message = rest.lines().next()?;
    let time: u64 = head.split(',').nth(2)?.parse().ok()?;
    let is_kill = message.contains("Killed process") || message.contains("oom-kill:");
    let is_recent = time.saturating_add(RECENT) > now;
    // Each kill has both lines; the one that names the process is kept.
    (is_kill && is_recent && message.contains("Killed process"))
        .then(|| slo_core::plain(message).into_owned())
}

/// Units of systemd that have failed; none if systemd does not run.
pub(super) fn failed_units() -> Vec<String> {
    if !Path::new("/run/systemd/system").exists() {
        return Vec::new();
    }
    let arguments = ["list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"];
    let output = Command::new("/usr/bin/systemctl").args(arguments).env_clear().output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    names.map(|name| slo_core::plain(name).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_told_once_and_only_if_it_is_recent() {
        let record = "3,900,5000000000,-;Memory cgroup out of memory: Killed process 12 (stress) total-vm:1kB\n SUBSYSTEM=x\n";
        let told = killed(record, 5_100_000_000).unwrap();
        assert_eq!(told, "Memory cgroup out of memory: Killed process 12 (stress) total-vm:1kB");
        assert_eq!(killed(record, 6_100_000_000), None);
        assert_eq!(killed("6,1,5000000000,-;oom-kill:constraint=X,task=stress,pid=12", 5_100_000_000), None);
        assert_eq!(killed("6,1,5000000000,-;eth0 is up", 5_100_000_000), None);
    }
}
