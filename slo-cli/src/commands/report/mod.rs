//! `slo report`

mod question;

use crate::{
    args::{Report as Asked, ReportFormat},
    error::Error,
    load, time, write,
};
use question::Question;
use slo_core::{
    artifact::Report,
    model::{Calendar, CalendarUnit},
    promql::Expr,
};
use slo_prometheus::{Client, Labels, Steps};
use std::{collections::BTreeSet, io::Write};

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let client = asked.access.client(&asked.prometheus)?;
    let services = load::services(&asked.specs.files, &asked.specs.reading, asked.scale.time_scale, talk)?;
    let span = Span::of(asked)?;
    let mut server = Server { client: &client, warnings: BTreeSet::new() };
    let (mut slos, mut others) = (Vec::new(), Vec::new());
    for service in &services {
        for slo in service.slos() {
            let asked = Question { service, slo, span: &span, zone: &asked.time_zone, most: asked.groups };
            let (shown, counted) = asked.reports(&mut server)?;
            slos.extend(shown);
            others.extend(counted);
        }
    }
    if slos.iter().all(|slo| slo.seen.total() == 0) {
        return Err(Error::Outside(format!(
            "{}: no events of these SLOs are recorded in that time\n  hint: the rules of `slo generate` record them; give a time \
             since they were loaded, and their `--time-scale` if they have one",
            client.address()
        )));
    }
    for one in &others {
        writeln!(
            talk,
            "{}/{}: {} groups that spent less are counted, not shown\n  hint: `--groups` shows more",
            one.service, one.slo, one.groups
        )?;
    }
    for warning in &server.warnings {
        writeln!(talk, "warning: the report is incomplete: {} says: {warning}", client.address())?;
    }
    let report = Report {
        title: span.title,
        zone: asked.time_zone.clone(),
        start: span.start,
        end: span.end,
        slos,
        others,
        warnings: server.warnings.into_iter().collect(),
    };
    let text = match asked.format {
        ReportFormat::Markdown => report.to_markdown(),
        ReportFormat::Html => report.to_html(),
        ReportFormat::Json => format!("{:#}\n", report.to_json()),
    };
    match &asked.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// A time, and the one before it; in milliseconds since the Unix epoch.
struct Span {
    title: String,
    before: i64,
    start: i64,
    end: i64,
}

impl Span {
    fn of(asked: &Asked) -> Result<Self, Error> {
        let now = asked.end.unwrap_or_else(time::unix_millis);
        let calendar = |unit| Calendar::new(unit, &asked.time_zone);
        let (unit, name) = match (&asked.month, &asked.quarter) {
            (Some(month), _) => (CalendarUnit::Month, month),
            (_, Some(quarter)) => (CalendarUnit::Quarter, quarter),
            _ => {
                let length = i64::try_from(asked.last.as_millis()).unwrap_or(i64::MAX);
                let (start, before) =
                    (now.saturating_sub(length), now.saturating_sub(length.saturating_mul(2)));
                return Ok(Self { title: format!("the last {}", asked.last), before, start, end: now });
            }
        };
        let calendar = calendar(unit)?;
        let period = calendar.named(name)?;
        let before = calendar.period_at(period.start().saturating_sub(1))?;
        if period.start() >= now {
            return Err(Error::Input(format!("{name} has not begun")));
        }
        let title = if period.end() > now { format!("{name}, so far") } else { name.clone() };
        Ok(Self { title, before: before.start(), start: period.start(), end: period.end().min(now) })
    }
}

/// The server, and what it has warned of.
struct Server<'a> {
    client: &'a Client,
    warnings: BTreeSet<String>,
}

impl Server<'_> {
    /// Calls `point` with every value of `query`.
    fn range(
        &mut self,
        query: &Expr,
        steps: Steps,
        point: impl FnMut(&Labels, usize, f64),
    ) -> Result<(), Error> {
        self.warnings.extend(self.client.range(&query.to_string(), steps, point)?);
        Ok(())
    }
}
