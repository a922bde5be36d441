//! Incidents found in a history, without choosing a window.

use super::Series;
use crate::{
    Error,
    check::unit,
    math::{PeriodBudget, Tally},
    model::{Ratio, Timestamp},
};
use std::ops::Range;

/// A stretch of a history that spent more budget than allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Incident {
    /// Its first step.
    pub start: usize,
    /// The step after its last.
    pub end: usize,
    /// Its events.
    pub tally: Tally,
    /// The share of the period's budget that it spent beyond a burn rate of `factor`.
    pub excess: f64,
}

impl Incident {
    /// A known incident: the steps that end after `from` and begin before `to`; `None` if the history has no
    /// such steps.
    ///
    /// ```
    /// use slo_core::{math::PeriodBudget, model::{Timestamp, Window}, replay::{Incident, Series}};
    ///
    /// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &[100; 10], &[0, 0, 50, 50, 0, 0, 0, 0, 0, 0])?;
    /// let budget = PeriodBudget::new("99%".parse()?, 1_000)?;
    /// let after = |minutes| series.time_after(minutes);
    /// let known = Incident::between(&series, after(2), after(4), budget)?.unwrap();
    /// assert_eq!((known.start, known.end, known.tally.bad()), (2, 4, 100));
    /// assert!((known.excess - 9.8).abs() < 1e-12); // 100 failed and 2 were allowed, of a budget of 10
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// An end that is not after the beginning.
    pub fn between(
        series: &Series<'_>,
        from: Timestamp,
        to: Timestamp,
        budget: PeriodBudget,
    ) -> Result<Option<Self>, Error> {
        if to <= from {
            return Err(Error::new(format!(
                "an incident of {} s must end after it begins",
                to.as_millis().saturating_sub(from.as_millis()) as f64 / 1_000.0
            ))
            .with_hint("write its start first, and its end second"));
        }
        let step = series.step().as_millis();
        let since = |time: Timestamp| time.millis_since(series.start());
        let at = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX).min(series.len());
        let (start, end) = (at(since(from) / step), at(since(to).div_ceil(step)));
        if end <= start {
            return Ok(None);
        }
        let tally = series.window(end, end - start);
        let due = budget.objective().budget().to_f64() * tally.total() as f64;
        let excess = (tally.bad() as f64 - due) / budget.bad_events();
        Ok(Some(Self { start, end, tally, excess }))
    }
}

/// The incidents of a history: its maximal stretches of steps that burn more than `factor` times the budget.
///
/// Every step scores bad − κβ·total, exactly, with κ the factor; the incidents are the maximal scoring
/// subsequences of those scores (W. L. Ruzzo and M. Tompa, 1999): moving the ends of an incident never raises
/// its score, and no window has to be chosen. Incidents whose excess is below `significant`, a share of the
/// period's budget, are left out. A quiet time that would earn this share back separates two incidents,
/// however large they are.
///
/// ```
/// use slo_core::{math::PeriodBudget, model::{Ratio, Timestamp, Window}, replay::{Series, incidents}};
///
/// let total = vec![1_000; 100];
/// let mut bad = vec![0; 100];
/// bad[20..25].fill(200); // burns 200 times the budget
/// bad[26] = 100; // and flickers on
/// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
/// let budget = PeriodBudget::new("99.9%".parse()?, 43_200_000)?;
/// let found = incidents(&series, budget, Ratio::ONE, 0.01)?;
/// assert_eq!((found.len(), found[0].start, found[0].end), (1, 20, 27));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A significance outside 0 to 1, or numbers that do not fit 128 bits.
pub fn incidents(
    series: &Series<'_>,
    budget: PeriodBudget,
    factor: Ratio,
    significant: f64,
) -> Result<Vec<Incident>, Error> {
    let objective = budget.objective();
    let too_fine = || Error::new(format!("{factor} times the budget of {objective} does not fit 128 bits"));
    let allowed = factor.checked_mul(objective.budget()).ok_or_else(too_fine)?;
    let scale = |value: u128| i128::try_from(value).map_err(|_| too_fine());
    let (p, q) = (scale(allowed.numerator())?, scale(allowed.denominator())?);
    if p.max(q) >= 1 << 62 {
        return Err(too_fine());
    }
    unit("significant", significant)?;
    let score = |tally: Tally| i128::from(tally.bad()) * q - i128::from(tally.total()) * p;
    let budget = q as f64 * budget.bad_events();
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let quiet = (significant * budget) as i128;
    let found = pieces(series.steps().map(score), quiet).into_iter().flat_map(|piece| {
        let segments = maximal_segments(piece.clone().map(|step| score(series.at(step))));
        segments.into_iter().map(move |segment| Segment {
            start: piece.start + segment.start,
            end: piece.start + segment.end,
            ..segment
        })
    });
    let incident = |segment: Segment| Incident {
        start: segment.start,
        end: segment.end,
        tally: series.window(segment.end, segment.end - segment.start),
        excess: segment.score as f64 / budget,
    };
    Ok(found.map(incident).filter(|incident| incident.excess >= significant).collect())
}

/// Cuts a sequence of scores wherever their sum has fallen by more than `quiet` from its maximum (X-drop, as
/// in sequence search; S. F. Altschul et al., 1997).
fn pieces(scores: impl ExactSizeIterator<Item = i128>, quiet: i128) -> Vec<Range<usize>> {
    let len = scores.len();
    let mut found = Vec::new();
    let (mut start, mut sum, mut highest) = (0, 0_i128, 0_i128);
    for (index, score) in scores.enumerate() {
        sum = sum.saturating_add(score);
        highest = highest.max(sum);
        if sum <= 0 {
            (sum, highest) = (0, 0);
        } else if highest - sum > quiet {
            found.push(start..index + 1);
            (start, sum, highest) = (index + 1, 0, 0);
        }
    }
    found.push(start..len);
    found
}

/// A contiguous stretch of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// Its first position.
    pub start: usize,
    /// The position after its last.
    pub end: usize,
    /// The sum of its scores: more than zero.
    pub score: i128,
}

/// All maximal scoring subsequences of a sequence of scores, in order, in linear time.
///
/// Every positive score lies in exactly one of them (W. L. Ruzzo and M. Tompa, 1999). Sums stop at the ends of 128
/// bits.
///
/// ```
/// use slo_core::replay::maximal_segments;
///
/// let found = maximal_segments([4, -5, 3, -3, 1, 2, -2, 2, -2, 1, 5]);
/// let found: Vec<_> = found.iter().map(|segment| (segment.start, segment.end, segment.score)).collect();
/// assert_eq!(found, [(0, 1, 4), (2, 3, 3), (4, 11, 7)]);
/// ```
#[must_use]
pub fn maximal_segments(scores: impl IntoIterator<Item = i128>) -> Vec<Segment> {
    // A candidate with the sums of all scores before it and up to its end.
    struct Candidate {
        start: usize,
        end: usize,
        before: i128,
        up_to: i128,
        // The nearest earlier candidate with less before it.
        lower: Option<usize>,
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut sum: i128 = 0;
    for (index, score) in scores.into_iter().enumerate() {
        let before = sum;
        sum = sum.saturating_add(score);
        if score <= 0 {
            continue;
        }
        let mut new = Candidate { start: index, end: index + 1, before, up_to: sum, lower: None };
        let mut at = candidates.len().checked_sub(1);
        while let Some(candidate) = at.and_then(|at| candidates.get(at)) {
            if candidate.before >= new.before {
                // None further back can gain from the stretch between: skip to one with less before it.
                at = candidate.lower;
                continue;
            }
            if candidate.up_to >= new.up_to {
                break;
            }
            // Both, and what lies between them, score more than either.
            new =
                Candidate { start: candidate.start, before: candidate.before, lower: candidate.lower, ..new };
            candidates.truncate(at.unwrap_or(0));
            at = new.lower;
        }
        new.lower = at;
        candidates.push(new);
    }
    let segment = |one: Candidate| Segment {
        start: one.start,
        end: one.end,
        score: one.up_to.saturating_sub(one.before),
    };
    candidates.into_iter().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;
    use proptest::prelude::*;

    fn budget(expected: u64) -> PeriodBudget {
        PeriodBudget::new("99.9%".parse().unwrap(), expected).unwrap()
    }

    /// From the definition: the best stretch, then those left and right of it.
    fn by_definition(scores: &[i128], offset: usize, found: &mut Vec<Segment>) {
        let best = (0..scores.len())
            .flat_map(|start| (start + 1..=scores.len()).map(move |end| (start, end)))
            .map(|(start, end)| {
                (scores[start..end].iter().sum::<i128>(), std::cmp::Reverse(end - start), start, end)
            })
            .max_by_key(|(score, shortest, start, _)| (*score, *shortest, std::cmp::Reverse(*start)));
        let Some((score, _, start, end)) = best.filter(|(score, ..)| *score > 0) else { return };
        by_definition(&scores[..start], offset, found);
        found.push(Segment { start: offset + start, end: offset + end, score });
        by_definition(&scores[end..], offset + end, found);
    }

    #[test]
    fn leaves_out_what_is_not_significant() {
        let total = vec![1_000; 50];
        let mut bad = vec![0; 50];
        (bad[5], bad[40]) = (2, 500);
        let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
        let found = |least| incidents(&series, budget(1_000_000), Ratio::ONE, least).unwrap();
        assert_eq!((found(0.0).len(), found(0.01).len()), (2, 1));
        assert!((found(0.01)[0].excess - 0.499).abs() < 1e-12);
    }

    #[test]
    fn a_month_of_quiet_parts_incidents_however_large() {
        // Two outages of an hour, each of which spends more than a month earns.
        let found = |apart: usize| {
            let total = vec![1_000; 60_000];
            let mut bad = vec![0; 60_000];
            bad[1_000..1_060].fill(1_000);
            bad[1_060 + apart..1_120 + apart].fill(1_000);
            let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad).unwrap();
            incidents(&series, budget(43_200_000), Ratio::ONE, 0.02).unwrap()
        };
        // 2 % of thirty days is 14 h 24 min.
        assert_eq!((found(800).len(), found(900).len(), found(43_200).len()), (1, 2, 2));
        assert_eq!((found(43_200)[1].start, found(43_200)[1].end), (44_260, 44_320));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn finds_what_the_definition_does(scores in prop::collection::vec(-9_i128..10, 0..40)) {
            let mut expected = Vec::new();
            by_definition(&scores, 0, &mut expected);
            prop_assert_eq!(maximal_segments(scores), expected);
        }
    }
}
