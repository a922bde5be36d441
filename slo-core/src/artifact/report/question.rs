//! The queries for an SLO, and its report.

use super::{RecordedSource, Report, ReportSpan};
use crate::{
    Error,
    math::Tally,
    model::{Service, Slo, Timestamp, Window},
    promql::Expr,
    replay::{
        FiredAlert, OtherGroups, PolicyStanding, Priced, RecordedTiles, SloReview, steps_of_days,
        whole_events,
    },
    rules::{Group, Plan, RecordedQueries, Series, Stream},
};
use std::collections::BTreeMap;

impl Report {
    /// The report on all SLOs of `services` over `span`, as `source` has recorded them.
    ///
    /// Days are those of `zone`. Of an SLO with groups, those `most` groups are shown that spent most; the others are counted.
    /// The report has no warnings yet: its caller adds those that the source gave.
    ///
    /// # Errors
    /// Those of the source, and a time that is shorter than a tile.
    pub fn ask<S: RecordedSource>(
        services: &[Service],
        span: &ReportSpan,
        zone: &str,
        most: usize,
        source: &mut S,
    ) -> Result<Self, S::Error> {
        let (mut slos, mut others) = (Vec::new(), Vec::new());
        for service in services {
            for slo in service.slos() {
                let (shown, counted) = Question { service, slo, span, zone, most }.reports(source)?;
                slos.extend(shown);
                others.extend(counted);
            }
        }
        Ok(Self {
            title: span.title.clone(),
            zone: zone.to_owned(),
            start: span.start,
            end: span.end,
            slos,
            others,
            warnings: Vec::new(),
        })
    }
}

/// Evenly spaced times: the ends of `count` steps after `start`.
#[derive(Debug, Clone, Copy)]
struct Steps {
    start: Timestamp,
    step: Window,
    count: usize,
}

/// A group, with its total and bad events in the reported time.
type Counted = (Group, (f64, f64));

/// A request for the report of an SLO.
#[derive(Clone, Copy)]
struct Question<'a> {
    service: &'a Service,
    slo: &'a Slo,
    span: &'a ReportSpan,
    zone: &'a str,
    /// Groups that are shown.
    most: usize,
}

impl Question<'_> {
    /// The reports of an SLO or of its groups, the most spent first, and the counts of groups that are not
    /// shown.
    fn reports<S: RecordedSource>(
        self,
        server: &mut S,
    ) -> Result<(Vec<SloReview>, Option<OtherGroups>), S::Error> {
        let plan = Plan::of(self.service, self.slo)?;
        let step = plan.coarse();
        let now = self.steps(self.span.start, self.span.end, step)?;
        let before = self.steps(self.span.before, self.span.start, step)?;
        if now.count == 0 {
            let error =
                Error::new(format!("{} is shorter than {step}, the step of the counts", self.span.title));
            return Err(error.with_hint(format!("ask for {step} or longer")).into());
        }
        let mut groups = self.groups(server, step, now, before)?;
        let others = self.counted(&groups.split_off(groups.len().min(self.most)))?;
        let any = if self.slo.by().is_empty() {
            None
        } else {
            Some(values(server, &self.queries().events(Stream::Total, step, None), now)?)
        };
        let mut found = Vec::new();
        for (group, _) in groups {
            let tiles = self.tiles(server, &group, step, now)?;
            let earlier = self.tiles(server, &group, step, before)?;
            let unseen = tiles.unseen(any.as_ref().unwrap_or(&tiles.total), earlier.is_known());
            let seen = step.as_millis() * tiles.known() as u64;
            let (history, earlier) = (tiles.history(), earlier.history());
            let earlier = earlier.series()?;
            let mut one =
                SloReview::of(self.service, self.slo, &history.series()?, unseen, Some(&earlier), self.zone)?;
            for incident in &mut one.incidents {
                // A coarse tile may be as late as it is long.
                let begin = incident.start.before(step).max(now.start);
                let span = self.steps(begin, incident.end, plan.fine())?;
                let fine = self.tiles(server, &group, plan.fine(), span)?.history();
                *incident = incident.narrowed(&fine.series()?, self.slo.objective());
            }
            one.alerts = self.alerts(server, &group, plan.fine())?;
            one.policy = self.standing(server, &group, (step, seen), &one)?;
            one.group = group.into_iter().collect();
            found.push(one);
        }
        let left = |one: &SloReview| one.remaining().unwrap_or(f64::INFINITY);
        found.sort_by(|one, other| left(one).total_cmp(&left(other)));
        Ok((found, others))
    }

    /// The groups of this time and the one before, with their total and bad events in this time, most spent
    /// first.
    fn groups<S: RecordedSource>(
        self,
        server: &mut S,
        step: Window,
        now: Steps,
        before: Steps,
    ) -> Result<Vec<Counted>, S::Error> {
        if self.slo.by().is_empty() {
            return Ok(vec![(Group::new(), (0.0, 0.0))]);
        }
        let mut sums: BTreeMap<Group, (f64, f64)> = BTreeMap::new();
        for (of, is_now) in [(before, false), (now, true)] {
            // The whole time as one step.
            let whole = Steps {
                step: Window::from_millis(of.step.as_millis().saturating_mul(of.count.max(1) as u64))?,
                count: usize::from(of.count > 0),
                ..of
            };
            for (stream, is_bad) in [(Stream::Total, false), (Stream::Bad, true)] {
                let query = self.queries().events_by_group(stream, step, whole.step);
                server.range(&query, whole.start, whole.step, whole.count, &mut |labels, _, value| {
                    let sum = sums.entry(labels.clone()).or_default();
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

    /// The counts of groups that are not shown.
    fn counted(self, groups: &[Counted]) -> Result<Option<OtherGroups>, Error> {
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
        Ok(Some(OtherGroups {
            service: self.service.name().to_string(),
            slo: self.slo.name().to_string(),
            groups: groups.len(),
            missed,
            seen,
        }))
    }

    /// The alerts that fired on a group.
    fn alerts<S: RecordedSource>(
        self,
        server: &mut S,
        group: &Group,
        step: Window,
    ) -> Result<Vec<FiredAlert>, S::Error> {
        let span = self.steps(self.span.start, self.span.end, step)?;
        let query = self.queries().firing(Some(group));
        let mut seen: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        server.range(&query, span.start, span.step, span.count, &mut |labels, step, _| {
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let tier = Some(label("burn_tier")).filter(|tier| !tier.is_empty());
            let alert = tier.unwrap_or_else(|| label("alertname"));
            seen.entry((alert, label("severity"))).or_default().push(step);
        })?;
        let mut fired = Vec::new();
        for ((alert, severity), steps) in seen {
            fired.extend(FiredAlert::of_steps(&alert, &severity, &steps, span.start, step));
        }
        fired.sort_by_key(|one| one.start);
        Ok(fired)
    }

    /// What the error-budget policy says at the end of the time. Its stages follow the budget of the SLO's own period, as the
    /// server has recorded it in the last two periods.
    fn standing<S: RecordedSource>(
        self,
        server: &mut S,
        group: &Group,
        (step, seen): (Window, u64),
        review: &SloReview,
    ) -> Result<Option<PolicyStanding>, S::Error> {
        let Some(policy) = self.service.error_budget_policy() else { return Ok(None) };
        let span = self.span;
        let period = self.slo.period().length();
        // The stage depends on the past, whatever time the report is about.
        let count = usize::try_from(2 * period.as_millis() / step.as_millis()).unwrap_or(usize::MAX);
        // The last value is that of the end, however the steps of days lie.
        let length = Window::from_millis(step.as_millis().saturating_mul(count as u64))?;
        let steps = Steps { start: span.end.before(length), step, count };
        let mut left = values(server, &self.queries().series(Series::BudgetProjected, Some(group)), steps)?;
        // The name of this series has the period: without it, the budget is that of other rules.
        let coverage = Series::Coverage(self.slo.period().into());
        let last = Steps { start: span.end.before(step), step, count: 1 };
        let is_of_period = values(server, &self.queries().series(coverage, Some(group)), last)?;
        if is_of_period.first().copied().flatten().is_none()
            && let Some(left) = left.last_mut()
        {
            *left = None;
        }
        let times = (1..).map(|index| steps.start.after_steps(step, index));
        // The review prices incidents by the events of the time that is known of the group; a period has as many of them in the
        // same time.
        let of_period = seen as f64 / period.as_millis() as f64;
        let priced: Vec<Priced> =
            review.incidents.iter().map(|one| Priced { price: one.price * of_period, ..*one }).collect();
        Ok(Some(PolicyStanding::of(policy, times.zip(left), &priced)?))
    }

    fn queries(&self) -> RecordedQueries<'_> {
        RecordedQueries::of(self.service, self.slo)
    }

    /// The whole steps of a time.
    fn steps(self, start: Timestamp, end: Timestamp, step: Window) -> Result<Steps, Error> {
        let (start, count) = steps_of_days(start, end, step, self.zone)?;
        Ok(Steps { start, step, count })
    }

    /// The recorded tiles of a group.
    fn tiles<S: RecordedSource>(
        self,
        server: &mut S,
        group: &Group,
        tile: Window,
        steps: Steps,
    ) -> Result<RecordedTiles, S::Error> {
        let mut of = |stream| values(server, &self.queries().events(stream, tile, Some(group)), steps);
        let (total, bad) = (of(Stream::Total)?, of(Stream::Bad)?);
        Ok(RecordedTiles { start: steps.start, step: tile, total, bad })
    }
}

/// The value of a query at the end of each step.
fn values<S: RecordedSource>(
    server: &mut S,
    query: &Expr,
    steps: Steps,
) -> Result<Vec<Option<f64>>, S::Error> {
    let mut values = vec![None; steps.count];
    server.range(query, steps.start, steps.step, steps.count, &mut |_, step, value| {
        if let Some(place) = values.get_mut(step) {
            *place = Some(value).filter(|value| value.is_finite());
        }
    })?;
    Ok(values)
}
