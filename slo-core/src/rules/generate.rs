//! Generates the rule groups of a service.

use super::{
    Naming, Options, Plan, Rule, RuleGroup, Series, SlothSeries,
    alert::{burn_alert, other_alerts},
    context::Context,
    series::identity,
    sloth,
};
use crate::{
    Error,
    model::{LabelName, Period, Service, Sli, Slo, TimeSlices, Window},
    promql::Expr,
};
use std::collections::HashMap;

/// Generates the rules of every SLO of `service`, in three groups per SLO.
///
/// The result depends only on the service. The groups for the default alert windows:
///
/// | group | interval | rules |
/// |---|---|---|
/// | `slo/<service>/<slo>/fast` | 1m | fine tiles, windows up to 6h, alerts on them |
/// | `slo/<service>/<slo>/tiles` | 5m | coarse tiles |
/// | `slo/<service>/<slo>/slow` | 2m | windows of a day and more, budget, coverage, alerts on them, constants |
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let groups = slo_core::rules::generate(&slo_core::spec::parse(text)?[0])?;
/// let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
/// assert_eq!(names, ["slo/a/b/fast", "slo/a/b/tiles", "slo/a/b/slow"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Alert windows too short to be tiled; see [`Plan::of`].
pub fn generate(service: &Service) -> Result<Vec<RuleGroup>, Error> {
    generate_with(service, Options::default())
}

/// Generates rules for a given backend, naming and time.
///
/// # Errors
/// Those of [`generate`], and a calendar period without a time or with Sloth's names.
pub fn generate_with(service: &Service, options: Options) -> Result<Vec<RuleGroup>, Error> {
    Ok(of_each(service, options)?.into_iter().flat_map(|slo| [slo.fast, slo.tiles, slo.slow]).collect())
}

/// The rules of one SLO.
pub(super) struct SloRules {
    pub(super) plan: Plan,
    /// Fine tiles, and the rules on them.
    pub(super) fast: RuleGroup,
    /// Coarse tiles.
    pub(super) tiles: RuleGroup,
    /// The rules on coarse tiles, and constants.
    pub(super) slow: RuleGroup,
}

impl SloRules {
    /// The groups, in their order.
    pub(super) const fn groups(&self) -> [&RuleGroup; 3] {
        [&self.fast, &self.tiles, &self.slow]
    }
}

/// The rules of each SLO of `service`, in the order of its SLOs.
pub(super) fn of_each(service: &Service, options: Options) -> Result<Vec<SloRules>, Error> {
    service.check_groups()?;
    let mut all: Vec<SloRules> = Vec::with_capacity(service.slos().len());
    let mut seen: HashMap<Counted<'_>, usize> = HashMap::new();
    for (index, slo) in service.slos().iter().enumerate() {
        let made = || Accepted::of(service, slo, options)?.rules();
        let mut made = made().map_err(|error: Error| error.of(&service.path_of(slo)))?;
        // If two objectives share an SLI, only the first reads the raw series.
        let first = *seen.entry((slo.sli(), slo.by_raw(), slo.slices(), made.plan.fine())).or_insert(index);
        if let Some((original, from)) = all.get_mut(first).zip(service.slos().get(first)) {
            share_tiles(service, [from, slo], [&mut original.fast, &mut made.fast]);
        }
        all.push(made);
    }
    Ok(all)
}

/// The properties that decide which events an SLO counts, and in which tiles.
type Counted<'a> = (&'a Sli, &'a [LabelName], Option<TimeSlices>, Window);

/// Makes the tiles of the second SLO copies of those of the first, which are recorded just before them.
fn share_tiles(service: &Service, [from, to]: [&Slo; 2], [first, second]: [&mut RuleGroup; 2]) {
    let (tiles, rest): (Vec<Rule>, Vec<Rule>) =
        second.rules.drain(..).partition(|rule| rule.series().is_some_and(Series::is_tile));
    second.rules = rest;
    let copies = tiles.into_iter().filter_map(|tile| {
        let series = tile.series()?;
        let original = Expr::from(series.of(service, from));
        Some(Rule::Record { series, labels: identity(service, to), expr: original.sum_by(to.by()) })
    });
    first.rules.extend(copies);
}

/// Checks whether rules can be generated for `service`, without generating them.
///
/// # Errors
/// Those of [`generate_with`].
pub fn check(service: &Service, options: Options) -> Result<(), Error> {
    service.check_groups()?;
    for slo in service.slos() {
        Accepted::of(service, slo, options).map_err(|error| error.of(&service.path_of(slo)))?;
    }
    Ok(())
}

/// An SLO that has passed all checks, so that its rules can be made.
struct Accepted<'a> {
    context: Context<'a>,
    /// The bounds of a calendar period.
    bounds: Vec<Rule>,
}

impl<'a> Accepted<'a> {
    fn of(service: &'a Service, slo: &'a Slo, options: Options) -> Result<Self, Error> {
        let context = Context::new(service, slo, options)?;
        let bounds = match slo.period() {
            Period::Rolling(_) => Vec::new(),
            #[cfg(feature = "calendar")]
            Period::Calendar(_) if options.naming == Naming::Sloth => {
                return Err(Error::new("Sloth's names do not support calendar periods")
                    .with_hint("use `--naming native`"));
            }
            #[cfg(feature = "calendar")]
            Period::Calendar(calendar) => context.calendar_bounds(calendar)?.into(),
        };
        Ok(Self { context, bounds })
    }

    fn rules(self) -> Result<SloRules, Error> {
        let Self { context, bounds } = self;
        let (service, slo, plan) = (context.service, context.slo, &context.plan);
        let group = |speed: &str, interval: Window| RuleGroup {
            name: format!("slo/{}/{}/{speed}", service.name(), slo.name()),
            interval,
            rules: Vec::new(),
        };
        let mut fast = group("fast", plan.fine());
        fast.rules.extend(context.fine_tiles());
        let mut tiles = group("tiles", plan.coarse());
        tiles.rules.extend(context.coarse_tiles());
        let mut slow = group("slow", plan.slow_interval());
        match context.options.naming {
            Naming::Native => native(&context, bounds, &mut fast.rules, &mut slow.rules)?,
            Naming::Sloth => sloth::rules(&context, &mut fast.rules, &mut slow.rules)?,
        }
        let left = match context.options.naming {
            Naming::Native => context.series(Series::BudgetProjected),
            Naming::Sloth => Series::Sloth(SlothSeries::BudgetRemaining).of(service, slo).into(),
        };
        for rule in other_alerts(&context, &left)? {
            let rules = if rule.is_of_tiles() { &mut fast.rules } else { &mut slow.rules };
            rules.push(rule);
        }
        Ok(SloRules { plan: context.plan, fast, tiles, slow })
    }
}

/// Our own recording rules and alerts on the tiles of an SLO: those on fine tiles, and those on coarse ones.
fn native(
    context: &Context<'_>,
    bounds: Vec<Rule>,
    fine: &mut Vec<Rule>,
    slow: &mut Vec<Rule>,
) -> Result<(), Error> {
    let plan = &context.plan;
    fine.extend(plan.fine_windows().iter().flat_map(|&window| context.ratios(window)));
    slow.extend(plan.alert_windows().iter().flat_map(|&window| context.ratios(window)));
    slow.extend(bounds);
    slow.extend(context.period_ratios());
    slow.extend(context.budget());
    slow.extend(context.metadata());
    for burn in &context.burns {
        if context.slo.notification(burn.tier.severity()).silent {
            continue;
        }
        let is_fine = plan.fine_windows().contains(&burn.tier.long());
        let rules = if is_fine { &mut *fine } else { &mut *slow };
        rules.push(burn_alert(context, burn)?);
    }
    Ok(())
}

#[cfg(all(test, feature = "spec", feature = "calendar"))]
mod tests {
    use super::*;
    use crate::{model::Timestamp, rules::Backend, spec};
    use std::collections::BTreeSet;

    const OPTIONS: Options = Options {
        backend: Backend::Prometheus,
        naming: Naming::Native,
        now: Some(Timestamp::from_millis(1_767_225_600_000)),
    };

    /// Every series that is selected by our own rules is recorded by one of them, and by one only.
    #[test]
    fn every_series_is_recorded_once() {
        for slo in [
            "objective: 99.9%, window: 30d",
            "objective: 99%, window: 1d, alerting: {tiers: [{burn_tier: slow, severity: ticket, factor: 1, long: 1d, short: 1h}]}",
            "objective: 99%, window: {calendar: week, time_zone: UTC},
             alerting: {tiers: [{burn_tier: trickle, severity: ticket, factor: 1, long: 7d, short: 6h}]}",
            "objective: 99%, window: 30d, slices: {length: 1m, good: 95%}",
            "objectives: [{objective: 99%, window: 30d}, {objective: 99%, window: 90d, alerting: {low: {left: 25%, severity: ticket}}}]",
        ] {
            let text = format!(
                "{{version: slo/v1, service: a, slos: [{{name: b, sli: {{events: {{total: t_total, bad: b_total}}}}, {slo}}}]}}"
            );
            let service = spec::parse(&text).unwrap().remove(0);
            assert_eq!(check(&service, OPTIONS), Ok(()));
            let groups = generate_with(&service, OPTIONS).unwrap();
            let rules: Vec<&Rule> = groups.iter().flat_map(|group| &group.rules).collect();
            let mut recorded = BTreeSet::new();
            for rule in &rules {
                if let Rule::Record { series, labels, .. } = rule {
                    assert!(recorded.insert((series.to_string(), labels.clone())), "{series} twice: {slo}");
                }
            }
            for rule in &rules {
                for name in rule
                    .expr()
                    .to_string()
                    .split(['(', ' ', '{', ')'])
                    .filter(|word| word.starts_with("slo:"))
                {
                    assert!(
                        recorded.iter().any(|(record, _)| record == name),
                        "nobody records {name}: {slo}"
                    );
                }
            }
        }
    }
}
