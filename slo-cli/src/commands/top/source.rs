//! The sources of numbers for `slo top`.

use super::{
    burn_down::{BurnDown, History, POINTS},
    line::Line,
};
use crate::{
    args::Top,
    error::Error,
    load,
    recorded::{Row, check_recorded, name, rows},
    time,
};
use serde::Deserialize;
use slo_core::{
    model::{Service, Tier, Window},
    plain,
    rules::{Group, RecordedQueries, group_of},
};
use slo_prometheus::{Client, Steps};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::Write,
};

/// Where the numbers come from.
pub(super) enum Source {
    Prometheus { client: Client, services: Vec<Service>, is_once: bool },
    Service { client: Client },
}

#[derive(Deserialize)]
struct Live {
    slos: Vec<LiveSlo>,
}

#[derive(Deserialize)]
struct LiveSlo {
    service: String,
    slo: String,
    objective: String,
    sli: Option<f64>,
    projected_budget_remaining: Option<f64>,
    time_to_exhaustion: Option<f64>,
    period: String,
    period_seconds: f64,
    coverage: f64,
    state: String,
    windows: Vec<LiveWindow>,
    tiers: Vec<LiveTier>,
}

#[derive(Deserialize)]
struct LiveTier {
    long: String,
}

#[derive(Deserialize)]
struct LiveWindow {
    window: String,
    burn_rate: Option<f64>,
}

impl Source {
    /// With `is_once`, SLOs that are not recorded yet are an error.
    pub(super) fn of(asked: &Top, is_once: bool, talk: &mut dyn Write) -> Result<Self, Error> {
        match (&asked.prometheus, &asked.service) {
            (Some(address), _) => Ok(Self::Prometheus {
                client: asked.access.client(address)?,
                services: load::services(&asked.files, &asked.reading, asked.scale.time_scale, talk)?,
                is_once,
            }),
            (None, Some(address)) => Ok(Self::Service { client: asked.access.client(address)? }),
            (None, None) => Err(Error::Input(
                "no source given\n  hint: give `--prometheus URL` and specs, or `--service URL`".to_owned(),
            )),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Prometheus { client, .. } | Self::Service { client } => client.address().to_string(),
        }
    }

    /// The budgets left in the past, as Prometheus has recorded them.
    pub(super) fn history(&self) -> Result<History, Error> {
        let mut found = BTreeMap::new();
        let Self::Prometheus { client, services, .. } = self else { return Ok(found) };
        for service in services {
            for slo in service.slos() {
                let step = slo.period().length().as_millis() / POINTS as u64;
                let step = Window::from_millis(step.max(1_000)).map_err(Error::from)?;
                let now = time::now();
                let query = RecordedQueries::of(service, slo).budget_left().to_string();
                let steps = Steps { start: now.before_steps(step, POINTS), step, count: POINTS };
                let mut past: BTreeMap<Group, VecDeque<f64>> = BTreeMap::new();
                client.range(&query, steps, |labels, _, left| {
                    past.entry(group_of(slo, labels)).or_default().push_back(left);
                })?;
                for (group, points) in past {
                    found.insert(name(service, slo, &group), BurnDown::of(points, step, now));
                }
            }
        }
        Ok(found)
    }

    /// The current lines, and the server's warnings.
    pub(super) fn lines(&self) -> Result<(Vec<Line>, BTreeSet<String>), Error> {
        let mut warnings = BTreeSet::new();
        let lines = match self {
            Self::Prometheus { client, services, is_once } => {
                let rows = rows(client, services, &mut warnings)?;
                // A live screen can wait until the rules are evaluated.
                if *is_once {
                    check_recorded(client, &rows)?;
                }
                rows.iter().map(recorded).collect()
            }
            Self::Service { client } => {
                let live: Live = client.get("/slo.json")?;
                live.slos.into_iter().map(LiveSlo::line).collect()
            }
        };
        Ok((lines, warnings))
    }
}

fn recorded(row: &Row<'_>) -> Line {
    let status = &row.status;
    let long = row.slo.policy().tiers().first().map(Tier::long);
    let length = status.length.as_seconds().to_f64();
    let state = match (status.firing.as_slice(), status.budget_projected) {
        ([], None) => "no data".to_owned(),
        ([], Some(left)) if left <= 0.0 => "overspent".to_owned(),
        ([], Some(_)) => "ok".to_owned(),
        (_, _) => row.alerts(),
    };
    Line {
        key: row.name(),
        others: 0,
        burn: long.and_then(|long| Some((long.to_string(), status.burn_over(long)?))),
        objective: row.slo.objective().to_string(),
        sli: status.sli,
        left: status.budget_projected,
        lasts: status.time_to_exhaustion.filter(|seconds| *seconds < length),
        period: row.slo.period().to_string(),
        seen: status.coverage,
        state,
    }
}

impl LiveSlo {
    fn line(self) -> Line {
        let long =
            self.tiers.first().and_then(|tier| self.windows.iter().find(|window| window.window == tier.long));
        Line {
            key: plain(&format!("{}/{}", self.service, self.slo)).into_owned(),
            others: 0,
            burn: long.and_then(|long| Some((plain(&long.window).into_owned(), long.burn_rate?))),
            objective: plain(&self.objective).into_owned(),
            sli: self.sli,
            left: self.projected_budget_remaining,
            lasts: self.time_to_exhaustion.filter(|seconds| *seconds < self.period_seconds),
            period: plain(&self.period).into_owned(),
            seen: Some(self.coverage),
            state: plain(&self.state).replace('_', " "),
        }
    }
}
