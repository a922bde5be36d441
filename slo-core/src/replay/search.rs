//! Searches for the alert policies that would have worked best on a history.

use super::{AlertRule, Episode, Incident, Score, Series, WarmUp, alerts, any_of, score};
use crate::{
    Error,
    math::PeriodBudget,
    model::{Objective, Ratio, Window},
    stats::FalseAlarms,
};

/// A search for alert policies: the rules to try, and the limits to keep.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Search::default()`")]
pub struct Search {
    /// Long windows to try.
    pub longs: Vec<Window>,
    /// Short windows to try; those longer than half a long window are left out.
    pub shorts: Vec<Window>,
    /// Burn rates to try as factors.
    pub factors: Vec<Ratio>,
    /// The maximum number of rules in a policy.
    pub most_rules: usize,
    /// The largest error ratio that can occur; rules that need more are left out.
    pub worst: Ratio,
    /// A rule stops at most this long after an outage of the worst error ratio has ended.
    pub longest_reset: Option<Window>,
    /// The limit on false starts of a rule from random errors, by [`FalseAlarms`] at the history's mean
    /// traffic.
    pub false_starts: Option<FalseStartLimit>,
    /// The limit on steady outages: some rule of a policy must detect each of them in time.
    pub outages: Option<OutageLimit>,
    /// The minimum share of the incidents that a policy detects.
    pub least_recall: f64,
    /// The largest share of the period's budget that an incident may spend before it is detected.
    pub most_spent: Option<f64>,
    /// The minimum number of bad events in the long window, as in [`AlertRule`].
    pub fewest_bad: u64,
    /// An alert this long after an incident still counts as true.
    pub grace: Window,
    /// The number of steps between two evaluations of alerts.
    pub every: usize,
    /// How rules treat windows that begin before the history.
    pub warm_up: WarmUp,
}

/// How often a rule may start to fire on a healthy service.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a limit has nothing else")]
pub struct FalseStartLimit {
    /// The burn rate of a healthy service.
    pub burn: f64,
    /// The maximum number of starts per day, from independent errors.
    pub per_day: f64,
}

/// How much a steady outage may spend before it is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a limit has nothing else")]
pub struct OutageLimit {
    /// Outages of this error ratio and more.
    pub error_ratio: Ratio,
    /// The share of the period's budget.
    pub spend: Ratio,
    /// The period.
    pub period: Window,
}

/// A policy of a [`Search`], and its score.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// Its rules; the alert fires when any of them does.
    pub rules: Vec<CandidateRule>,
    /// Its score against the incidents of the history.
    pub score: Score,
}

/// A rule of a [`Candidate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CandidateRule {
    /// The rule.
    pub rule: AlertRule,
    /// The burn rate above which it fires.
    pub factor: Ratio,
}

impl Candidate {
    /// The number of false alerts.
    #[must_use]
    pub fn false_alerts(&self) -> usize {
        self.score.alerts - self.score.true_alerts
    }

    /// The number of alerts that repeat another alert on the same incident.
    #[must_use]
    pub fn repeats(&self) -> usize {
        let detected = self.score.incidents.iter().filter(|incident| incident.seconds.is_some()).count();
        self.score.true_alerts.saturating_sub(detected)
    }

    /// The share of the period's budget that all incidents together spent before they were detected.
    #[must_use]
    pub fn spent(&self) -> f64 {
        self.score.incidents.iter().map(|incident| incident.spent).fold(0.0, |sum, spent| sum + spent)
    }
}

impl Search {
    /// A search over common windows and factors, for steps of length `step`: up to four rules.
    #[must_use]
    pub fn usual(step: Window) -> Self {
        let minutes = |list: &[u64]| {
            let windows = list.iter().map(|minutes| Window::minutes(*minutes));
            windows.filter(|window| window.is_multiple_of(step)).collect()
        };
        let factors =
            [1, 2, 3, 4, 6, 8, 10].map(Ratio::whole).into_iter().chain([72, 100, 180, 360].map(|fifths| {
                // 14.4, 20, 36 and 72.
                Ratio::new(fifths, 5).unwrap_or(Ratio::ONE)
            }));
        Self {
            longs: minutes(&[30, 60, 120, 360, 720, 1_440, 4_320]),
            shorts: minutes(&[5, 10, 30, 120, 360]),
            factors: factors.collect(),
            most_rules: 4,
            worst: Ratio::ONE,
            longest_reset: None,
            false_starts: None,
            outages: None,
            least_recall: 0.0,
            most_spent: None,
            fewest_bad: 0,
            grace: step,
            every: 1,
            warm_up: WarmUp::Suppress,
        }
    }

    /// The policies that no other policy beats (the Pareto front).
    ///
    /// A policy beats another with fewer useless alerts, or with less budget spent before detection. An alert
    /// is useless if it is false, or if it repeats an alert on the same incident.
    ///
    /// Every rule of the grid is replayed. From all of them, policies are built greedily for a range of
    /// exchange rates between false alerts and spend, and improved by exchanging single rules; greedy choice
    /// covers incidents within 1 − 1/e of the best. The front is sorted by useless alerts, fewest first; it
    /// is empty if no policy keeps the limits.
    ///
    /// ```
    /// use slo_core::{math::PeriodBudget, model::{Ratio, Timestamp, Window}, replay::{Search, Series, incidents}};
    ///
    /// let total = vec![1_000; 20_000];
    /// let mut bad = vec![0; 20_000];
    /// bad[3_000..3_020].fill(500); // sharp
    /// bad[9_000..10_500].fill(8); // slow
    /// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
    /// let budget = PeriodBudget::new("99.9%".parse()?, 43_200_000)?;
    /// let found = incidents(&series, budget, Ratio::ONE, 0.02)?;
    /// let front = Search::usual(Window::minutes(1)).run(&series, budget, &found)?;
    /// let best = &front[0];
    /// assert_eq!((best.false_alerts(), best.score.recall()), (0, Some(1.0)));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Windows and factors that make no rule, or windows that are not whole steps.
    pub fn run(
        &self,
        series: &Series<'_>,
        budget: PeriodBudget,
        incidents: &[Incident],
    ) -> Result<Vec<Candidate>, Error> {
        let objective = budget.objective();
        let judge = Judge { search: self, series, budget, incidents };
        let mut replayed = Vec::new();
        for rule in self.rules(series, objective)? {
            let episodes = alerts(series, &rule.rule, self.every)?;
            // A rule that never fires is only useful for a limit on outages that did not happen.
            if !episodes.is_empty() || self.outages.is_some() {
                replayed.push(Replayed { rule, episodes });
            }
        }
        let mut front: Vec<Candidate> = vec![judge.candidate(&[])?];
        for exponent in -8..=4 {
            let rate = 4.0_f64.powi(exponent);
            let chosen = judge.choose(&replayed, self.most_rules, rate)?;
            front.push(judge.candidate(&chosen)?);
        }
        front.retain(|candidate| {
            self.shortfall(&candidate.score, candidate.rules.iter().map(|one| &one.rule), objective) <= 0.0
        });
        Ok(pareto(front))
    }

    /// How far a policy is from keeping the limits; 0 if it keeps them.
    fn shortfall<'r>(
        &self,
        score: &Score,
        rules: impl Iterator<Item = &'r AlertRule>,
        objective: Objective,
    ) -> f64 {
        let recalls = score.recall().map_or(0.0, |recall| (self.least_recall - recall).max(0.0));
        let spends = self.most_spent.map_or(0.0, |most| (score.most_spent() - most).max(0.0));
        // The larger an outage, the more rules see it: the smallest one decides.
        let detects = self.outages.is_none_or(|limit| {
            let in_time = |rule: &AlertRule| {
                let burn = rule.threshold.checked_div(objective.budget());
                let spend = burn.and_then(|burn| burn.checked_mul(rule.long.ratio_to(limit.period)));
                rule.threshold < limit.error_ratio && spend.is_some_and(|spend| spend <= limit.spend)
            };
            rules.into_iter().any(in_time)
        });
        recalls + spends + f64::from(u8::from(!detects))
    }

    /// The rules of the grid that are usable for `objective`.
    fn rules(&self, series: &Series<'_>, objective: Objective) -> Result<Vec<CandidateRule>, Error> {
        let mut rules = Vec::new();
        for factor in &self.factors {
            let threshold = factor.checked_mul(objective.budget());
            let threshold = threshold.ok_or_else(|| {
                Error::new(format!("the factor {factor} times the error budget does not fit 128 bits"))
            })?;
            if *factor < Ratio::ONE || threshold >= self.worst {
                continue;
            }
            for long in &self.longs {
                for short in self.shorts.iter().filter(|short| short.ratio_to(*long) <= Ratio::HALF) {
                    let rule = AlertRule {
                        fewest_bad: self.fewest_bad,
                        warm_up: self.warm_up,
                        ..AlertRule::new(*long, *short, threshold)
                    };
                    if self.resets_in_time(&rule) && self.seldom_starts(&rule, series, objective)? {
                        rules.push(CandidateRule { rule, factor: *factor });
                    }
                }
            }
        }
        if rules.is_empty() {
            return Err(Error::new(format!(
                "no combination of windows and factors makes a rule for {objective}"
            ))
            .with_hint("use short windows of at most half a long one, and factors from 1 to 1/budget"));
        }
        Ok(rules)
    }

    fn seldom_starts(
        &self,
        rule: &AlertRule,
        series: &Series<'_>,
        objective: Objective,
    ) -> Result<bool, Error> {
        let Some(limit) = self.false_starts else { return Ok(true) };
        let seconds = series.step().as_seconds().checked_mul(Ratio::whole(series.len() as u128));
        let events = Ratio::whole(series.total().total().into());
        let traffic = seconds.and_then(|seconds| events.checked_div(seconds)).unwrap_or(Ratio::ZERO);
        let bad_rate = traffic.to_f64() * objective.budget().to_f64() * limit.burn;
        let alarms = FalseAlarms::new(rule.long, rule.short, rule.threshold, traffic, rule.fewest_bad)?;
        Ok(alarms.starts_per_second(bad_rate)? * 86_400.0 <= limit.per_day)
    }

    /// S·(1 − θ/e) for the worst e.
    fn resets_in_time(&self, rule: &AlertRule) -> bool {
        let Some(longest) = self.longest_reset else { return true };
        let share = rule.threshold.checked_div(self.worst).and_then(|share| Ratio::ONE.checked_sub(share));
        let reset = share.and_then(|share| rule.short.as_seconds().checked_mul(share));
        reset.is_some_and(|reset| reset <= longest.as_seconds())
    }
}

/// The cost of a missed limit: more than that of any alerts and incidents.
const LIMIT: f64 = 1e12;

struct Replayed {
    rule: CandidateRule,
    episodes: Vec<Episode>,
}

struct Judge<'a> {
    search: &'a Search,
    series: &'a Series<'a>,
    budget: PeriodBudget,
    incidents: &'a [Incident],
}

impl Judge<'_> {
    fn score(&self, rules: &[&Replayed]) -> Result<Score, Error> {
        let episodes: Vec<Vec<Episode>> = rules.iter().map(|rule| rule.episodes.clone()).collect();
        score(self.series, &any_of(&episodes), self.incidents, self.budget, self.search.grace)
    }

    fn candidate(&self, rules: &[&Replayed]) -> Result<Candidate, Error> {
        Ok(Candidate { rules: rules.iter().map(|rule| rule.rule).collect(), score: self.score(rules)? })
    }

    /// Spend before detection, plus `rate` for every useless alert, and far more for limits that are not
    /// kept: lower is better.
    fn cost(&self, rules: &[&Replayed], rate: f64) -> Result<f64, Error> {
        let score = self.score(rules)?;
        let spent: f64 = score.incidents.iter().map(|incident| incident.spent).sum();
        let shortfall =
            self.search.shortfall(&score, rules.iter().map(|one| &one.rule.rule), self.budget.objective());
        let detected = score.incidents.iter().filter(|incident| incident.seconds.is_some()).count();
        // One alert may cover several incidents.
        let for_nothing = score.alerts.saturating_sub(detected.min(score.true_alerts));
        Ok(spent + rate * for_nothing as f64 + LIMIT * shortfall)
    }

    fn choose<'r>(&self, rules: &'r [Replayed], most: usize, rate: f64) -> Result<Vec<&'r Replayed>, Error> {
        let mut chosen: Vec<&Replayed> = Vec::new();
        let mut cost = self.cost(&chosen, rate)?;
        while chosen.len() < most {
            let Some((better, with)) =
                self.best(rules, rate, |rule| [chosen.as_slice(), &[rule]].concat())?
            else {
                break;
            };
            if better >= cost {
                break;
            }
            (cost, chosen) = (better, with);
        }
        // Exchange single rules for as long as that helps; costs fall, so it ends.
        let mut improved = true;
        while improved {
            improved = false;
            for place in 0..chosen.len() {
                let exchange = |rule| {
                    let mut other = chosen.clone();
                    if let Some(slot) = other.get_mut(place) {
                        *slot = rule;
                    }
                    other
                };
                if let Some((better, with)) = self.best(rules, rate, exchange)?
                    && better < cost
                {
                    (cost, chosen, improved) = (better, with, true);
                }
            }
        }
        Ok(chosen)
    }

    fn best<'r>(
        &self,
        rules: &'r [Replayed],
        rate: f64,
        policy: impl Fn(&'r Replayed) -> Vec<&'r Replayed>,
    ) -> Result<Option<(f64, Vec<&'r Replayed>)>, Error> {
        let mut best: Option<(f64, Vec<&Replayed>)> = None;
        for rule in rules {
            let policy = policy(rule);
            let cost = self.cost(&policy, rate)?;
            if best.as_ref().is_none_or(|(lowest, _)| cost < *lowest) {
                best = Some((cost, policy));
            }
        }
        Ok(best)
    }
}

/// For each policy, how many others beat it; 0 for a policy on the Pareto front.
///
/// A policy beats another if it is not worse in pages and in spend, and better in one of them.
///
/// ```
/// use slo_core::replay::beaten_by;
///
/// assert_eq!(beaten_by(&[(1, 0.5), (1, 0.7), (3, 0.1), (4, 0.6)]), [0, 1, 0, 2]);
/// ```
#[must_use]
pub fn beaten_by(costs: &[(usize, f64)]) -> Vec<usize> {
    let beats = |(pages, spent): &(usize, f64), (more, higher): &(usize, f64)| {
        pages <= more && spent <= higher && (pages < more || spent < higher)
    };
    costs.iter().map(|cost| costs.iter().filter(|other| beats(other, cost)).count()).collect()
}

/// The candidates that no other candidate beats, sorted by useless alerts.
fn pareto(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|one, two| {
        let for_nothing = |candidate: &Candidate| candidate.false_alerts() + candidate.repeats();
        let by_alerts = for_nothing(one).cmp(&for_nothing(two));
        by_alerts.then(one.spent().total_cmp(&two.spent())).then(one.rules.len().cmp(&two.rules.len()))
    });
    let mut lowest = f64::INFINITY;
    candidates.retain(|candidate| {
        let better = candidate.spent() < lowest;
        lowest = lowest.min(candidate.spent());
        better
    });
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn finds_a_front_on_which_nothing_is_beaten() {
        let total = vec![100; 12_000];
        let mut bad: Vec<u64> = (0..12_000_u64).map(|step| u64::from(step % 37 == 0)).collect();
        bad[2_000..2_010].fill(60);
        bad[5_000..5_600].fill(4);
        bad[8_000..8_003].fill(60);
        let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
        let objective = "99%".parse().unwrap();
        let budget = PeriodBudget::new(objective, 1_200_000).unwrap();
        let incidents = super::super::incidents(&series, budget, Ratio::whole(2), 0.01).unwrap();
        assert_eq!(incidents.len(), 3);
        let search = Search { most_rules: 2, ..Search::usual(Window::minutes(1)) };
        let front = search.run(&series, budget, &incidents).unwrap();
        assert!(!front.is_empty());
        for pair in front.windows(2) {
            let nothing = |candidate: &Candidate| candidate.false_alerts() + candidate.repeats();
            assert!(nothing(&pair[0]) < nothing(&pair[1]) && pair[0].spent() > pair[1].spent());
        }
        assert!(front.iter().all(|candidate| candidate.rules.len() <= 2));
        assert!(front.last().unwrap().score.recall() > Some(0.6));
        // Limits only take policies away.
        let limited = Search {
            least_recall: 0.5,
            outages: Some(OutageLimit {
                error_ratio: Ratio::HALF,
                spend: Ratio::HALF,
                period: Window::days(30),
            }),
            false_starts: Some(FalseStartLimit { burn: 0.5, per_day: 0.01 }),
            ..search.clone()
        };
        let fewer = limited.run(&series, budget, &incidents).unwrap();
        assert!(!fewer.is_empty() && fewer.iter().all(|candidate| candidate.score.recall() >= Some(0.5)));
        // A limit on outages that the history does not have.
        let (calm, quiet) = (vec![100; 12_000], vec![0; 12_000]);
        let calm = Series::new(Timestamp::EPOCH, Window::minutes(1), &calm, &quiet).unwrap();
        let front = Search { least_recall: 0.0, ..limited }.run(&calm, budget, &[]).unwrap();
        assert_eq!((front.len(), front[0].rules.len()), (1, 1));
        let none = Search { most_spent: Some(0.0), ..search };
        assert_eq!(none.run(&series, budget, &incidents), Ok(vec![]));
    }

    #[test]
    fn refuses_a_grid_without_rules() {
        let (total, bad) = (vec![1; 10], vec![0; 10]);
        let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
        let search = Search { factors: vec![Ratio::whole(500)], ..Search::usual(Window::minutes(1)) };
        let error =
            search.run(&series, PeriodBudget::new("99%".parse().unwrap(), 10).unwrap(), &[]).unwrap_err();
        assert!(error.hint().is_some());
        let quick = Search { longest_reset: Some(Window::minutes(10)), ..Search::usual(Window::minutes(1)) };
        let rules = quick.rules(&series, "99%".parse().unwrap()).unwrap();
        assert!(rules.iter().all(|one| one.rule.short <= Window::minutes(30)));
        assert!(
            rules.len()
                < Search::usual(Window::minutes(1)).rules(&series, "99%".parse().unwrap()).unwrap().len()
        );
    }
}
