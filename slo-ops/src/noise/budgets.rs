//! What SLOs have spent, from their histories.

use super::Spending;
use slo_core::{
    Error,
    model::{Service, Slo, Timestamp, Window},
    replay::Series,
};

/// What SLOs have spent of their error budgets at each time.
#[derive(Debug, Clone, Default)]
pub struct Budgets(Vec<Budget>);

#[derive(Debug, Clone)]
struct Budget {
    service: String,
    slo: String,
    start: Timestamp,
    step: Window,
    /// The bad events before each step, and at the end all of them.
    bad: Vec<u64>,
    /// The bad events that a period allows.
    allowed: f64,
}

impl Budgets {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the history of an SLO, or of one of its groups.
    ///
    /// # Errors
    /// Numbers that do not fit.
    pub fn add(&mut self, service: &Service, slo: &Slo, series: &Series<'_>) -> Result<(), Error> {
        if series.total().total() == 0 {
            return Ok(());
        }
        let allowed = series.budget_in(slo.period().length(), slo.objective())?.bad_events();
        let mut bad = vec![0];
        let mut sum = 0_u64;
        for tally in series.steps() {
            sum = sum.saturating_add(tally.bad());
            bad.push(sum);
        }
        let step = series.step();
        self.0.push(Budget {
            service: service.name().to_string(),
            slo: slo.name().to_string(),
            start: series.time_after(0),
            step,
            bad,
            allowed,
        });
        Ok(())
    }
}

impl Budget {
    /// The bad events before a time, whole steps only.
    fn before(&self, time: Timestamp) -> u64 {
        let steps = time.as_millis().saturating_sub(self.start.as_millis()).max(0).unsigned_abs()
            / self.step.as_millis();
        let at = usize::try_from(steps).unwrap_or(usize::MAX);
        self.bad.get(at).or(self.bad.last()).copied().unwrap_or(0)
    }

    fn knows(&self, from: Timestamp, to: Timestamp) -> bool {
        let end = self.start.after_steps(self.step, self.bad.len() - 1);
        to > self.start && from < end
    }
}

impl Spending for Budgets {
    fn spent(&self, service: &str, slo: &str, from: Timestamp, to: Timestamp) -> Option<f64> {
        let of = self.0.iter().filter(|one| one.service == service && (slo.is_empty() || one.slo == slo));
        // The step in which it ended counts, too.
        let spent = of.filter(|one| one.knows(from, to) && one.allowed > 0.0).map(|one| {
            let bad = one.before(to.after(one.step)).saturating_sub(one.before(from));
            bad as f64 / one.allowed
        });
        spent.reduce(f64::max)
    }
}
