//! `slo incidents`

use super::serve::{outside, runtime};
use crate::{
    args::{Act, Format, Incidents, IncidentsVerb, List, Note, Postmortem, Record, Show, Stats, Step},
    error::Error,
    table, text,
    time::now,
    write,
};
use serde_json::json;
use slo_core::{
    model::Timestamp,
    stats::{Confidence, TypicalTime},
};
use slo_ops::{
    Redactor,
    alert::IncidentId,
    incident::{
        AlertCounts, Approval, Entry, Episode, Event, Incident, Listed, Stage, StageTimes, StepRun,
        StepState, postmortem,
    },
    notify::Summary,
    time_between,
};
use slo_server::{
    config::{Secret, StoreConfig},
    serve::open_store,
    store::{Query, Store},
};
use std::{fs, io::Write, path::PathBuf, sync::Arc};

pub(super) fn run(incidents: &Incidents, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    runtime()?.block_on(async {
        match &incidents.verb {
            IncidentsVerb::List(list) => show_list(list, out).await,
            IncidentsVerb::Show(show) => show_one(show, out).await,
            IncidentsVerb::Stats(stats) => show_stats(stats, out).await,
            IncidentsVerb::Postmortem(draft) => write_postmortem(draft, out, talk).await,
            IncidentsVerb::Acknowledge(act) => {
                acted(act, |who, _| Ok(Event::Acknowledged { who }), out).await
            }
            IncidentsVerb::Close(act) => acted(act, |who, _| Ok(Event::Closed { who }), out).await,
            IncidentsVerb::Mitigated(act) => acted(act, |who, _| Ok(Event::Mitigated { who }), out).await,
            IncidentsVerb::Approve(Step { act, step }) => {
                acted(act, |who, episode| Ok(Event::Approved { step: place(episode, step)?, who }), out).await
            }
            IncidentsVerb::Deny(Step { act, step }) => {
                acted(act, |who, episode| Ok(Event::Denied { step: place(episode, step)?, who }), out).await
            }
            IncidentsVerb::Note(Note { act, text }) => {
                acted(act, |who, _| Ok(Event::Note { who, text: text.clone() }), out).await
            }
        }
    })
}

async fn open(record: &Record) -> Result<Arc<dyn Store>, Error> {
    let config = if let Some(path) = record.store.strip_prefix("sqlite:") {
        let path = PathBuf::from(path);
        // A record that is looked at is there.
        if let Err(error) = fs::metadata(&path) {
            return Err(Error::file(&path, &error));
        }
        StoreConfig::Sqlite(path)
    } else if record.store.starts_with("postgres://") || record.store.starts_with("postgresql://") {
        let password = record.password_file.as_ref().map(|path| {
            let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
            Ok::<_, Error>(Secret::new(text.trim_end_matches(['\r', '\n'])))
        });
        StoreConfig::Postgres { url: record.store.clone(), password: password.transpose()? }
    } else {
        let store = &record.store;
        return Err(Error::Usage(format!(
            "--store: `{store}` is no record\n  hint: write sqlite:FILE, or postgres://USER@HOST/DATABASE"
        )));
    };
    open_store(&config).await.map_err(outside)
}

async fn incident(store: &dyn Store, id: IncidentId) -> Result<(Incident, Vec<Entry>), Error> {
    let entries: Vec<Entry> =
        store.record(id, 0).await.map_err(outside)?.into_iter().map(|numbered| numbered.entry).collect();
    Ok((Incident::of(id, &entries), entries))
}

/// How many incidents are looked through for the one that begins with some digits.
const SEARCHED: usize = 1_000;

/// The incident whose id begins with `text`; that of an episode is taken, too.
async fn find(store: &dyn Store, text: &str) -> Result<IncidentId, Error> {
    let digits = text.split('-').next().unwrap_or(text);
    if let Ok(id) = digits.parse() {
        return Ok(id);
    }
    let query = Query { open: false, after: None, limit: SEARCHED };
    let rows = store.list(query).await.map_err(outside)?;
    let mut found =
        rows.iter().filter(|row| !digits.is_empty() && row.incident.to_string().starts_with(digits));
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(row.incident),
        (Some(_), Some(_)) => {
            Err(Error::Input(format!("several incidents begin with `{text}`\n  hint: write more digits")))
        }
        (None, _) => Err(Error::Input(format!(
            "no incident begins with `{text}`\n  hint: `slo incidents list` shows them"
        ))),
    }
}

async fn show_list(list: &List, out: &mut dyn Write) -> Result<(), Error> {
    let store = open(&list.record).await?;
    let query = Query { open: list.open, after: None, limit: list.limit };
    let mut listed = Vec::new();
    for row in store.list(query).await.map_err(outside)? {
        listed.extend(Listed::of(&incident(&*store, row.incident).await?.0, &Redactor::default()));
    }
    if list.open {
        listed.retain(|episode| episode.state != "resolved");
    }
    if list.output.format == Format::Json {
        return text::json(out, &listed);
    }
    let mut table = table::new(&["incident", "state", "severity", "began", "lasted", "what", "steps"]);
    for episode in listed {
        let time = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
        let began = time(&episode.began);
        let end = episode.ended.as_deref().map_or_else(now, time);
        let ended = episode.steps.iter().filter(|step| !["waiting", "running"].contains(&step.state)).count();
        table.add_row([
            episode.incident.to_string().chars().take(8).collect(),
            episode.state.to_owned(),
            episode.severity,
            episode.began,
            time_between(began, end),
            episode.summary,
            if episode.steps.is_empty() {
                "-".to_owned()
            } else {
                format!("{ended} of {}", episode.steps.len())
            },
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    Ok(())
}

async fn show_one(show: &Show, out: &mut dyn Write) -> Result<(), Error> {
    let store = open(&show.record).await?;
    let id = find(&*store, &show.incident).await?;
    let (incident, entries) = incident(&*store, id).await?;
    if entries.is_empty() {
        return Err(Error::Input(format!("there is no incident {id}")));
    }
    if show.output.format == Format::Json {
        return text::json(
            out,
            &json!({"episodes": Listed::of(&incident, &Redactor::default()), "record": entries}),
        );
    }
    let redactor = Redactor::default();
    for episode in incident.episodes() {
        for line in Summary::of(episode, &redactor, now()).lines() {
            writeln!(out, "{line}")?;
        }
        let moments = episode.moments();
        let stages = Stage::ALL.iter().filter_map(|stage| {
            Some(format!("{stage} {}", text::seconds(moments.millis(*stage)? as f64 / 1_000.0)))
        });
        writeln!(out, "Stages: {}\n", stages.collect::<Vec<_>>().join(", "))?;
    }
    for entry in &entries {
        writeln!(out, "{}  {}", entry.at, slo_core::plain(&redactor.redact(&entry.event.to_string())))?;
    }
    Ok(())
}

/// All incidents, page by page.
async fn all(store: &dyn Store) -> Result<Vec<Incident>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = store.list(Query { open: false, after, limit: SEARCHED }).await.map_err(outside)?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = Some((last.last, last.incident));
        for row in &rows {
            found.push(incident(store, row.incident).await?.0);
        }
    }
}

async fn show_stats(stats: &Stats, out: &mut dyn Write) -> Result<(), Error> {
    let store = open(&stats.record).await?;
    let incidents = all(&*store).await?;
    let since = now().before(stats.since);
    let episodes =
        || incidents.iter().flat_map(Incident::episodes).filter(|episode| episode.id.began >= since);
    let counts = AlertCounts::of(incidents.iter().map(Incident::episodes), since);
    let split = stats.split.unwrap_or(since);
    let of =
        |is_later: bool| StageTimes::of(episodes().filter(|episode| (episode.id.began >= split) == is_later));
    let (earlier, later) = (of(false), of(true));
    let mut rows = Vec::new();
    for stage in Stage::ALL {
        let typical = later.typical(stage, Confidence::P95)?;
        let before = earlier.typical(stage, Confidence::P95)?;
        // Too few say nothing, which is no fault.
        let change = stats.split.and_then(|_| earlier.compare(&later, stage, Confidence::P95).ok());
        rows.push((stage, before, typical, change));
    }
    if stats.output.format == Format::Json {
        let time = |time: &Option<TypicalTime>| {
            time.map(|time| {
                let interval = time.interval.map(|interval| [interval.low(), interval.high()]);
                json!({"n": time.count, "geometric_mean_seconds": time.geometric_mean, "interval": interval})
            })
        };
        let stages: Vec<_> = rows
            .iter()
            .map(|(stage, before, after, change)| {
                let change = change.map(|change| {
                    json!({"ratio": change.ratio, "interval": [change.interval.low(), change.interval.high()]})
                });
                json!({"stage": stage.name(), "before": time(before), "times": time(after), "change": change})
            })
            .collect();
        let alerts = json!({
            "episodes": counts.episodes, "pages": counts.pages, "acknowledged": counts.acknowledged,
            "flaps": counts.flaps,
        });
        return text::json(out, &json!({"alerts": alerts, "stages": stages}));
    }
    let typical = |time: Option<TypicalTime>| {
        time.map_or_else(
            || "-".to_owned(),
            |time| {
                let interval = time.interval.map_or_else(String::new, |interval| {
                    format!(" ({} to {})", text::seconds(interval.low()), text::seconds(interval.high()))
                });
                format!("{}{interval}, n = {}", text::seconds(time.geometric_mean), time.count)
            },
        )
    };
    let mut table = match stats.split {
        Some(_) => table::new(&["stage", "before, geometric mean", "after, geometric mean", "ratio"]),
        None => table::new(&["stage", "geometric mean (95 % interval)"]),
    };
    for (stage, before, after, change) in rows {
        let change = change.map_or_else(
            || "too few".to_owned(),
            |change| {
                let (low, high) = (change.interval.low(), change.interval.high());
                format!("{:.2} ({low:.2} to {high:.2})", change.ratio)
            },
        );
        if stats.split.is_some() {
            table.add_row([stage.to_string(), typical(before), typical(after), change]);
        } else {
            table.add_row([stage.to_string(), typical(after)]);
        }
    }
    write!(out, "{}", table::lines(&table))?;
    writeln!(
        out,
        "{} episodes, {} of them pages; {} were acknowledged, {} came back within half an hour",
        counts.episodes, counts.pages, counts.acknowledged, counts.flaps
    )?;
    Ok(())
}

async fn write_postmortem(
    draft: &Postmortem,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let store = open(&draft.record).await?;
    let id = find(&*store, &draft.incident).await?;
    let (incident, entries) = incident(&*store, id).await?;
    let Some(episode) = incident.episodes().last() else {
        return Err(Error::Input(format!(
            "incident {id} has no episode: its alerts were resolved before they were seen"
        )));
    };
    let text = postmortem(episode, &entries, &Redactor::default());
    match &draft.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// The place of a step, by its name or its number.
fn place(episode: &Episode, step: &str) -> Result<usize, Error> {
    let by_name = episode.steps().iter().position(|run| run.info.name == step);
    let by_number =
        || step.parse::<usize>().ok()?.checked_sub(1).filter(|place| *place < episode.steps().len());
    let place = by_name.or_else(by_number).ok_or_else(|| {
        let names: Vec<&str> = episode.steps().iter().map(|run| run.info.name.as_str()).collect();
        Error::Input(format!("the episode has no step `{step}`\n  hint: it has {}", names.join(", ")))
    })?;
    let waits = |run: &StepRun| {
        run.state == StepState::Waiting && matches!(run.approval, Some(Approval::Asked { .. }))
    };
    if !episode.steps().get(place).is_some_and(waits) {
        return Err(Error::Input(format!("the step `{step}` does not wait for an approval")));
    }
    Ok(place)
}

/// Writes down what somebody did about the open episode.
async fn acted(
    act: &Act,
    event: impl FnOnce(String, &Episode) -> Result<Event, Error>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let store = open(&act.record).await?;
    let id = find(&*store, &act.incident).await?;
    let (incident, _) = incident(&*store, id).await?;
    let Some(episode) = incident.open() else {
        return Err(Error::Input(format!("no alert of incident {id} fires any more")));
    };
    let user = || {
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned())
    };
    let event = event(act.who.clone().unwrap_or_else(user), episode)?;
    let told = event.to_string();
    store.add(id, Entry::of(episode.id.began, now(), event)).await.map_err(outside)?;
    writeln!(out, "{}", slo_core::plain(&told))?;
    Ok(())
}
