//! Turns the evaluations of a condition into the episodes of an alert.

/// A time during which an alert fires.
///
/// It lasts from the step after which the alert starts to fire to the step after which it no longer fires. An
/// alert that starts to fire after step i has the start i; its time is
/// [`Series::end_of`](super::Series::end_of) step i. If the alert still fires at the end of the history, its
/// end is the number of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an episode has a start and an end")]
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

/// Applies `for` and `keep_firing_for`, both in steps, to the runs of a condition.
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
