//! Histories from a server: what the rules would have recorded there.

use super::named::{Group, named};
use crate::{args::Backtest as Asked, error::Error, time};
use slo_core::{
    model::{Service, Slo, Timestamp},
    plain,
    replay::History,
    rules::EventQueries,
};
use slo_prometheus::{Client, Steps};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

/// Steps that are asked for at once: a server holds all series of a query in memory, at all of its steps.
const CHUNK: usize = 1_440;

/// What was counted in each step, of all and of the bad events; `None` where nothing was.
type Columns = [Vec<Option<f64>>; 2];

/// The history of an SLO, or of each of its groups.
pub(super) fn histories(
    client: &Client,
    service: &Service,
    slo: &Slo,
    asked: &Asked,
    talk: &mut dyn Write,
) -> Result<Vec<(Group, History)>, Error> {
    let queries = EventQueries::of(service, slo, asked.target.backend())
        .map_err(|error| named(service, slo, &error))?;
    let tile = queries.tile;
    let count = usize::try_from(asked.last.as_millis() / tile.as_millis()).unwrap_or(usize::MAX);
    if count == 0 {
        return Err(Error::Usage(format!("--last {}: events are counted every {tile}", asked.last)));
    }
    let end = asked.end.unwrap_or_else(time::now);
    let end = end.on_grid(tile, Timestamp::EPOCH);
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
            "{}/{}: no events in that time\n  hint: is the spec that of this server? `--last` looks further back",
            service.name(),
            slo.name()
        )?;
    }
    let mut histories = Vec::new();
    // Each takes the place of its columns.
    for (group, [total, bad]) in groups {
        match History::of_recorded(start, tile, &total, &bad) {
            Some(history) => histories.push((group, history)),
            None => writeln!(
                talk,
                "{}/{}{}: left out, since {} are not there\n  hint: of a latency, is the threshold one of the histogram's \
                 buckets?",
                service.name(),
                slo.name(),
                shown(&group),
                if total.iter().any(Option::is_some) { "its bad events" } else { "all of its events" },
            )?,
        }
    }
    Ok(histories)
}

/// The labels of a group, where it has some.
fn shown(group: &Group) -> String {
    let labels: Vec<String> = group.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    if labels.is_empty() { String::new() } else { format!(" {}", labels.join(", ")) }
}
