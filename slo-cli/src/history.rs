//! Histories from a server: the events that the rules would have recorded there.

use crate::{
    error::Error,
    named::{Group, named},
};
use slo_core::{
    model::{Service, Slo, Timestamp, Window},
    plain,
    replay::History,
    rules::{Backend, EventQueries},
};
use slo_prometheus::{Client, Steps};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Steps per query; a server holds all series of a query in memory, at all of its steps.
const CHUNK: usize = 1_440;

/// All events and bad events in each step; `None` where nothing was counted.
type Columns = [Vec<Option<f64>>; 2];

/// The time of a history, and the kind of its server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) backend: Backend,
    pub(crate) last: Window,
    pub(crate) end: Timestamp,
}

/// The history of an SLO, or of each of its groups.
pub(crate) fn histories(
    client: &Client,
    service: &Service,
    slo: &Slo,
    asked: Asked,
    talk: &mut dyn Write,
) -> Result<Vec<(Group, History)>, Error> {
    let queries =
        EventQueries::of(service, slo, asked.backend).map_err(|error| named(service, slo, &error))?;
    let tile = queries.tile;
    let count = usize::try_from(asked.last.as_millis() / tile.as_millis()).unwrap_or(usize::MAX);
    if count == 0 {
        return Err(Error::Usage(format!(
            "--last {}: events are counted every {tile}\n  hint: give {tile} or longer",
            asked.last
        )));
    }
    let end = asked.end.on_grid(tile, Timestamp::EPOCH);
    let start = end.before_steps(tile, count);
    let mut groups: BTreeMap<Group, Columns> = BTreeMap::new();
    let mut warnings = BTreeSet::new();
    for (column, query) in [&queries.total, &queries.bad].into_iter().enumerate() {
        for first in (0..count).step_by(CHUNK) {
            let steps =
                Steps { start: start.after_steps(tile, first), step: tile, count: CHUNK.min(count - first) };
            let told = client.range(query, steps, |labels, index, value| {
                let group: Group = labels.clone().into_iter().collect();
                let columns = groups.entry(group).or_insert_with(|| [vec![None; count], vec![None; count]]);
                if let Some(place) = columns.get_mut(column).and_then(|column| column.get_mut(first + index))
                {
                    *place = Some(value).filter(|value| value.is_finite());
                }
            })?;
            warnings.extend(told);
        }
    }
    for warning in warnings {
        writeln!(talk, "warning: the history is incomplete: {} says: {}", client.address(), plain(&warning))?;
    }
    if groups.is_empty() {
        writeln!(
            talk,
            "{}/{}: no events in that time\n  hint: check that the server has the series of this spec, or \
             look further back with `--last`",
            service.name(),
            slo.name()
        )?;
    }
    let mut histories = Vec::new();
    // Consumes the columns, so that both are not kept in memory.
    for (group, [total, bad]) in groups {
        match History::of_recorded(start, tile, &total, &bad) {
            Some(history) => histories.push((group, history)),
            None => writeln!(
                talk,
                "{}/{}{}: left out, because {} are missing\n  hint: for a latency SLI, check that the \
                 threshold is a bucket of the histogram",
                service.name(),
                slo.name(),
                shown(&group),
                if total.iter().any(Option::is_some) { "its bad events" } else { "its total events" },
            )?,
        }
    }
    Ok(histories)
}

/// The labels of a group as text; empty if it has none.
fn shown(group: &Group) -> String {
    let labels: Vec<String> = group.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    if labels.is_empty() { String::new() } else { format!(" {}", labels.join(", ")) }
}
