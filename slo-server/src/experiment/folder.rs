//! The folder with the journals of runs. One run at a time writes to it.

use crate::fault::{Journals, restore, runs, signal};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
    process::Signal,
};
use slo_ops::{
    Error,
    experiment::{Run, RunEvent, Stop, Undo},
};
use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The file that is locked while a run is going on.
const LOCK: &str = "lock";
/// How long a controller may take to stop.
const TO_STOP: Duration = Duration::from_secs(150);
/// How often to look whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A folder with the journals of runs.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// A run whose controller died before its end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Leftover {
    /// The run, as it is now.
    pub run: Run,
    /// What is still in place, because undoing it failed.
    pub left: Vec<Undo>,
}

/// Who looks after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attendance {
    /// Nobody needs to: it is over.
    Over,
    /// Its controller.
    Controller,
    /// Its watchdog; the controller has died.
    Watchdog,
    /// Nobody. What is left of its fault stays until the next start, or until `abort`.
    Nobody,
}

/// Who looks after `run` on this machine.
#[must_use]
pub fn attendance(run: &Run) -> Attendance {
    if run.ended.is_some() {
        Attendance::Over
    } else if runs(&run.controller) {
        Attendance::Controller
    } else if run.watchdog.as_ref().is_some_and(runs) {
        Attendance::Watchdog
    } else {
        Attendance::Nobody
    }
}

/// Keeps others from beginning a run.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the lock is held while it is open")] File);

impl Folder {
    /// The folder at `path`, which need not exist.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journals in it, each with its run.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn journals(&self) -> Result<Journals, Error> {
        Journals::of(&self.path)
    }

    /// Locks the folder for a run.
    pub(super) fn lock(&self) -> Result<Lock, Error> {
        let path = self.path.join(LOCK);
        let failed = |error: std::io::Error| Error::new(format!("{}: {error}", path.display()));
        fs::create_dir_all(&self.path).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(Errno::WOULDBLOCK) => {
                let journals = self.journals().unwrap_or_default().all;
                let running = journals.into_iter().rev().find(|(_, run)| run.ended.is_none());
                let name = running.map_or_else(|| "another experiment".to_owned(), |(_, run)| run.id);
                Err(Error::new(format!("{name} is running"))
                    .with_hint("wait for its end, or stop it with `slo experiment abort`"))
            }
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Ends the runs whose controllers died: undoes what is left of their faults.
    ///
    /// # Errors
    /// A journal that cannot be read or written.
    pub async fn clean_up(&self) -> Result<Vec<Leftover>, Error> {
        let _lock = self.lock()?;
        self.clean_up_locked().await
    }

    pub(super) async fn clean_up_locked(&self) -> Result<Vec<Leftover>, Error> {
        let mut found = Vec::new();
        for (mut journal, run) in self.journals()?.all {
            if run.ended.is_some() && run.to_undo().is_empty() {
                continue;
            }
            let left = restore(&mut journal).await?;
            if journal.run()?.stop.is_none() {
                journal.write(RunEvent::Stopping { stop: Stop::Died })?;
            }
            if run.ended.is_none() {
                journal.write(RunEvent::Ended)?;
            }
            found.push(Leftover { run: journal.run()?, left });
        }
        Ok(found)
    }

    /// Stops the run that is going on, in the name of `by`, and waits until its fault is undone. Also undoes what runs left
    /// whose controllers died.
    ///
    /// # Errors
    /// No run is going on, or its controller does not stop.
    pub async fn abort(&self, by: &str) -> Result<Vec<Leftover>, Error> {
        let mut stopped = Vec::new();
        for (mut journal, run) in self.journals()?.all {
            if run.ended.is_some() || !runs(&run.controller) {
                continue;
            }
            // The disk may be full; the signal says enough.
            let _full = journal.write(RunEvent::Asked { by: by.to_owned() });
            signal(&run.controller, Signal::TERM)?;
            let deadline = Instant::now() + TO_STOP;
            loop {
                let run = journal.run()?;
                if run.stop.is_some() && run.to_undo().is_empty() {
                    stopped.push(Leftover { run, left: Vec::new() });
                    break;
                }
                if !runs(&run.controller) {
                    break;
                }
                if Instant::now() > deadline {
                    return Err(Error::new(format!("{} does not stop", run.id))
                        .with_hint(format!("kill {}, and abort it again", run.controller)));
                }
                sleep(LOOK_EVERY).await;
            }
        }
        if stopped.is_empty() {
            stopped = self.clean_up().await?;
        }
        Ok(stopped)
    }
}
