//! Points at which tests end the process, as SIGKILL would: the feature `storm`.

/// Ends the process here, if the environment variable `SLO_KILL_AT` names this point: `name`, or `name:3` for the third time.
#[cfg(feature = "storm")]
pub(crate) fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(asked) = std::env::var("SLO_KILL_AT") else { return };
    let (wanted, time) = asked.rsplit_once(':').unwrap_or((&asked, "1"));
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == time.parse().unwrap_or(1) {
        let _never = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Nothing, without the feature.
#[cfg(not(feature = "storm"))]
pub(crate) const fn point(_name: &str) {}
