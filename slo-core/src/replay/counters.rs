//! Counters of many series, point by point, as a server returns them.

use super::{
    Growth,
    counts::{stretches, whole_count},
};
use crate::{
    Error,
    model::{EventPair, LabelName, Timestamp},
};
use std::collections::BTreeMap;

/// The growth of the counters of a selector, over all of its series.
///
/// A series that falls was reset: all of its value is new. A new series counts from zero if other series of
/// its target continue; otherwise the first errors of an outage would be lost. If all series of a target
/// appear at once, the target or its labels may be new, and it is not known since when they count.
///
/// ```
/// use slo_core::{model::{EventPair, LabelName, Timestamp}, replay::CounterPoints};
/// use std::collections::BTreeMap;
///
/// let target: Vec<LabelName> = vec!["instance".parse()?];
/// let series = |code: &str| -> BTreeMap<String, String> {
///     [("instance", "a"), ("code", code)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
/// };
/// let (mut all, mut bad) = (CounterPoints::new(2, &target), CounterPoints::new(2, &target));
/// for (index, value) in [100.0, 110.0, 120.0].into_iter().enumerate() {
///     all.point(&series("200"), index, value)?;
/// }
/// // New in the second step, while another series of its target continues.
/// all.point(&series("500"), 2, 7.0)?;
/// bad.point(&series("500"), 2, 7.0)?;
/// let grown = CounterPoints::growth([all, bad], EventPair::TotalBad, true, Timestamp::EPOCH)?.unwrap();
/// assert_eq!((grown.total, grown.bad), (vec![10, 17], vec![0, 7]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CounterPoints<'a> {
    steps: usize,
    target_labels: &'a [LabelName],
    series: BTreeMap<BTreeMap<String, String>, Last>,
    grown: Vec<u64>,
    newborn: Vec<Newborn>,
    seen: Vec<bool>,
    survivors: Survivors,
    resets: Vec<usize>,
}

/// For each target, the steps over which one of its series continued.
type Survivors = BTreeMap<Vec<String>, Vec<bool>>;

/// The last point of a series.
#[derive(Debug, Clone, Copy)]
struct Last {
    index: usize,
    value: u64,
}

/// A series that appeared after the first point.
#[derive(Debug, Clone)]
struct Newborn {
    target: Vec<String>,
    step: usize,
    value: u64,
}

impl<'a> CounterPoints<'a> {
    /// Counters over `steps` steps, which have `steps` + 1 points; `target_labels` identify a target.
    #[must_use]
    pub fn new(steps: usize, target_labels: &'a [LabelName]) -> Self {
        Self {
            steps,
            target_labels,
            series: BTreeMap::new(),
            grown: vec![0; steps],
            newborn: Vec::new(),
            seen: vec![false; steps.saturating_add(1)],
            survivors: BTreeMap::new(),
            resets: Vec::new(),
        }
    }

    /// Adds a point of a series. The points of a series must be in order. Point 0 is the start of the first
    /// step.
    ///
    /// # Errors
    /// A value that is not a count.
    pub fn point(
        &mut self,
        labels: &BTreeMap<String, String>,
        index: usize,
        value: f64,
    ) -> Result<(), Error> {
        let value = whole_count(value).ok_or_else(|| {
            Error::new(format!(
                "{labels:?} is {value} at point {index}; counters must be whole numbers from 0 on"
            ))
        })?;
        if index > self.steps {
            return Ok(());
        }
        if let Some(seen) = self.seen.get_mut(index) {
            *seen = true;
        }
        let target = || -> Vec<String> {
            let value = |label: &LabelName| labels.get(label.as_str()).cloned().unwrap_or_default();
            self.target_labels.iter().map(value).collect()
        };
        let step = index.checked_sub(1);
        match (self.series.get_mut(labels), step) {
            (Some(last), _) if last.index >= index => {}
            (Some(last), Some(step)) => {
                if last.index == step {
                    let steps = self.steps;
                    let survived = self.survivors.entry(target()).or_insert_with(|| vec![false; steps]);
                    if let Some(survived) = survived.get_mut(step) {
                        *survived = true;
                    }
                }
                if let Some(grown) = self.grown.get_mut(step) {
                    *grown = grown.saturating_add(value.checked_sub(last.value).unwrap_or(value));
                }
                if value < last.value {
                    self.resets.push(step);
                }
                *last = Last { index, value };
            }
            (_, step) => {
                // A series that existed at the beginning has counted before it.
                if let Some(step) = step {
                    self.newborn.push(Newborn { target: target(), step, value });
                }
                self.series.insert(labels.clone(), Last { index, value });
            }
        }
        Ok(())
    }

    /// The events of two counters; `pair` names the two. If new series count, the series of the first counter
    /// show whether their target is new. `None` if neither counter had a series in the whole time.
    ///
    /// # Errors
    /// Counters that disagree, such as more bad events than events.
    pub fn growth(
        [first, second]: [Self; 2],
        pair: EventPair,
        counts_newborn_series: bool,
        start: Timestamp,
    ) -> Result<Option<Growth>, Error> {
        let mut seen = first.seen.iter().zip(&second.seen).map(|(first, second)| *first || *second);
        if !seen.clone().any(|seen| seen) {
            return Ok(None);
        }
        // A step is known by the point at its end.
        let _beginning = seen.next();
        let gaps = stretches(seen.enumerate().filter_map(|(step, seen)| (!seen).then_some(step)));
        let survivors = counts_newborn_series.then(|| first.survivors.clone());
        let mut resets = [first.resets.as_slice(), &second.resets].concat();
        resets.sort_unstable();
        resets.dedup();
        let [first, second] = [first, second].map(|points| points.grown(survivors.as_ref()));
        let (mut total, mut bad) = (Vec::with_capacity(first.len()), Vec::with_capacity(first.len()));
        for (position, (one, other)) in first.iter().zip(&second).enumerate() {
            let (all_of, bad_of) = pair.events(*one, *other).ok_or_else(|| {
                Error::new(format!(
                    "step {position}: the two counters disagree, with {one} and {other} events"
                ))
            })?;
            total.push(all_of);
            bad.push(bad_of);
        }
        Ok(Some(Growth { start, total, bad, resets, gaps }))
    }

    fn grown(self, survivors: Option<&Survivors>) -> Vec<u64> {
        let Self { mut grown, newborn, .. } = self;
        for Newborn { target, step, value } in newborn {
            let goes_on = survivors.and_then(|survivors| survivors.get(&target)?.get(step).copied());
            if let (Some(true), Some(grown)) = (goes_on, grown.get_mut(step)) {
                *grown = grown.saturating_add(value);
            }
        }
        grown
    }
}
