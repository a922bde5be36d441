//! `slo incidents stats`

use super::record::Opened;
use crate::{
    args::{Format, Place, Stats},
    commands::serve::runtime,
    error::Error,
    table, text,
    time::now,
};
use serde_json::json;
use slo_core::stats::{Confidence, TypicalTime};
use slo_ops::incident::{AlertCounts, Incident, Stage, StageTimes};
use std::io::Write;

/// The fewest times for a useful confidence interval.
const FEWEST: usize = 5;

/// All incidents of the record at `place`.
pub(in crate::commands) fn recorded(place: &Place) -> Result<Vec<Incident>, Error> {
    runtime()?.block_on(async { all(&Opened::at(place).await?).await })
}

async fn all(record: &Opened) -> Result<Vec<Incident>, Error> {
    let mut found = Vec::new();
    for id in record.ids().await? {
        found.push(record.incident(id).await?.0);
    }
    Ok(found)
}

pub(super) async fn show_stats(stats: &Stats, out: &mut dyn Write) -> Result<(), Error> {
    let record = Opened::new(&stats.record).await?;
    let incidents = all(&record).await?;
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
        // Too few times allow no comparison, which is not an error.
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
                if time.count < FEWEST {
                    return format!(
                        "{} (too few for an interval), n = {}",
                        text::seconds(time.geometric_mean),
                        time.count
                    );
                }
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
        "{} episodes, {} of them pages; {} were acknowledged, {} fired again within half an hour",
        counts.episodes, counts.pages, counts.acknowledged, counts.flaps
    )?;
    Ok(())
}
