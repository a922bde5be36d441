//! The process that injects a fault, and undoes it when the controller's lease is not renewed.

use super::{
    Journal,
    inject::{Injected, inject, undo_all},
    targets::own,
};
use crate::clock::now;
use slo_core::model::Window;
use slo_ops::{
    Error,
    experiment::{RunEntry, RunEvent, Stop, Undo},
};
use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Stdio, exit},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    time::{interval, sleep_until, timeout},
};

/// The first argument of a watchdog.
pub const HOLD: &str = "__hold";
/// What a controller tells its watchdog.
const GO: &str = "go";
const RENEW: &str = "renew";
const UNDO: &str = "undo";
/// What a watchdog tells its controller.
const INJECTED: &str = "injected";
const UNDONE: &str = "undone";
/// How long to try to undo a fault.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Injects the fault of a journal, and holds it until it is told to undo it, or not told anything for as long as its lease.
///
/// `args` are the path of the journal, and the lease in milliseconds. A binary that runs experiments calls this first if its
/// first argument is [`HOLD`].
pub fn hold(mut args: impl Iterator<Item = OsString>) -> ! {
    let path = args.next().map(PathBuf::from);
    let lease = args.next().and_then(|lease| Window::from_millis(lease.to_str()?.parse().ok()?).ok());
    let told = match (path, lease) {
        (Some(path), Some(lease)) => run(&path, lease).unwrap_or_else(|error| error.to_string()),
        _ => "this may only be called by slo itself".to_owned(),
    };
    tell(&told);
    exit(i32::from(told != UNDONE))
}

fn run(path: &Path, lease: Window) -> Result<String, Error> {
    let failed = |error: io::Error| Error::new(error.to_string());
    // One thread: a process that uses something up ends with the thread that started it.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let told = runtime.block_on(async {
        let mut watchdog = Watchdog::new(path, lease).map_err(failed)??;
        if watchdog.lines.next_line().await.ok().flatten().as_deref() != Some(GO) {
            // Nobody waits for it any more, and nothing is injected.
            return Ok(UNDONE.to_owned());
        }
        let stop = watchdog.hold().await;
        let failure = match &stop {
            Some(Stop::Failed { error }) => Some(error.clone()),
            _ => None,
        };
        let stopping = stop.map(|stop| RunEntry::new(now(), RunEvent::Stopping { stop }));
        let left = undo_all(&mut watchdog.journal, stopping, Instant::now() + PATIENCE).await?;
        Ok(match (failure, left.first()) {
            (Some(failure), _) => slo_core::plain(&failure).into_owned(),
            (None, Some(undo)) => format!("it could not be verified that {undo}"),
            (None, None) => UNDONE.to_owned(),
        })
    });
    // A read of standard input may last as long as the controller lives.
    runtime.shutdown_background();
    told
}

fn tell(word: &str) {
    let mut out = io::stdout().lock();
    // The controller may have died.
    let _gone = writeln!(out, "{word}").and_then(|()| out.flush());
}

struct Watchdog {
    journal: Journal,
    lease: Window,
    /// How long the fault may last, whatever the controller says.
    longest: Duration,
    lines: Lines<BufReader<Stdin>>,
    signals: [Signal; 3],
}

impl Watchdog {
    fn new(path: &Path, lease: Window) -> io::Result<Result<Self, Error>> {
        let signals = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        let lines = BufReader::new(tokio::io::stdin()).lines();
        let opened = Journal::open(path).and_then(|journal| {
            let longest = journal.run()?.experiment.limits.duration.as_duration();
            Ok(Self { journal, lease, longest, lines, signals })
        });
        Ok(opened)
    }

    /// Injects the fault and holds it; the result is why it ends, unless the controller says so.
    async fn hold(&mut self) -> Option<Stop> {
        let mut injected = match self.inject().await {
            Ok(injected) => injected,
            Err(stop) => return stop,
        };
        tell(INJECTED);
        let lease = self.lease.as_duration();
        let mut until = Instant::now() + lease;
        let mut renewals = interval(lease / 3);
        let longest = Instant::now() + self.longest + lease;
        loop {
            let [terminate, interrupt, hangup] = &mut self.signals;
            tokio::select! {
                line = self.lines.next_line() => match line.ok().flatten().as_deref() {
                    Some(RENEW) => until = Instant::now() + lease,
                    Some(UNDO) => return None,
                    _ => return Some(Stop::Died),
                },
                () = sleep_until(until.min(longest).into()) => return Some(Stop::Died),
                _ = terminate.recv() => return Some(asked("SIGTERM to the watchdog")),
                _ = interrupt.recv() => return Some(asked("SIGINT to the watchdog")),
                _ = hangup.recv() => return Some(asked("SIGHUP to the watchdog")),
                _ = renewals.tick() => {
                    if let Err(error) = injected.renew().await {
                        return Some(Stop::Failed { error: error.to_string() });
                    }
                }
            }
        }
    }

    /// Injects the fault, unless something says that it must end first.
    async fn inject(&mut self) -> Result<Injected, Option<Stop>> {
        let Self { journal, lease, lines, signals, .. } = self;
        let failed = |error: Error| Some(Stop::Failed { error: error.to_string() });
        journal.write(RunEvent::Watched { watchdog: own() }).map_err(failed)?;
        let experiment = journal.run().map_err(failed)?.experiment;
        let launcher = PathBuf::from("/proc/self/exe");
        let [terminate, interrupt, hangup] = signals;
        let work = inject(&launcher, &experiment, journal, *lease);
        let done = tokio::select! {
            done = work => done,
            line = next_but_renewals(lines) => return Err(match line.as_deref() {
                Some(UNDO) => None,
                _ => Some(Stop::Died),
            }),
            _ = terminate.recv() => return Err(Some(asked("SIGTERM to the watchdog"))),
            _ = interrupt.recv() => return Err(Some(asked("SIGINT to the watchdog"))),
            _ = hangup.recv() => return Err(Some(asked("SIGHUP to the watchdog"))),
        };
        let injected = done.map_err(failed)?;
        journal.write(RunEvent::Injected).map_err(failed)?;
        Ok(injected)
    }
}

/// The next line that is no renewal; `None` if the controller has died.
async fn next_but_renewals(lines: &mut Lines<BufReader<Stdin>>) -> Option<String> {
    loop {
        match lines.next_line().await.ok().flatten() {
            Some(line) if line == RENEW => {}
            other => return other,
        }
    }
}

fn asked(by: &str) -> Stop {
    Stop::Asked { by: by.to_owned() }
}

/// The controller's side of a watchdog. When this is dropped, the fault is undone.
#[derive(Debug)]
pub(crate) struct Held {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Held {
    /// Starts a watchdog, which waits to inject the fault of a journal.
    ///
    /// # Errors
    /// A process that cannot be started.
    pub(crate) fn begin(launcher: &Path, journal: &Path, lease: Window) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::new(format!("the watchdog: {error}"));
        let mut child = Command::new(launcher)
            .arg(HOLD)
            .arg(journal)
            .arg(lease.as_millis().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal is for the controller.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::new("the watchdog has no pipes"));
        };
        Ok(Self { child, stdin: Some(stdin), lines: BufReader::new(stdout).lines() })
    }

    /// Lets the watchdog inject the fault. `false` if it has ended.
    pub(crate) async fn go(&mut self) -> bool {
        self.say(GO).await
    }

    /// Waits for what the watchdog says next: that all of the fault is injected, or why it has ended.
    ///
    /// # Errors
    /// The fault has ended, or could not be injected. What was injected is undone.
    pub(crate) async fn injected(&mut self) -> Result<(), Error> {
        match self.lines.next_line().await {
            Ok(Some(line)) if line == INJECTED => Ok(()),
            Ok(Some(line)) if line != UNDONE => Err(Error::new(line)),
            _ => Err(Error::new("the watchdog ended")),
        }
    }

    /// Renews the lease. `false` if the watchdog has ended.
    pub(crate) async fn renew(&mut self) -> bool {
        self.say(RENEW).await
    }

    async fn say(&mut self, word: &str) -> bool {
        let Some(stdin) = &mut self.stdin else { return false };
        stdin.write_all(format!("{word}\n").as_bytes()).await.is_ok() && stdin.flush().await.is_ok()
    }

    /// Tells the watchdog to undo the fault.
    pub(crate) async fn undo(&mut self) {
        self.say(UNDO).await;
        // An end of the pipe says the same.
        self.stdin = None;
    }

    /// Waits until the fault is undone; `false` if the watchdog could not, or has died.
    pub(crate) async fn undone(mut self) -> bool {
        let limit = PATIENCE + Duration::from_secs(5);
        if let Ok(ended) = timeout(limit, self.child.wait()).await {
            return ended.is_ok_and(|status| status.success());
        }
        // It hangs; the controller does its work.
        let _gone = self.child.kill().await;
        false
    }
}

/// What is left of a run that nobody looks after, after undoing what can be.
///
/// A watchdog that still works on it gets the time to do so.
///
/// # Errors
/// A journal that cannot be read.
pub(crate) async fn restore(journal: &mut Journal) -> Result<Vec<Undo>, Error> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let run = journal.run()?;
        let is_watched = run.watchdog.as_ref().is_some_and(super::targets::runs);
        if !is_watched || (run.to_undo().is_empty() && run.stop.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    undo_all(journal, None, Instant::now() + PATIENCE).await
}
