//! `slo report`

use crate::{
    args::{Report as Asked, ReportFormat},
    error::Error,
    load, time, write,
};
use slo_core::{
    artifact::{Fired, Others, Report, SloReport},
    math::Tally,
    model::{Calendar, CalendarUnit, LabelName, MatchOp, Selector, Service, Slo, Window},
    replay::Series,
    rules::{Plan, names},
};
use slo_prometheus::{Client, Labels, Steps};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

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
        query: &str,
        steps: Steps,
        point: impl FnMut(&Labels, usize, f64),
    ) -> Result<(), Error> {
        self.warnings.extend(self.client.range(query, steps, point)?);
        Ok(())
    }
}

/// Labels of a group of an SLO's events, with their values; none of an SLO without groups.
type Group = Vec<(String, String)>;

/// What is asked of an SLO.
#[derive(Clone, Copy)]
struct Question<'a> {
    service: &'a Service,
    slo: &'a Slo,
    span: &'a Span,
    zone: &'a str,
    /// Groups that are shown.
    most: usize,
}

impl Question<'_> {
    /// Of an SLO, or of each of its groups, those first whose budget is spent most; and what is counted of the others.
    fn reports(self, server: &mut Server<'_>) -> Result<(Vec<SloReport>, Option<Others>), Error> {
        let plan = Plan::of(self.service, self.slo)?;
        let step = plan.coarse();
        let grid = |start, end| steps(start, end, step, self.zone);
        let (now, before) = (grid(self.span.start, self.span.end)?, grid(self.span.before, self.span.start)?);
        if now.count == 0 {
            return Err(Error::Input(format!(
                "{} is shorter than {step}\n  hint: events are added up in steps of {step}; ask for some of them",
                self.span.title
            )));
        }
        let mut groups = self.groups(server, step, now, before)?;
        let others = self.counted(groups.split_off(groups.len().min(self.most)))?;
        let any = if self.slo.by().is_empty() {
            None
        } else {
            Some(Tiles::fetch(server, &self.selector(&names::total_tile(step), &Group::new())?, step, now)?)
        };
        let mut found = Vec::new();
        for (group, _) in groups {
            let (tiles, earlier) = (
                Events::fetch(self, server, &group, step, now)?,
                Events::fetch(self, server, &group, step, before)?,
            );
            let (steps, earlier_steps) = (tiles.whole(), earlier.whole());
            let series = Series::new(now.start, step, &steps.0, &steps.1)?;
            let earlier_series = Series::new(before.start, step, &earlier_steps.0, &earlier_steps.1)?;
            let was_there = earlier.total.0.iter().any(Option::is_some);
            let unseen = unseen(&tiles.total, any.as_ref().unwrap_or(&tiles.total), was_there);
            let mut one =
                SloReport::of(self.service, self.slo, &series, unseen, Some(&earlier_series), self.zone)?;
            for incident in &mut one.incidents {
                // A coarse tile may be as late as it is long.
                let begin = incident.start.saturating_sub(millis(step)).max(now.start);
                let span = self::steps(begin, incident.end, plan.fine(), self.zone)?;
                let (total, bad) = Events::fetch(self, server, &group, plan.fine(), span)?.whole();
                let fine = Series::new(span.start, plan.fine(), &total, &bad)?;
                *incident = incident.narrowed(&fine, self.slo.objective());
            }
            one.alerts = self.alerts(server, &group, plan.fine())?;
            one.group = group;
            found.push(one);
        }
        let left = |one: &SloReport| one.remaining().unwrap_or(f64::INFINITY);
        found.sort_by(|one, other| left(one).total_cmp(&left(other)));
        Ok((found, others))
    }

    /// The groups of either time, with all and the bad events of this one; those that spent most first.
    fn groups(
        self,
        server: &mut Server<'_>,
        step: Window,
        now: Steps,
        before: Steps,
    ) -> Result<Vec<(Group, (f64, f64))>, Error> {
        if self.slo.by().is_empty() {
            return Ok(vec![(Group::new(), (0.0, 0.0))]);
        }
        let mut sums: BTreeMap<Group, (f64, f64)> = BTreeMap::new();
        for (of, is_now) in [(before, false), (now, true)] {
            // The whole time as one step.
            let whole = Steps {
                step: of.step.saturating_mul(u64::try_from(of.count).unwrap_or(u64::MAX)),
                count: usize::from(of.count > 0),
                ..of
            };
            for (metric, is_bad) in [(names::total_tile(step), false), (names::bad_tile(step), true)] {
                let query = format!(
                    "sum by ({}) (sum_over_time({}[{}ms]))",
                    self.by(),
                    self.selector(&metric, &Group::new())?,
                    whole.step.saturating_sub(1)
                );
                server.range(&query, whole, |labels, _, value| {
                    let sum = sums.entry(labels.clone().into_iter().collect()).or_default();
                    match (is_now, is_bad) {
                        (true, false) => sum.0 += value,
                        (true, true) => sum.1 += value,
                        (false, _) => {}
                    }
                })?;
            }
        }
        if sums.is_empty() {
            sums.insert(Group::new(), (0.0, 0.0));
        }
        let share = |(total, bad): &(f64, f64)| if *total > 0.0 { bad / total } else { -1.0 };
        let mut groups: Vec<_> = sums.into_iter().collect();
        groups.sort_by(|(_, one), (_, other)| share(other).total_cmp(&share(one)));
        Ok(groups)
    }

    /// What is said of groups that are not shown.
    fn counted(self, groups: Vec<(Group, (f64, f64))>) -> Result<Option<Others>, Error> {
        if groups.is_empty() {
            return Ok(None);
        }
        let (mut seen, mut missed) = (Tally::default(), 0);
        for (_, (total, bad)) in &groups {
            let (total, bad) = (whole(&[Some(*total)]), whole(&[Some(*bad)]));
            let (total, bad) = (total.iter().sum::<u64>(), bad.iter().sum::<u64>());
            let tally = Tally::new(total, bad.min(total))?;
            missed += usize::from(total > 0 && tally.exceeds(self.slo.objective().budget()));
            seen = seen.checked_add(tally)?;
        }
        Ok(Some(Others {
            service: self.service.name().to_string(),
            slo: self.slo.name().to_string(),
            groups: groups.len(),
            missed,
            seen,
        }))
    }

    /// The alerts that fired on a group.
    fn alerts(self, server: &mut Server<'_>, group: &Group, step: Window) -> Result<Vec<Fired>, Error> {
        let span = steps(self.span.start, self.span.end, step, self.zone)?;
        let firing = self.selector("ALERTS", group)?.matching("alertstate", MatchOp::Equal, "firing")?;
        let query = format!("max by (alertname, burn_tier, severity) ({firing})");
        let mut seen: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        server.range(&query, span, |labels, step, _| {
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let tier = Some(label("burn_tier")).filter(|tier| !tier.is_empty());
            let alert = tier.unwrap_or_else(|| label("alertname"));
            seen.entry((alert, label("severity"))).or_default().push(step);
        })?;
        let mut fired = Vec::new();
        let length = millis(step);
        let time = |step: usize| {
            span.start.saturating_add(
                i64::try_from(step).unwrap_or(i64::MAX).saturating_add(1).saturating_mul(length),
            )
        };
        for ((alert, severity), steps) in seen {
            for run in steps.chunk_by(|one, next| *next == one + 1) {
                let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
                let (start, end) = (time(*first), time(last + 1));
                fired.push(Fired { alert: alert.clone(), severity: severity.clone(), start, end });
            }
        }
        fired.sort_by_key(|one| one.start);
        Ok(fired)
    }

    fn by(self) -> String {
        self.slo.by().iter().map(LabelName::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The series `metric` of the SLO, or of a group of it.
    fn selector(self, metric: &str, group: &Group) -> Result<Selector, Error> {
        let mut selector = Selector::new(metric)?
            .matching("service", MatchOp::Equal, self.service.name().as_str())?
            .matching("slo", MatchOp::Equal, self.slo.name().as_str())?;
        let has_group = !group.is_empty();
        for label in self.slo.by().iter().filter(|_| has_group) {
            // A label that a group does not have is empty.
            let value = group.iter().find(|(name, _)| name == label.as_str()).map_or("", |(_, value)| value);
            selector = selector.matching(label.as_str(), MatchOp::Equal, value)?;
        }
        Ok(selector)
    }
}

/// What was recorded of the events of each step; `None` where nothing was.
struct Tiles(Vec<Option<f64>>);

impl Tiles {
    fn fetch(server: &mut Server<'_>, series: &Selector, step: Window, steps: Steps) -> Result<Self, Error> {
        let mut tiles = vec![None; steps.count];
        let query = format!("sum(sum_over_time({series}[{}ms]))", step.as_millis() - 1);
        server.range(&query, steps, |_, step, value| {
            if let Some(tile) = tiles.get_mut(step) {
                *tile = Some(value).filter(|value| value.is_finite());
            }
        })?;
        Ok(Self(tiles))
    }
}

/// All events of each step, and the bad ones.
struct Events {
    total: Tiles,
    bad: Tiles,
}

impl Events {
    fn fetch(
        asked: Question<'_>,
        server: &mut Server<'_>,
        group: &Group,
        step: Window,
        steps: Steps,
    ) -> Result<Self, Error> {
        let mut of = |tile: String| Tiles::fetch(server, &asked.selector(&tile, group)?, step, steps);
        Ok(Self { total: of(names::total_tile(step))?, bad: of(names::bad_tile(step))? })
    }

    /// As whole events.
    fn whole(&self) -> (Vec<u64>, Vec<u64>) {
        let (total, bad) = (whole(&self.total.0), whole(&self.bad.0));
        let bad = bad.iter().zip(&total).map(|(bad, total)| *bad.min(total)).collect();
        (total, bad)
    }
}

/// Steps of which nothing was recorded of a group, though something had to be: since its first events, which may have
/// been before, or where nothing was recorded of any group.
fn unseen(of_group: &Tiles, of_any: &Tiles, was_there: bool) -> usize {
    let mut was_there = was_there;
    let mut unseen = 0;
    for (own, any) in of_group.0.iter().zip(&of_any.0) {
        was_there |= own.is_some();
        unseen += usize::from(own.is_none() && (was_there || any.is_none()));
    }
    unseen
}

fn millis(window: Window) -> i64 {
    i64::try_from(window.as_millis()).unwrap_or(i64::MAX)
}

/// The beginning and number of the whole steps of a time, on a grid that begins with its first day in the zone; so do the
/// other days where days are whole steps.
fn steps(start: i64, end: i64, step: Window, zone: &str) -> Result<Steps, Error> {
    let millis = millis(step);
    let day = Calendar::new(CalendarUnit::Day, zone)?.period_at(start)?.start();
    let start = start - (start - day).rem_euclid(millis);
    let count = usize::try_from((end - start).max(0) / millis).unwrap_or(0);
    Ok(Steps { start, step: step.as_millis(), count })
}

/// Counts that were estimated in part, as whole ones: what is rounded off goes to the next, so that the sum is right. A
/// count below zero makes up for those before it.
fn whole(counts: &[Option<f64>]) -> Vec<u64> {
    let (mut sum, mut given) = (0.0, 0_u64);
    let next = |count: &Option<f64>| {
        sum += count.unwrap_or(0.0);
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
    use super::{Tiles, steps, unseen, whole};
    use slo_core::model::{Calendar, CalendarUnit, Window};

    #[test]
    fn days_of_every_zone_are_whole_steps() {
        for (zone, step, days) in [
            ("Asia/Kathmandu", Window::minutes(30), 92),
            ("Europe/Berlin", Window::minutes(30), 92),
            ("UTC", Window::minutes(5), 92),
        ] {
            let quarter = Calendar::new(CalendarUnit::Quarter, zone).unwrap().named("2025-Q4").unwrap();
            let found = steps(quarter.start(), quarter.end(), step, zone).unwrap();
            let start = found.start;
            assert_eq!(start, quarter.start(), "{zone}");
            let end = start + i64::try_from(found.count as u64 * found.step).unwrap();
            assert_eq!(end, quarter.end(), "{zone}");
            let day = Calendar::new(CalendarUnit::Day, zone).unwrap();
            let mut days_seen = 0;
            let mut at = start;
            while at < end {
                assert_eq!((at - start) % i64::try_from(step.as_millis()).unwrap(), 0, "{zone}");
                at = day.period_at(at).unwrap().end();
                days_seen += 1;
            }
            assert_eq!(days_seen, days);
            // In the middle of a day: on the grid of that day.
            let within = steps(start + 1_000_000, end, step, zone).unwrap().start;
            assert_eq!((within - start) % i64::try_from(step.as_millis()).unwrap(), 0);
        }
    }

    #[test]
    fn a_group_is_not_missed_before_its_first_events() {
        let recorded = |seen: &[u8]| Tiles(seen.iter().map(|seen| (*seen == 1).then_some(5.0)).collect());
        let (old, new) = (recorded(&[1, 1, 0, 0, 1, 1]), recorded(&[0, 0, 0, 1, 0, 1]));
        let any = recorded(&[1, 1, 0, 1, 1, 1]);
        assert_eq!(unseen(&old, &any, false), 2);
        // Of the third step nobody knows anything, and of the fifth something is missing.
        assert_eq!(unseen(&new, &any, false), 2);
        assert_eq!(unseen(&new, &any, true), 4);
        assert_eq!(unseen(&recorded(&[0; 6]), &any, false), 1);
    }

    #[test]
    fn sums_are_kept() {
        assert_eq!(whole(&[Some(0.4), Some(0.4), None, Some(0.4), Some(5.0)]), [0, 1, 0, 0, 5]);
        assert_eq!(whole(&[Some(0.3); 10]).iter().sum::<u64>(), 3);
        assert_eq!(whole(&[Some(2.0), Some(-1.0), Some(0.5), Some(2.0), Some(-9.0)]), [2, 0, 0, 2, 0]);
    }
}
