//! Injects a fault, and undoes it.

#[cfg(feature = "kubernetes")]
use super::kubernetes;
use super::{
    Journal, namespace,
    press::{GO, HERE, Order, PRESS, PRESSED},
    remote::{self, Remote, percent},
    targets::{find, identify, is_stopped, runs, signal},
};
use crate::clock::now;
use rustix::process::Signal;
use slo_core::model::Window;
use slo_ops::{
    Error,
    experiment::{Experiment, Fault, Part, Pressure, ProcessId, Processes, RunEntry, RunEvent, Undo},
};
use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::{sleep, timeout},
};

/// How long using up something may take.
const TO_PRESS: Duration = Duration::from_secs(60);
/// How long a signal may take to work.
const TO_WORK: Duration = Duration::from_secs(2);
/// How long processes may take to start again, until they are looked at once more.
const TO_START: Duration = Duration::from_secs(5);
/// How long a process that was started again must run.
const TO_SETTLE: Duration = Duration::from_millis(100);
/// How often to look whether it is so.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How many times to look for processes that started while others were being stopped.
const ROUNDS: usize = 100;

/// A fault that is in place.
#[derive(Debug, Default)]
pub(super) struct Injected {
    pressing: Option<(Child, ChildStdin)>,
    remote: Option<Remote>,
}

/// Injects the fault of `experiment`. What undoes each part is in the journal before that part is injected.
///
/// # Errors
/// A fault that cannot be injected; parts of it may be in place.
pub(super) async fn inject(
    launcher: &PathBuf,
    experiment: &Experiment,
    journal: &mut Journal,
    lease: Window,
) -> Result<Injected, Error> {
    let most = experiment.blast_radius.targets;
    let mut injected = Injected::default();
    match &experiment.fault {
        Fault::Kill { processes, restart } => kill(processes, restart, most, journal)?,
        Fault::Stop(processes) => stop(&[processes], most, journal).await?,
        Fault::Node(parts) => {
            let namespaces: Vec<&String> = parts.iter().filter_map(namespace_of).collect();
            for namespace in namespaces {
                if !namespace::exists(namespace) {
                    return Err(Error::new(format!("there is no network namespace {namespace}"))
                        .with_hint("see `ip netns`"));
                }
                journal.injecting(Undo::Connect { namespace: namespace.clone() })?;
                namespace::cut_off(namespace).await?;
            }
            let processes: Vec<&Processes> = parts.iter().filter_map(processes_of).collect();
            if !processes.is_empty() {
                stop(&processes, usize::MAX, journal).await?;
            }
        }
        #[cfg(feature = "kubernetes")]
        Fault::Pods { namespace, selector, evict } => {
            kubernetes::hit_pods(namespace, selector, *evict, most, journal).await?;
        }
        #[cfg(feature = "kubernetes")]
        Fault::Drain { selector } => kubernetes::drain(selector, most, journal).await?,
        Fault::Pressure(pressure) => injected.pressing = Some(use_up(launcher, pressure, journal).await?),
        fault => {
            let share = percent(experiment.blast_radius.share);
            let Some(remote) = Remote::of(fault, &share, lease) else {
                return Err(Error::new(format!("this build of slo cannot inject `{}`", fault.kind()))
                    .with_hint("build it with the feature `kubernetes`"));
            };
            let token_file = remote.token_file.as_deref().map(full_path).transpose()?;
            journal.injecting(Undo::Disarm { url: remote.url.clone(), token_file })?;
            remote.arm().await?;
            injected.remote = Some(remote);
        }
    }
    Ok(injected)
}

impl Injected {
    /// Renews its lease where somebody else holds it, and looks whether it is still in place.
    ///
    /// # Errors
    /// A fault that has ended by itself.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        if let Some((child, _)) = &mut self.pressing
            && let Ok(Some(status)) = child.try_wait()
        {
            return Err(Error::new(format!("the process that used up resources ended: {status}")));
        }
        match &self.remote {
            Some(remote) => remote.arm().await,
            None => Ok(()),
        }
    }
}

fn namespace_of(part: &Part) -> Option<&String> {
    match part {
        Part::NetworkNamespace(name) => Some(name),
        _ => None,
    }
}

fn processes_of(part: &Part) -> Option<&Processes> {
    match part {
        Part::Processes(processes) => Some(processes),
        _ => None,
    }
}

/// The same processes for whoever looks from another folder.
fn absolute(processes: &Processes) -> Result<Processes, Error> {
    Ok(match processes {
        Processes::PidFile(path) => Processes::PidFile(full_path(path)?),
        Processes::Cgroup(path) => Processes::Cgroup(full_path(path)?),
        other => other.clone(),
    })
}

fn full_path(path: &str) -> Result<String, Error> {
    let full = std::path::absolute(path).map_err(|error| Error::new(format!("{path}: {error}")))?;
    full.into_os_string().into_string().map_err(|_| Error::new(format!("{path}: its folder is not UTF-8")))
}

fn some(processes: &Processes, found: Vec<ProcessId>) -> Result<Vec<ProcessId>, Error> {
    if found.is_empty() {
        return Err(Error::new(format!("{processes}: no such process is running")));
    }
    Ok(found)
}

fn kill(processes: &Processes, restart: &[String], most: usize, journal: &mut Journal) -> Result<(), Error> {
    let mut found = some(processes, find(processes)?)?;
    let (processes, before, command) = (absolute(processes)?, found.len(), restart.to_vec());
    let folder = full_path(".")?;
    journal.injecting(Undo::Restart { processes, before, command, folder })?;
    fastrand::shuffle(&mut found);
    found.truncate(most);
    for process in &found {
        signal(process, Signal::KILL)?;
    }
    // Nothing may come in between: a process that is about to end must not pass for one that runs.
    let deadline = Instant::now() + TO_WORK;
    while found.iter().any(runs) {
        if Instant::now() > deadline {
            return Err(Error::new("it still runs"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Stops at most `most` processes: all that are there, and those that they start meanwhile.
async fn stop(all: &[&Processes], most: usize, journal: &mut Journal) -> Result<(), Error> {
    let mut stopped: Vec<ProcessId> = Vec::new();
    for _ in 0..ROUNDS {
        let mut new = Vec::new();
        for processes in all {
            let mut found = find(processes)?;
            if stopped.is_empty() {
                found = some(processes, found)?;
                fastrand::shuffle(&mut found);
            }
            new.extend(found.into_iter().filter(|process| !stopped.contains(process)));
        }
        new.truncate(most - stopped.len().min(most));
        if new.is_empty() {
            let is_done = within(TO_WORK, || stopped.iter().all(|one| is_stopped(one) || !runs(one))).await;
            return is_done.then_some(()).ok_or_else(|| Error::new("a process does not stop"));
        }
        for process in &new {
            journal.injecting(Undo::Continue { process: process.clone() })?;
        }
        for process in &new {
            signal(process, Signal::STOP)?;
        }
        stopped.extend(new);
    }
    Err(Error::new("the processes start others faster than they can be stopped"))
}

async fn use_up(
    launcher: &PathBuf,
    pressure: &Pressure,
    journal: &mut Journal,
) -> Result<(Child, ChildStdin), Error> {
    let failed = |why: &dyn std::fmt::Display| Error::new(format!("{pressure}: {why}"));
    let order = serde_json::to_string(&Order::of(pressure)).map_err(|error| failed(&error))?;
    let mut child = Command::new(launcher)
        .args([PRESS, &order])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed(&"it has no pipes"));
    };
    let mut lines = BufReader::new(stdout).lines();
    let expect = async |word: &str, lines: &mut tokio::io::Lines<_>| {
        let line = timeout(TO_PRESS, lines.next_line()).await;
        match line.map_err(|_| failed(&"it takes too long"))?.map_err(|error| failed(&error))? {
            Some(line) if line == word => Ok(()),
            other => Err(failed(&slo_core::plain(&other.unwrap_or_else(|| "it ended".to_owned())))),
        }
    };
    expect(HERE, &mut lines).await?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let process = pid.and_then(identify).ok_or_else(|| failed(&"it ended"))?;
    journal.injecting(Undo::End { process })?;
    stdin.write_all(format!("{GO}\n").as_bytes()).await.map_err(|error| failed(&error))?;
    expect(PRESSED, &mut lines).await?;
    Ok((child, stdin))
}

/// Undoes a part of a fault, and looks whether it is undone. `started` are the commands that earlier tries have started.
///
/// # Errors
/// It is not undone yet; another try may help.
async fn undo(undo: &Undo, started: &mut Vec<Child>) -> Result<(), Error> {
    match undo {
        Undo::Continue { process } => {
            // It may be stopped again by a signal on its way, so both are looked at.
            let goes_on = || {
                let _gone = signal(process, Signal::CONT);
                !is_stopped(process)
            };
            signal(process, Signal::CONT)?;
            within(TO_WORK, goes_on).await.then_some(()).ok_or_else(|| Error::new("it is still stopped"))
        }
        Undo::End { process } => {
            signal(process, Signal::KILL)?;
            within(TO_WORK, || !runs(process)).await.then_some(()).ok_or_else(|| Error::new("it still runs"))
        }
        Undo::Disarm { url, token_file } => remote::disarm(url, token_file.as_deref()).await,
        Undo::Connect { namespace } => namespace::connect(namespace).await,
        #[cfg(feature = "kubernetes")]
        Undo::Ready { server, namespace, selector, before } => {
            kubernetes::are_ready(server, namespace, selector, *before).await
        }
        #[cfg(feature = "kubernetes")]
        Undo::Uncordon { server, node } => kubernetes::uncordon(server, node).await,
        Undo::Restart { processes, before, command, folder } => {
            restart(processes, *before, (command, folder), started).await
        }
        _ => Err(Error::new("this build of slo cannot undo it")),
    }
}

/// Starts processes again where nothing else has. `started` are the commands that earlier tries have started: one that still
/// works on it, or has succeeded, is not started once more.
async fn restart(
    processes: &Processes,
    before: usize,
    (command, folder): (&[String], &str),
    started: &mut Vec<Child>,
) -> Result<(), Error> {
    let running = || find(processes).map_or(0, |found| found.len());
    let (mut failure, mut failures) = (None, 0);
    let is_first = started.is_empty();
    started.retain_mut(|child| match child.try_wait() {
        Ok(Some(status)) if !status.success() => {
            (failure, failures) = (Some(status), failures + 1);
            false
        }
        _ => true,
    });
    let missing = before.saturating_sub(running());
    let missing = if is_first { missing } else { missing.min(failures) };
    if let [program, args @ ..] = command {
        for _ in 0..missing {
            let child = Command::new(program)
                .args(args)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
                .map_err(|error| Error::new(format!("{program}: {error}")))?;
            started.push(child);
        }
    }
    let run = || running() >= before;
    let mut run_again = within(TO_START, run).await;
    // One that a signal is on its way to ends now.
    sleep(TO_SETTLE).await;
    run_again &= run();
    run_again.then_some(()).ok_or_else(|| {
        let ended =
            failure.map_or_else(String::new, |status| format!("; the command to restart ended: {status}"));
        let error = Error::new(format!("{} of {before} run{ended}", running()));
        if command.is_empty() {
            error.with_hint("write `restart` where no supervisor starts them")
        } else {
            error
        }
    })
}

/// Waits until it is so; `false` if it never was.
async fn within(time: Duration, is_so: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if start.elapsed() >= time {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// How often to try again what could not be undone, at first and at most.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Undoes all that a run may have left, and records it. Tries again until `deadline`. The result is what is left.
///
/// `first` is written before that, but only after a first try: a disk that is slow or full keeps nothing in place.
///
/// # Errors
/// A journal that cannot be read.
pub(super) async fn undo_all(
    journal: &mut Journal,
    first: Option<RunEntry>,
    deadline: Instant,
) -> Result<Vec<Undo>, Error> {
    let (mut wait, mut started, mut first) = (AGAIN[0], Vec::new(), first);
    let mut open = journal.run()?.to_undo();
    loop {
        let (mut done, mut left) = (Vec::new(), Vec::new());
        for part in open {
            match undo(&part, &mut started).await {
                Ok(()) => done.push(RunEntry::new(now(), RunEvent::Undone { undo: part })),
                Err(error) => left.push((part, error)),
            }
        }
        for entry in first.take().into_iter().chain(done) {
            // The next start undoes it again, and writes it down then.
            let _full = journal.append(&entry);
        }
        if left.is_empty() {
            return Ok(Vec::new());
        }
        if Instant::now() + wait > deadline {
            for (part, error) in &left {
                let _full =
                    journal.write(RunEvent::NotUndone { undo: part.clone(), error: error.to_string() });
            }
            return Ok(left.into_iter().map(|(part, _)| part).collect());
        }
        open = left.into_iter().map(|(part, _)| part).collect();
        sleep(wait).await;
        wait = (wait * 2).min(AGAIN[1]);
    }
}
