//! The costs and delays of rules, and the behaviour of their alerts.

use super::accuracy::notes;
use super::{
    AlertKind, Options, Plan, Rule, RuleGroup, Series,
    generate::{SloRules, of_each},
};
use crate::{
    Error,
    math::{Detection, Outage, undetected_spend},
    model::{Ratio, Service, Slo, Tier, Window},
    promql::Expr,
    stats::events_to_stay_silent,
};
use std::collections::HashMap;

/// An explanation of an SLO's rules and alerts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The service.
    pub service: String,
    /// The SLO.
    pub slo: String,
    /// Sentences on how its events are counted, and how exactly.
    pub notes: Vec<String>,
    /// The tile in which its events are counted.
    pub tile: Window,
    /// Its rules, in the order of their groups.
    pub rules: Vec<RuleCost>,
    /// Its alert tiers, fastest first.
    pub tiers: Vec<TierExplanation>,
}

/// The cost of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleCost {
    /// The rule's group.
    pub group: String,
    /// Its series or alert; the name of a burn alert includes its tier.
    pub name: String,
    /// Whether it is an alert.
    pub is_alert: bool,
    /// How often it is evaluated.
    pub interval: Window,
    /// Samples of recorded series that an evaluation reads.
    pub samples: u64,
    /// Additional samples that it reads of each raw series that the SLI selects.
    pub samples_per_raw_series: u64,
    /// The longest time until the rule sees an event; the `for` of an alert comes on top.
    pub delay: Window,
}

/// The behaviour of an alert tier.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TierExplanation {
    /// The tier.
    pub tier: Tier,
    /// The burn rate above which it fires.
    pub factor: Ratio,
    /// The error ratio above which it fires.
    pub threshold: Ratio,
    /// When it fires and stops in outages of 100 %, 10 % and 1 % of all events; `None` if it does not fire. A
    /// guarded tier also waits for its minimum number of bad events.
    pub detection: [Option<Detection>; 3],
    /// The longest delay that scraping and evaluation add to that.
    pub delay: Window,
    /// With fewer events than this in the long window, a single bad event exceeds the threshold; `None` for a
    /// guarded tier, which waits for more bad events.
    pub quiet_below: Option<u64>,
    /// The largest share of the period's budget that can be spent within the long window without an alert;
    /// `None` for a guarded tier, where it depends on the traffic.
    pub undetected: Option<Ratio>,
}

/// The outages in the explanation of a tier, as shares of bad events.
const OUTAGES: [(u128, u128); 3] = [(1, 1), (1, 10), (1, 100)];

impl Explanation {
    /// The number of series that the recording rules create.
    #[must_use]
    pub fn series(&self) -> usize {
        self.rules.iter().filter(|rule| !rule.is_alert).count()
    }

    /// Samples of recorded series that all rules read in an hour.
    #[must_use]
    pub fn samples_per_hour(&self) -> u64 {
        let per_hour =
            |rule: &RuleCost| rule.samples * (Window::hours(1).as_millis() / rule.interval.as_millis());
        self.rules.iter().map(per_hour).sum()
    }

    /// Samples that all rules read in an hour of each raw series.
    #[must_use]
    pub fn samples_per_hour_and_raw_series(&self) -> u64 {
        let hour = Window::hours(1).as_millis();
        let per_hour = |rule: &RuleCost| rule.samples_per_raw_series * (hour / rule.interval.as_millis());
        self.rules.iter().map(per_hour).sum()
    }
}

/// Explains the rules of every SLO of `service`: their costs, delays and alerts.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// use slo_core::rules::Options;
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let slo = slo_core::rules::explain(&slo_core::spec::parse(text)?[0], Options::default())?.remove(0);
/// // The 30-day ratio: 8,640 tiles each of all and of bad events, however many pods there are.
/// let month = slo.rules.iter().find(|rule| rule.name == "slo:sli_error:ratio30d").unwrap();
/// assert_eq!((month.samples, month.samples_per_raw_series), (17_280, 0));
/// // With fewer than 70 requests an hour, one failure fires the fast tier.
/// assert_eq!(slo.tiers[0].quiet_below, Some(70));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`generate_with`](super::generate_with), and numbers that do not fit 128 bits.
pub fn explain(service: &Service, options: Options) -> Result<Vec<Explanation>, Error> {
    let all = of_each(service, options)?;
    // How often each series is recorded.
    let groups = all.iter().flat_map(SloRules::groups);
    let recorded: HashMap<String, Window> = groups
        .flat_map(|group| {
            group.rules.iter().filter_map(|rule| Some((rule.series()?.to_string(), group.interval)))
        })
        .collect();
    let explained = service.slos().iter().zip(&all);
    explained.map(|(slo, rules)| explanation(service, slo, rules, &recorded, options)).collect()
}

fn explanation(
    service: &Service,
    slo: &Slo,
    made: &SloRules,
    recorded: &HashMap<String, Window>,
    options: Options,
) -> Result<Explanation, Error> {
    let plan = &made.plan;
    // Tiles that another SLO counts are recorded in the group of that SLO, at a different time.
    let counts = made.fast.rules.iter().any(|rule| rule.series().is_some_and(Series::is_tile));
    let reader = Reader {
        plan,
        recorded,
        scrape_interval: service.scrape_interval(),
        longest_scrape_interval: service.longest_scrape_interval(slo),
        borrows: !counts,
    };
    let cost = |group: &RuleGroup, rule: &Rule| {
        let mut cost = RuleCost {
            group: group.name.clone(),
            name: shown(rule),
            is_alert: matches!(rule, Rule::Alert { .. }),
            interval: group.interval,
            samples: 0,
            samples_per_raw_series: 0,
            delay: reader.delay(group.interval)?,
        };
        reader.read(rule.expr(), &mut cost);
        Ok(cost)
    };
    let groups = made.groups();
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| cost(group, rule)));
    let tier = |tier: &Tier| {
        let threshold = tier.threshold(slo.objective())?;
        let mut detection = [None; 3];
        for (found, (bad, of)) in detection.iter_mut().zip(OUTAGES) {
            *found = Outage::new(Ratio::new(bad, of)?)?.detection(tier, slo.objective())?;
        }
        let unguarded = |events| (tier.fewest_bad() == 0).then_some(events);
        let fine = plan.fine_windows().contains(&tier.long());
        Ok(TierExplanation {
            tier: *tier,
            factor: tier.factor()?,
            threshold,
            detection,
            delay: reader.delay(if fine { plan.fine() } else { plan.slow_interval() })?,
            quiet_below: unguarded(events_to_stay_silent(threshold, 1)?),
            undetected: if tier.fewest_bad() == 0 { Some(undetected_spend(tier)?) } else { None },
        })
    };
    Ok(Explanation {
        service: service.name().to_string(),
        slo: slo.name().to_string(),
        notes: notes(service, slo, plan, options),
        tile: plan.fine(),
        rules: rules.collect::<Result<_, Error>>()?,
        tiers: slo.policy().tiers().iter().map(tier).collect::<Result<_, Error>>()?,
    })
}

/// The name of a rule, with the tier of a burn alert.
fn shown(rule: &Rule) -> String {
    match rule {
        Rule::Alert { kind: AlertKind::Burn(tier), name, .. } => format!("{name} ({tier})"),
        other => other.name().into_owned(),
    }
}

/// How far back Prometheus looks for the last sample of a series, by default.
const LOOK_BACK: Window = Window::minutes(5);

/// Counts samples.
struct Reader<'a> {
    plan: &'a Plan,
    recorded: &'a HashMap<String, Window>,
    scrape_interval: Window,
    longest_scrape_interval: Window,
    borrows: bool,
}

impl Reader<'_> {
    /// The delay of rules that are evaluated every `interval`.
    fn delay(&self, interval: Window) -> Result<Window, Error> {
        let (fine, coarse) = (self.plan.fine().as_millis(), self.plan.coarse().as_millis());
        let tiles = match interval {
            interval if interval == self.plan.fine() => 0,
            // Coarse tiles look one fine tile back, and wait for one.
            interval if interval == self.plan.coarse() => 2 * fine,
            _ => 2 * fine + coarse,
        };
        let borrowed = if self.borrows { fine } else { 0 };
        Window::from_millis(
            self.longest_scrape_interval.as_millis() + interval.as_millis() + tiles + borrowed,
        )
    }

    fn read(&self, expr: &Expr, cost: &mut RuleCost) {
        match expr {
            Expr::Number(_) | Expr::Variable(_) => {}
            Expr::Instant { selector, .. } | Expr::OfGroup { selector, .. } | Expr::AtEnd(selector) => {
                self.count(selector.metric(), None, cost);
            }
            Expr::OverRange { range, .. } => {
                // An anchored range is read from a look-back before it.
                let before = if range.is_anchored() { LOOK_BACK.as_millis() } else { 0 };
                let read = Window::from_millis(range.window().as_millis() + before);
                self.count(range.selector().metric(), Some(read.unwrap_or(range.window())), cost);
            }
            Expr::OverSubquery { operand, window, step, .. } => {
                let mut once = RuleCost { samples: 0, samples_per_raw_series: 0, ..cost.clone() };
                self.read(operand, &mut once);
                let times = window.as_millis().div_ceil(step.as_millis());
                cost.samples += once.samples * times;
                cost.samples_per_raw_series += once.samples_per_raw_series * times;
            }
            // It reads its own ranges, which cover a tile and a scrape at least.
            Expr::Query(_) => {
                let tile = self.plan.fine().as_millis().div_ceil(self.scrape_interval.as_millis());
                cost.samples_per_raw_series += tile + 1;
            }
            Expr::Aggregate { operand, .. } | Expr::Renamed { operand, .. } => self.read(operand, cost),
            Expr::Call { arguments, .. } => arguments.iter().for_each(|argument| self.read(argument, cost)),
            Expr::Binary { left, right, .. } => {
                self.read(left, cost);
                self.read(right, cost);
            }
        }
    }

    fn count(&self, metric: &str, window: Option<Window>, cost: &mut RuleCost) {
        let (every, samples) = match self.recorded.get(metric) {
            Some(interval) => (*interval, &mut cost.samples),
            None => (self.scrape_interval, &mut cost.samples_per_raw_series),
        };
        *samples += window.map_or(1, |window| window.as_millis().div_ceil(every.as_millis()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventCounters, Period, Selector, Sli};

    fn explained(objective: &str, days: u64) -> Explanation {
        let counter = |name| Selector::new(name).unwrap();
        let sli = Sli::Events(EventCounters::TotalBad { total: counter("all"), bad: counter("bad") });
        let slo = Slo::new(
            "a".parse().unwrap(),
            objective.parse().unwrap(),
            Period::Rolling(Window::days(days)),
            sli,
        );
        let service = Service::new("b".parse().unwrap(), Window::seconds(15), vec![slo.unwrap()]).unwrap();
        explain(&service, Options::default()).unwrap().remove(0)
    }

    #[test]
    fn counts_what_rules_read() {
        let slo = explained("99.9%", 30);
        let cost = |name: &str| {
            let rule = slo.rules.iter().find(|rule| rule.name == name).unwrap();
            (rule.samples, rule.samples_per_raw_series, rule.delay.to_string())
        };
        assert_eq!(cost("slo:sli_error:ratio1h"), (120, 0, "1m15s".to_owned()));
        assert_eq!(cost("slo:sli_error:ratio1d"), (2 * 288, 0, "9m15s".to_owned()));
        assert_eq!(cost("slo:sli_total:increase5m"), (5, 0, "7m15s".to_owned()));
        // No range over raw series is longer than a tile and a scrape, and no rule reads more than a month.
        assert!(slo.rules.iter().all(|rule| rule.samples_per_raw_series <= 30 && rule.samples <= 17_280));
        assert!(cost("slo:sli_bad:increase1m").1 > 0);
        assert_eq!(slo.series(), 2 + 2 * 8 + 2 + 3 + 2);
    }

    #[test]
    fn explains_tiers_by_their_closed_forms() {
        let slo = explained("99%", 30);
        let fast = &slo.tiers[0];
        assert_eq!(fast.quiet_below, Some(7));
        let fires = fast.detection.map(|found| found.map(|found| found.fires_after.to_f64()));
        assert_eq!(fires, [Some(518.4), None, None]);
        assert_eq!(fast.undetected.unwrap().to_string(), "1/24");
        assert_eq!(fast.delay.to_string(), "1m15s");
    }
}
