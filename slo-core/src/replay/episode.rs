//! When an alert fires: from a condition, evaluation by evaluation, to its episodes.

/// A time during which an alert fires: from the step after which it first did to the one after which it no
/// longer does.
///
/// An alert that fires after step i starts at i: by the clock, at [`Series::end_of`](super::Series::end_of) it. One that still fires at
/// the end has the number of steps as its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Episode {
    /// The step after which it starts to fire.
    pub start: usize,
    /// The step after which it has stopped; more than `start`.
    pub end: usize,
}

/// Runs of a condition that holds, from evaluations in order.
#[derive(Default)]
pub(super) struct Runs {
    done: Vec<Episode>,
    since: Option<usize>,
}

impl Runs {
    pub(super) fn push(&mut self, index: usize, holds: bool) {
        match (self.since, holds) {
            (None, true) => self.since = Some(index),
            (Some(start), false) => {
                self.done.push(Episode { start, end: index });
                self.since = None;
            }
            _ => {}
        }
    }

    /// Whether the condition held when it was last evaluated.
    pub(super) const fn is_running(&self) -> bool {
        self.since.is_some()
    }

    pub(super) fn finish(mut self, end: usize) -> Vec<Episode> {
        if let Some(start) = self.since {
            self.done.push(Episode { start, end });
        }
        self.done
    }
}

/// What becomes of runs of the condition with `for` and `keep_firing_for`, both in steps.
pub(super) fn fire(runs: Vec<Episode>, hold: usize, keep: usize, end: usize) -> Vec<Episode> {
    if hold == 0 && keep == 0 {
        return runs;
    }
    let mut fired: Vec<Episode> = Vec::new();
    for run in runs {
        let until = if run.end == end { end } else { run.end.saturating_add(keep).min(end) };
        match fired.last_mut() {
            // It was still firing: the condition need not hold for long again.
            Some(last) if run.start <= last.end => last.end = until,
            _ => {
                let start = run.start.saturating_add(hold);
                if start < run.end {
                    fired.push(Episode { start, end: until });
                }
            }
        }
    }
    fired
}
