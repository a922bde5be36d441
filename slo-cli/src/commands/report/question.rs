//! What is asked of an SLO, and its report.

use super::{
    Server, Span,
    tiles::{Events, Tiles, millis, steps, unseen},
};
use crate::error::Error;
use slo_core::{
    artifact::{Fired, Others, SloReport},
    math::Tally,
    model::{LabelName, MatchOp, Selector, Service, Slo, Window},
    replay::{Series, whole_events},
    rules::{Plan, names},
};
use slo_prometheus::Steps;
use std::collections::BTreeMap;

/// Labels of a group of an SLO's events, with their values; none of an SLO without groups.
pub(super) type Group = Vec<(String, String)>;

/// A group, with all and the bad events of the time that is asked for.
type Counted = (Group, (f64, f64));

/// What is asked of an SLO.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) service: &'a Service,
    pub(super) slo: &'a Slo,
    pub(super) span: &'a Span,
    pub(super) zone: &'a str,
    /// Groups that are shown.
    pub(super) most: usize,
}

impl Question<'_> {
    /// Of an SLO, or of each of its groups, those first whose budget is spent most; and what is counted of the others.
    pub(super) fn reports(self, server: &mut Server<'_>) -> Result<(Vec<SloReport>, Option<Others>), Error> {
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
        let others = self.counted(&groups.split_off(groups.len().min(self.most)))?;
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
            let (counts, earlier_counts) = (tiles.whole(), earlier.whole());
            let series = Series::new(now.start, step, &counts.0, &counts.1)?;
            let earlier_series = Series::new(before.start, step, &earlier_counts.0, &earlier_counts.1)?;
            let was_there = earlier.total.0.iter().any(Option::is_some);
            let unseen = unseen(&tiles.total, any.as_ref().unwrap_or(&tiles.total), was_there);
            let mut one =
                SloReport::of(self.service, self.slo, &series, unseen, Some(&earlier_series), self.zone)?;
            for incident in &mut one.incidents {
                // A coarse tile may be as late as it is long.
                let begin = incident.start.saturating_sub(millis(step)).max(now.start);
                let span = steps(begin, incident.end, plan.fine(), self.zone)?;
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
    ) -> Result<Vec<Counted>, Error> {
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
    fn counted(self, groups: &[Counted]) -> Result<Option<Others>, Error> {
        if groups.is_empty() {
            return Ok(None);
        }
        let (mut seen, mut missed) = (Tally::default(), 0);
        for (_, (total, bad)) in groups {
            let (total, bad) = whole_events(&[Some(*total)], &[Some(*bad)]);
            let tally = Tally::new(total.iter().sum(), bad.iter().sum())?;
            missed += usize::from(tally.total() > 0 && tally.exceeds(self.slo.objective().budget()));
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
    pub(super) fn selector(self, metric: &str, group: &Group) -> Result<Selector, Error> {
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
