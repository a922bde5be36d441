//! `slo experiment run`

use super::{
    journals::leftovers,
    plan::{self, forbidden, laboratory},
};
use crate::{
    args::{Format, Running},
    commands::{incidents::open, serve::outside},
    error::Error,
    text,
};
use slo_ops::experiment::{Finding, Outcome, Run, markdown};
use slo_server::experiment::Progress;
use std::{fmt::Write as _, io::Write, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::sleep,
};

pub(super) async fn run(running: &Running, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let Running { planned, place } = running;
    let mut laboratory = laboratory(planned, talk)?;
    if place.store.is_some() || place.config.is_some() {
        laboratory = laboratory.recording_in(open(place).await?.0);
    }
    let prepared = laboratory.prepare().await.map_err(Error::outside)?;
    leftovers(&prepared.leftovers, talk)?;
    plan::show(&prepared.plan, talk)?;
    forbidden(&prepared.plan)?;
    writeln!(talk, "injecting: {}", slo_core::plain(&laboratory.experiment().fault.to_string()))?;
    let (told, mut lines) = mpsc::unbounded_channel();
    let mut progress = move |progress: Progress<'_>| {
        // Nobody may be reading any more; the run goes on.
        let _gone = told.send(line(&progress));
    };
    let asked = signals()?;
    let mut running = std::pin::pin!(prepared.run(asked, &mut progress));
    let run = loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => {
                // A terminal that is gone does not end a run.
                let _gone = writeln!(talk, "{line}").and_then(|()| talk.flush());
            }
            run = &mut running => break run.map_err(Error::outside)?,
        }
    };
    while let Ok(line) = lines.try_recv() {
        let _gone = writeln!(talk, "{line}");
    }
    let finding = Finding::of(&run)?;
    // A reader that has gone does not change the outcome.
    let shown = show(&finding, planned.output.format, out);
    concluded(&finding)?;
    shown
}

/// The finding, for people as Markdown.
pub(super) fn show(finding: &Finding, format: Format, out: &mut dyn Write) -> Result<(), Error> {
    match format {
        Format::Json => text::json(out, finding),
        Format::Table => Ok(write!(out, "{}", markdown(std::slice::from_ref(finding)))?),
    }
}

/// An error, if not all held.
pub(super) fn concluded(finding: &Finding) -> Result<(), Error> {
    let told =
        || slo_core::plain(&format!("{}: {}", finding.outcome.as_str(), finding.next_step)).into_owned();
    if !finding.not_undone.is_empty() {
        return Err(Error::Outside(format!("{}\n{}", finding.not_undone.join("\n"), finding.next_step)));
    }
    match finding.outcome {
        Outcome::Held => Ok(()),
        Outcome::Broken => Err(Error::Broken(told())),
        _ => Err(Error::Inconclusive(told())),
    }
}

/// The names of the signals that ask to stop. If nobody listens, because the fault is being undone already, this process ends,
/// and its watchdog goes on undoing it.
fn signals() -> Result<mpsc::Receiver<String>, Error> {
    let (ask, asked) = mpsc::channel(1);
    for (kind, name) in [
        (SignalKind::interrupt(), "Ctrl-C"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ] {
        let mut signals = signal(kind).map_err(outside)?;
        let ask = ask.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let is_queued = ask.try_send(name.to_owned()).is_ok();
                sleep(TO_LISTEN).await;
                if !is_queued || ask.capacity() == 0 {
                    std::process::exit(i32::from(crate::Exit::Outside.as_u8()));
                }
            }
        });
    }
    Ok(asked)
}

/// How soon a run takes notice of a signal.
const TO_LISTEN: Duration = Duration::from_millis(200);

fn line(progress: &Progress<'_>) -> String {
    let text = match progress {
        Progress::Injected(run) => format!("injected; {} watches it", run.id),
        Progress::Looked(run) => looked(run),
        Progress::Stopping(run) => {
            let why = run.stop.as_ref().map_or_else(String::new, |(_, stop)| stop.to_string());
            format!("undoing the fault: {why}")
        }
        Progress::Restored(run) => {
            format!("undone; watching the recovery for up to {}", run.experiment.recovery)
        }
        Progress::NotKept(error) => {
            format!(
                "warning: the incident record does not know the end of this run; the next one writes it: {error}"
            )
        }
        _ => String::new(),
    };
    slo_core::plain(&text).into_owned()
}

fn looked(run: &Run) -> String {
    let Some((at, counts)) = run.looks.last() else { return String::new() };
    let passed = at.millis_since(run.injecting.unwrap_or(run.began)) as f64 / 1_000.0;
    let mut text = format!("{passed:.0} s:");
    for (hypothesis, count) in run.experiment.hypotheses.iter().zip(counts) {
        // Writing to a string cannot fail.
        let _ = match count {
            Some(count) => write!(text, " {} {} of {} bad", hypothesis.slo, count.bad, count.total),
            None => write!(text, " {} no data", hypothesis.slo),
        };
    }
    text
}
