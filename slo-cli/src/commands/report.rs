//! `slo report`

use crate::{
    args::{Report as Asked, ReportFormat},
    error::Error,
    load,
    prometheus::Prometheus,
    time, write,
};
use slo_core::{
    artifact::{Report, SloReport},
    model::{Calendar, CalendarUnit, Service, Slo, Window},
    replay::Series,
    rules::{Plan, names},
};
use std::io::Write;

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, asked.scale.time_scale, talk)?;
    let span = Span::of(asked)?;
    let prometheus = Prometheus::new(&asked.prometheus);
    let mut slos = Vec::new();
    for service in &services {
        for slo in service.slos() {
            slos.push(report(&prometheus, service, slo, &span, &asked.time_zone)?);
        }
    }
    if slos.iter().all(|slo| slo.seen.total() == 0) {
        return Err(Error::Outside(format!(
            "{}: no events of these SLOs are recorded in that time\n  hint: the rules of `slo generate` record them; give a time \
             since they were loaded, and their `--time-scale` if they have one",
            asked.prometheus
        )));
    }
    let report =
        Report { title: span.title, zone: asked.time_zone.clone(), start: span.start, end: span.end, slos };
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
        Ok(Self {
            title: name.clone(),
            before: before.start(),
            start: period.start(),
            end: period.end().min(now),
        })
    }
}

fn report(
    prometheus: &Prometheus,
    service: &Service,
    slo: &Slo,
    span: &Span,
    zone: &str,
) -> Result<SloReport, Error> {
    let plan = Plan::of(service, slo)?;
    let now = Tiles::fetch(prometheus, service, slo, plan.coarse(), span.start, span.end)?;
    let before = Tiles::fetch(prometheus, service, slo, plan.coarse(), span.before, span.start)?;
    let earlier = before.series()?;
    Ok(SloReport::of(service, slo, &now.series()?, now.unseen, Some(&earlier), zone)?)
}

/// The events of an SLO in equal steps.
struct Tiles {
    start: i64,
    step: Window,
    total: Vec<u64>,
    bad: Vec<u64>,
    unseen: usize,
}

impl Tiles {
    /// Those of the whole steps from `start` on, as Prometheus has recorded them.
    fn fetch(
        prometheus: &Prometheus,
        service: &Service,
        slo: &Slo,
        step: Window,
        start: i64,
        end: i64,
    ) -> Result<Self, Error> {
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        // On the grid of the steps, so that days begin where they do.
        let start = start.div_euclid(millis).saturating_mul(millis);
        let steps = usize::try_from((end - start).max(0) / millis).unwrap_or(0);
        let of = |name: String| {
            let query = format!(
                "sum(sum_over_time({name}{{service=\"{}\",slo=\"{}\"}}[{}ms]))",
                service.name(),
                slo.name(),
                step.as_millis() - 1
            );
            prometheus.range(&query, start, step, steps)
        };
        let total = of(names::total_tile(step))?;
        let bad = of(names::bad_tile(step))?;
        let unseen = total.iter().filter(|count| count.is_none()).count();
        let total = whole(&total);
        let bad = whole(&bad).iter().zip(&total).map(|(bad, total)| *bad.min(total)).collect();
        Ok(Self { start, step, total, bad, unseen })
    }

    fn series(&self) -> Result<Series<'_>, Error> {
        Ok(Series::new(self.start, self.step, &self.total, &self.bad)?)
    }
}

/// Counts that were estimated in part, as whole ones: what is rounded off goes to the next, so that the sum is right.
fn whole(counts: &[Option<f64>]) -> Vec<u64> {
    let (mut sum, mut given) = (0.0, 0_u64);
    let next = |count: &Option<f64>| {
        sum += count.unwrap_or(0.0).max(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and saturates"
        )]
        let upto = sum.round() as u64;
        let part = upto.saturating_sub(given);
        given = given.max(upto);
        part
    };
    counts.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn sums_are_kept() {
        assert_eq!(whole(&[Some(0.4), Some(0.4), None, Some(0.4), Some(5.0)]), [0, 1, 0, 0, 5]);
        assert_eq!(whole(&[Some(0.3); 10]).iter().sum::<u64>(), 3);
    }
}
