//! `slo incidents list` and `show`.

use super::record::Opened;
use crate::{
    args::{Format, List, Show},
    error::Error,
    table, text,
    time::now,
};
use serde_json::json;
use slo_core::model::Timestamp;
use slo_ops::{
    incident::{Listed, Stage},
    notify::Summary,
    time_between,
};
use slo_server::store::Query;
use std::io::Write;

pub(super) async fn show_list(list: &List, out: &mut dyn Write) -> Result<(), Error> {
    let record = Opened::new(&list.record).await?;
    let query = Query { open: list.open, after: None, limit: list.limit };
    let mut listed = Vec::new();
    for row in record.list(query).await? {
        listed.extend(Listed::of(&record.incident(row.incident).await?.0, &record.redactor));
    }
    if list.open {
        listed.retain(Listed::is_open);
    }
    if list.output.format == Format::Json {
        return text::json(out, &listed);
    }
    let mut table = table::new(&["incident", "state", "severity", "began", "lasted", "summary", "steps"]);
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

pub(super) async fn show_one(show: &Show, out: &mut dyn Write) -> Result<(), Error> {
    let record = Opened::new(&show.record).await?;
    let id = record.find(&show.incident).await?;
    let (incident, entries) = record.incident(id).await?;
    if show.output.format == Format::Json {
        let mut json = json!({"episodes": Listed::of(&incident, &record.redactor), "record": entries});
        record.redactor.redact_json(&mut json);
        return text::json(out, &json);
    }
    let redactor = &record.redactor;
    for episode in incident.episodes() {
        for line in Summary::of(episode, redactor, now()).lines() {
            writeln!(out, "{line}")?;
        }
        let moments = episode.moments();
        let stages = Stage::ALL.iter().filter_map(|stage| {
            Some(format!("{stage} {}", text::seconds(moments.millis(*stage)? as f64 / 1_000.0)))
        });
        writeln!(out, "Stages: {}", stages.collect::<Vec<_>>().join(", "))?;
        for run in episode.steps() {
            if let Some(waits) = run.waits_for().filter(|_| episode.resolution.is_none()) {
                writeln!(out, "Step {}: {}", run.info.name, slo_core::plain(&redactor.redact(&waits)))?;
            }
        }
        writeln!(out)?;
    }
    for entry in &entries {
        let episode = entry.episode.and_then(|began| incident.episode(began));
        let told = episode.map_or_else(|| entry.event.to_string(), |episode| episode.told(&entry.event));
        writeln!(out, "{}  {}", entry.at, slo_core::plain(&redactor.redact(&told)))?;
    }
    Ok(())
}
