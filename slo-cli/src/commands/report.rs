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
    model::{Calendar, CalendarUnit, LabelName, Service, Slo, Window},
    replay::Series,
    rules::{Plan, names},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

pub(super) fn run(asked: &Asked, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let prometheus = Prometheus::new(&asked.prometheus, asked.headers.read()?)?;
    let services = load::services(&asked.specs.files, asked.scale.time_scale, talk)?;
    let span = Span::of(asked)?;
    let mut slos = Vec::new();
    for service in &services {
        for slo in service.slos() {
            slos.extend(reports(&prometheus, service, slo, &span, &asked.time_zone)?);
        }
    }
    if slos.iter().all(|slo| slo.seen.total() == 0) {
        return Err(Error::Outside(format!(
            "{}: no events of these SLOs are recorded in that time\n  hint: the rules of `slo generate` record them; give a time \
             since they were loaded, and their `--time-scale` if they have one",
            prometheus.name()
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
        let title = if period.end() > now { format!("{name}, so far") } else { name.clone() };
        Ok(Self { title, before: before.start(), start: period.start(), end: period.end().min(now) })
    }
}

/// Of an SLO, or of each of its groups, those first whose budget is spent most.
fn reports(
    prometheus: &Prometheus,
    service: &Service,
    slo: &Slo,
    span: &Span,
    zone: &str,
) -> Result<Vec<SloReport>, Error> {
    let plan = Plan::of(service, slo)?;
    let step = plan.coarse();
    let fetch = |step, start, end| Tiles::fetch(prometheus, service, slo, step, (start, end), zone);
    let (now, before) = (fetch(step, span.start, span.end)?, fetch(step, span.before, span.start)?);
    if now.steps == 0 {
        return Err(Error::Input(format!(
            "{} is shorter than {step}\n  hint: events are added up in steps of {step}; ask for some of them",
            span.title
        )));
    }
    let mut groups: BTreeSet<&Group> = now.groups.keys().chain(before.groups.keys()).collect();
    let nothing = Group::new();
    if slo.by().is_empty() || groups.is_empty() {
        groups.insert(&nothing);
    }
    let mut found = Vec::new();
    for group in groups {
        let (steps, earlier) = (now.events(group), before.events(group));
        let earlier = Series::new(before.start, step, &earlier.total, &earlier.bad)?;
        let series = Series::new(now.start, step, &steps.total, &steps.bad)?;
        let mut one =
            SloReport::of(service, slo, &series, now.unseen(group, before.has(group)), Some(&earlier), zone)?;
        one.group.clone_from(group);
        for incident in &mut one.incidents {
            // A coarse tile may be as late as it is long.
            let begin = incident.start.saturating_sub(i64::try_from(step.as_millis()).unwrap_or(i64::MAX));
            let fine = fetch(plan.fine(), begin.max(now.start), incident.end)?;
            let events = fine.events(group);
            let fine = Series::new(fine.start, plan.fine(), &events.total, &events.bad)?;
            *incident = incident.narrowed(&fine, slo.objective());
        }
        found.push(one);
    }
    let left = |one: &SloReport| one.remaining().unwrap_or(f64::INFINITY);
    found.sort_by(|one, other| left(one).total_cmp(&left(other)));
    Ok(found)
}

/// Labels of a group of an SLO's events, with their values; none of an SLO without groups.
type Group = Vec<(String, String)>;

/// The events of an SLO in equal steps.
struct Tiles {
    start: i64,
    steps: usize,
    groups: BTreeMap<Group, Recorded>,
}

/// What was recorded of the events of each step.
#[derive(Default)]
struct Recorded {
    total: Vec<Option<f64>>,
    bad: Vec<Option<f64>>,
}

/// The events of each step.
struct Events {
    total: Vec<u64>,
    bad: Vec<u64>,
}

impl Tiles {
    /// Those of the whole steps from `start` on, as Prometheus has recorded them.
    fn fetch(
        prometheus: &Prometheus,
        service: &Service,
        slo: &Slo,
        step: Window,
        (start, end): (i64, i64),
        zone: &str,
    ) -> Result<Self, Error> {
        let (start, steps) = steps(start, end, step, zone)?;
        let by = slo.by().iter().map(LabelName::as_str).collect::<Vec<_>>().join(", ");
        let of = |name: String| {
            let query = format!(
                "sum by ({by}) (sum_over_time({name}{{service=\"{}\",slo=\"{}\"}}[{}ms]))",
                service.name(),
                slo.name(),
                step.as_millis() - 1
            );
            prometheus.range(&query, start, step, steps)
        };
        let mut groups: BTreeMap<Group, Recorded> = BTreeMap::new();
        for (labels, total) in of(names::total_tile(step))? {
            groups.entry(labels.into_iter().collect()).or_default().total = total;
        }
        for (labels, bad) in of(names::bad_tile(step))? {
            groups.entry(labels.into_iter().collect()).or_default().bad = bad;
        }
        Ok(Self { start, steps, groups })
    }

    /// Of a group, the events of each step.
    fn events(&self, group: &Group) -> Events {
        let nothing = Recorded::default();
        let recorded = self.groups.get(group).unwrap_or(&nothing);
        let all = |counts: &[Option<f64>]| {
            let mut counts = counts.to_vec();
            counts.resize(self.steps, None);
            whole(&counts)
        };
        let (total, bad) = (all(&recorded.total), all(&recorded.bad));
        let bad = bad.iter().zip(&total).map(|(bad, total)| *bad.min(total)).collect();
        Events { total, bad }
    }

    /// Whether anything was recorded of a group.
    fn has(&self, group: &Group) -> bool {
        self.groups.get(group).is_some_and(|recorded| recorded.total.iter().any(Option::is_some))
    }

    /// Steps of which nothing was recorded of a group, though something had to be: since its first events, which may have
    /// been before, or where nothing was recorded of any group.
    fn unseen(&self, group: &Group, was_there: bool) -> usize {
        let is_seen =
            |recorded: &Recorded, step: usize| recorded.total.get(step).is_some_and(Option::is_some);
        let mut was_there = was_there;
        let mut unseen = 0;
        for step in 0..self.steps {
            let of_group = self.groups.get(group).is_some_and(|recorded| is_seen(recorded, step));
            was_there |= of_group;
            let of_any = self.groups.values().any(|recorded| is_seen(recorded, step));
            unseen += usize::from(!of_group && (was_there || !of_any));
        }
        unseen
    }
}

/// The beginning and number of the whole steps of a time, on a grid that begins with its first day in the zone; so do the
/// other days where days are whole steps.
fn steps(start: i64, end: i64, step: Window, zone: &str) -> Result<(i64, usize), Error> {
    let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    let day = Calendar::new(CalendarUnit::Day, zone)?.period_at(start)?.start();
    let start = start - (start - day).rem_euclid(millis);
    Ok((start, usize::try_from((end - start).max(0) / millis).unwrap_or(0)))
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
    use super::{Group, Recorded, Tiles, steps, whole};
    use slo_core::model::{Calendar, CalendarUnit, Window};

    #[test]
    fn days_of_every_zone_are_whole_steps() {
        for (zone, step, days) in [
            ("Asia/Kathmandu", Window::minutes(30), 92),
            ("Europe/Berlin", Window::minutes(30), 92),
            ("UTC", Window::minutes(5), 92),
        ] {
            let quarter = Calendar::new(CalendarUnit::Quarter, zone).unwrap().named("2025-Q4").unwrap();
            let (start, count) = steps(quarter.start(), quarter.end(), step, zone).unwrap();
            assert_eq!(start, quarter.start(), "{zone}");
            let end = start + i64::try_from(count as u64 * step.as_millis()).unwrap();
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
            let (within, _) = steps(start + 1_000_000, end, step, zone).unwrap();
            assert_eq!((within - start) % i64::try_from(step.as_millis()).unwrap(), 0);
        }
    }

    #[test]
    fn a_group_is_not_missed_before_its_first_events() {
        let group = |name: &str| -> Group { vec![("version".to_owned(), name.to_owned())] };
        let recorded = |seen: &[u8]| Recorded {
            total: seen.iter().map(|seen| (*seen == 1).then_some(5.0)).collect(),
            bad: Vec::new(),
        };
        let groups =
            [(group("old"), recorded(&[1, 1, 0, 0, 1, 1])), (group("new"), recorded(&[0, 0, 0, 1, 0, 1]))];
        let tiles = Tiles { start: 0, steps: 6, groups: groups.into_iter().collect() };
        assert_eq!(tiles.unseen(&group("old"), false), 2);
        // Of the third step nobody knows anything, and of the fifth something is missing.
        assert_eq!(tiles.unseen(&group("new"), false), 2);
        assert_eq!(tiles.unseen(&group("new"), true), 4);
        assert!(tiles.has(&group("new")) && !tiles.has(&group("none")));
        assert_eq!(tiles.unseen(&group("none"), false), 1);
    }

    #[test]
    fn sums_are_kept() {
        assert_eq!(whole(&[Some(0.4), Some(0.4), None, Some(0.4), Some(5.0)]), [0, 1, 0, 0, 5]);
        assert_eq!(whole(&[Some(0.3); 10]).iter().sum::<u64>(), 3);
    }
}
