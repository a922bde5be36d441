//! Replays the alerts of an SLO on a history, and scores them.

use super::{AlertRule, Episode, Incident, Score, Series, WarmUp, alerts, any_of, incidents, score};
use crate::{
    Error,
    check::unit,
    model::{Objective, Ratio, Severity, Tier, Timestamp, Window},
};

/// Settings for the replay of an alert policy.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a replay needs all of it")]
pub struct Replay {
    /// The objective.
    pub objective: Objective,
    /// The period of its budget.
    pub period: Window,
    /// How often alerts are evaluated; `None` for after every step.
    pub every: Option<Window>,
    /// Known incidents, from and to. If `None`, incidents are found in the
    /// history.
    pub incidents: Option<Vec<(Timestamp, Timestamp)>>,
    /// The smallest share of the period's budget that is an incident, if incidents are found in the history.
    pub significant: f64,
    /// How a tier treats a history that is shorter than its long window.
    pub warm_up: WarmUp,
}

impl Replay {
    /// The default share of a period's budget that is an incident: the share that the fastest alert lets
    /// pass.
    pub const SIGNIFICANT: f64 = 0.02;

    /// The default settings for an objective over a period.
    ///
    /// Alerts are evaluated after every step, incidents are found in the history, and each tier is silent
    /// until its long window is full.
    #[must_use]
    pub const fn new(objective: Objective, period: Window) -> Self {
        let warm_up = WarmUp::Suppress;
        Self { objective, period, every: None, incidents: None, significant: Self::SIGNIFICANT, warm_up }
    }

    /// The episodes of one tier.
    ///
    /// # Errors
    /// Those of [`alerts`](super::alerts()), and an evaluation interval that is not whole steps.
    pub fn episodes(&self, series: &Series<'_>, tier: &Tier) -> Result<Vec<Episode>, Error> {
        let rule = AlertRule { warm_up: self.warm_up, ..AlertRule::of_tier(tier, self.objective)? };
        alerts(series, &rule, self.every_steps(series)?)
    }

    /// How often alerts are evaluated, in steps.
    ///
    /// # Errors
    /// An interval that is not a whole number of steps.
    pub fn every_steps(&self, series: &Series<'_>) -> Result<usize, Error> {
        self.every.map_or(Ok(1), |every| series.steps_in(every))
    }

    /// How long after an incident an alert may start and still belong to it: the evaluation interval.
    #[must_use]
    pub fn grace(&self, series: &Series<'_>) -> Window {
        self.every.unwrap_or(series.step()).max(series.step())
    }

    /// The incidents of a history, and the number of known incidents outside of it.
    ///
    /// # Errors
    /// Those of [`incidents`](super::incidents()) and [`Incident::between`].
    pub fn incidents(&self, series: &Series<'_>) -> Result<(Vec<Incident>, usize), Error> {
        unit("significant", self.significant)?;
        let budget = series.budget_in(self.period, self.objective)?;
        let Some(given) = &self.incidents else {
            let found = incidents(series, budget, Ratio::ONE, self.significant)?;
            return Ok((found, 0));
        };
        let mut known = Vec::with_capacity(given.len());
        for (from, to) in given {
            known.extend(Incident::between(series, *from, *to, budget)?);
        }
        known.sort_by_key(|incident| incident.start);
        let outside = given.len() - known.len();
        Ok((known, outside))
    }
}

/// The alerts of a policy, replayed on a history.
///
/// ```
/// use slo_core::{model::{AlertPolicy, Timestamp, Window}, replay::{Backtest, Replay, Series}};
///
/// // Ten days of minutes, in which 5 % fail for three quarters of an hour.
/// let total = vec![600; 14_400];
/// let mut bad = vec![0; 14_400];
/// bad[10_000..10_045].fill(30);
/// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
/// let replay = Replay::new("99.9%".parse()?, Window::days(30));
/// let backtest = Backtest::of(&series, AlertPolicy::workbook().tiers(), &replay)?;
/// assert_eq!((backtest.pages().len(), backtest.tickets().len()), (1, 0));
/// let score = backtest.score(&series, &replay)?.0;
/// assert_eq!((score.recall(), score.incidents[0].seconds), (Some(1.0), Some(18.0 * 60.0)));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backtest {
    fired: Vec<TierFired>,
    pages: Vec<Episode>,
    tickets: Vec<Episode>,
}

/// A time during which the alert of a tier fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierFired {
    /// The tier.
    pub tier: Tier,
    /// The time.
    pub episode: Episode,
}

impl Backtest {
    /// Replays every tier.
    ///
    /// # Errors
    /// Those of [`Replay::episodes`].
    pub fn of(series: &Series<'_>, tiers: &[Tier], replay: &Replay) -> Result<Self, Error> {
        let episodes = tiers.iter().map(|tier| replay.episodes(series, tier));
        Ok(Self::of_episodes(tiers, episodes.collect::<Result<_, _>>()?))
    }

    /// A backtest from the episodes of each tier, in the same order, for tiers that are replayed in parallel.
    #[must_use]
    pub fn of_episodes(tiers: &[Tier], episodes: Vec<Vec<Episode>>) -> Self {
        let (mut fired, mut pages, mut tickets) = (Vec::new(), Vec::new(), Vec::new());
        for (tier, episodes) in tiers.iter().zip(episodes) {
            fired.extend(episodes.iter().map(|episode| TierFired { tier: *tier, episode: *episode }));
            match tier.severity() {
                Severity::Page => pages.push(episodes),
                Severity::Ticket => tickets.push(episodes),
            }
        }
        fired.sort_by_key(|fired| fired.episode.start);
        Self { fired, pages: any_of(&pages), tickets: any_of(&tickets) }
    }

    /// Each time that the alert of a tier fired, in order.
    #[must_use]
    pub fn fired(&self) -> &[TierFired] {
        &self.fired
    }

    /// The pages that would have been sent; tiers that fire at the same time are one page.
    #[must_use]
    pub fn pages(&self) -> &[Episode] {
        &self.pages
    }

    /// The tickets that would have been opened; tiers that fire at the same time are one ticket.
    #[must_use]
    pub fn tickets(&self) -> &[Episode] {
        &self.tickets
    }

    /// The score of the pages against the incidents, and the number of known incidents outside of the
    /// history.
    ///
    /// # Errors
    /// Those of [`Replay::incidents`] and [`score`](super::score()).
    pub fn score(&self, series: &Series<'_>, replay: &Replay) -> Result<(Score, usize), Error> {
        let budget = series.budget_in(replay.period, replay.objective)?;
        let (found, outside) = replay.incidents(series)?;
        let score = score(series, &self.pages, &found, budget, replay.grace(series))?;
        Ok((score, outside))
    }
}
