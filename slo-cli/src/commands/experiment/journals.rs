//! `slo experiment status` and `abort`.

use crate::{
    args::{Format, Journals, Listed, Stopped},
    commands::incidents::user,
    error::Error,
    table, text,
    time::now,
};
use serde_json::json;
use slo_ops::{
    experiment::{Finding, Run, UndoState},
    time_between,
};
use slo_server::experiment::{Attendance, Folder, Leftover, attendance};
use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
};

/// Where the journals of root are.
const OF_ROOT: &str = "/var/lib/slo/experiments";

/// The folder with the journals.
pub(super) fn folder(journals: &Journals) -> Result<Folder, Error> {
    if let Some(path) = &journals.journals {
        return Ok(Folder::new(path.clone()));
    }
    let of = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root {
        return Ok(Folder::new(PathBuf::from(OF_ROOT)));
    }
    let state = of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| {
        Error::Usage("there is no home folder for journals\n  hint: add --journals DIR".to_owned())
    })?;
    Ok(Folder::new(state.join("slo/experiments")))
}

/// The runs of a folder. Journals that cannot be read are told, and left out.
pub(super) fn runs(folder: &Folder, talk: &mut dyn Write) -> Result<Vec<Run>, Error> {
    let journals = folder.journals().map_err(Error::outside)?;
    for error in &journals.unreadable {
        writeln!(talk, "warning: {}", slo_core::plain(&error.to_string()))?;
    }
    Ok(journals.all.into_iter().map(|(_, run)| run).collect())
}

pub(super) fn status(listed: &Listed, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let runs = runs(&folder(&listed.journals)?, talk)?;
    let findings = runs.iter().map(Finding::of).collect::<Result<Vec<_>, _>>()?;
    if listed.output.format == Format::Json {
        let rows = runs.iter().zip(&findings).map(|(run, finding)| {
            let left: Vec<String> = run.to_undo().iter().map(ToString::to_string).collect();
            json!({"run": run.id, "state": state(run), "outcome": finding.outcome, "left": left})
        });
        return text::json(out, &rows.collect::<Vec<_>>());
    }
    let mut table = table::new(&["run", "state", "outcome", "lasted", "fault"]);
    for (run, finding) in runs.iter().zip(&findings) {
        let end = run.restored().or(run.ended).unwrap_or_else(now);
        let outcome = if run.ended.is_some() { finding.outcome.as_str() } else { "-" };
        table.add_row([
            run.id.clone(),
            state(run).to_owned(),
            outcome.to_owned(),
            run.injected.map_or_else(|| "-".to_owned(), |at| time_between(at, end)),
            slo_core::plain(&finding.fault).into_owned(),
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    if runs.is_empty() {
        writeln!(talk, "there are no runs in {}", folder(&listed.journals)?.path().display())?;
    }
    if runs.iter().any(|run| state(run) == "left behind") {
        writeln!(talk, "a run was left behind: undo its fault with `slo experiment abort`")?;
    }
    for run in &runs {
        for undo in run.to_undo() {
            writeln!(out, "{}: not verified yet: {}", run.id, slo_core::plain(&undo.to_string()))?;
        }
    }
    Ok(())
}

/// How far a run is, and whether somebody still looks after it.
fn state(run: &Run) -> &'static str {
    match attendance(run) {
        Attendance::Nobody if !run.to_undo().is_empty() => "left behind",
        Attendance::Nobody => "interrupted",
        Attendance::Watchdog if !run.to_undo().is_empty() => "being undone",
        _ => run.state(),
    }
}

pub(super) async fn abort(stopped: &Stopped, talk: &mut dyn Write) -> Result<(), Error> {
    let folder = folder(&stopped.journals)?;
    let who = stopped.who.clone().unwrap_or_else(user);
    let all = folder.abort(&who).await.map_err(Error::outside)?;
    if all.is_empty() {
        let path = folder.path().display();
        writeln!(talk, "{path}: no experiment is running, and nothing is left of one")?;
        if folder.path() != Path::new(OF_ROOT) && Path::new(OF_ROOT).exists() {
            writeln!(talk, "hint: experiments of root are in {OF_ROOT}; see them with sudo")?;
        }
    }
    leftovers(&all, talk)
}

/// Says what became of runs, and fails if something is still in place.
pub(super) fn leftovers(all: &[Leftover], talk: &mut dyn Write) -> Result<(), Error> {
    let mut left = Vec::new();
    for leftover in all {
        let run = &leftover.run;
        writeln!(talk, "{}", slo_core::plain(&became_of(run)))?;
        for undo in &leftover.left {
            let state = run.undos.iter().find(|(own, _)| own == undo).map(|(_, state)| state);
            let why = match state {
                Some(UndoState::Failed(error)) => format!(": {error}"),
                _ => String::new(),
            };
            left.push(format!("{}: it could not be verified that {undo}{why}", run.id));
        }
    }
    if left.is_empty() { Ok(()) } else { Err(Error::Outside(slo_core::plain(&left.join("\n")).into_owned())) }
}

fn became_of(run: &Run) -> String {
    let why = run.stop.as_ref().map_or_else(String::new, |(at, stop)| format!(" at {at}: {stop}"));
    match (run.undos.is_empty(), run.restored()) {
        (true, _) => format!("{} stopped{why}; nothing was injected", run.id),
        (false, Some(at)) => format!("{} stopped{why}; its fault was undone at {at}", run.id),
        (false, None) => format!("{} stopped{why}", run.id),
    }
}
