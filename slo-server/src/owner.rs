//! The name of a process, and whether another one has ended.

use crate::store::Owner;
use rustix::process::{Pid, test_kill_process};
use std::fs;

/// The name of this process. Its last part is random, so that the name is unique.
pub(crate) fn own() -> Owner {
    let (machine, process, random) = (machine(), std::process::id(), fastrand::u64(..));
    format!("{machine}/{process}/{random:016x}").into()
}

/// The part of the name that is the same for processes that can see each other: the boot id and the PID
/// namespace.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digits = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    format!("{}-{}", digits(&boot), digits(&namespace.to_string_lossy()))
}

/// Whether the process with this name is known to have ended: it ran on this machine, and no longer exists.
///
/// An earlier process with the process id of this one has ended, too.
pub(crate) fn has_ended(owner: &str) -> bool {
    let mut parts = owner.split('/');
    let (Some(there), Some(process)) = (parts.next(), parts.next()) else { return false };
    let here = machine();
    // Without a name for the machine, nobody can tell.
    if there != here || here.starts_with('-') || here.ends_with('-') {
        return false;
    }
    let Ok(process) = process.parse::<i32>() else { return false };
    let is_own_number = u32::try_from(process) == Ok(std::process::id());
    let is_gone =
        Pid::from_raw(process).is_none_or(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH));
    is_own_number || is_gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_who_has_ended() {
        let here = machine();
        assert!(has_ended(&own()), "a process before this one, with its number");
        assert!(has_ended(&format!("{here}/4194305/0")), "no process has such a number");
        assert!(!has_ended(&format!("{here}/1/0")));
        assert!(!has_ended("elsewhere/4194305/0"));
    }
}
