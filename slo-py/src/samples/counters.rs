//! Counters of many series, as a server gives them.

use super::{Counts, Samples, findings::findings};
use crate::error::{DataError, data_error_at};
use pyo3::prelude::*;
use slo_core::{
    model::{LabelName, Window},
    replay::whole_count,
};
use std::{collections::BTreeMap, ops::Range};

/// What the counters of a selector have grown by, over all of its series.
pub(crate) struct Counted<'a> {
    steps: usize,
    target_labels: &'a [LabelName],
    series: BTreeMap<Vec<(String, String)>, Last>,
    grown: Vec<u64>,
    newborn: Vec<Newborn>,
    seen: Vec<bool>,
    survivors: Survivors,
    resets: Vec<usize>,
}

/// Of each target, the steps over which one of its series went on.
pub(crate) type Survivors = BTreeMap<Vec<String>, Vec<bool>>;

/// The last point of a series.
struct Last {
    index: usize,
    value: u64,
}

/// A series that appeared in between.
struct Newborn {
    target: Vec<String>,
    step: usize,
    value: u64,
}

/// The growth in each step, whether anything was seen at its end, and the steps with resets.
pub(crate) struct Grown {
    counts: Vec<u64>,
    seen: Vec<bool>,
    resets: Vec<usize>,
}

impl<'a> Counted<'a> {
    /// Of this many steps: a point more.
    pub(crate) fn new(steps: usize, target_labels: &'a [LabelName]) -> Self {
        Self {
            steps,
            target_labels,
            series: BTreeMap::new(),
            grown: vec![0; steps],
            newborn: Vec::new(),
            seen: vec![false; steps + 1],
            survivors: BTreeMap::new(),
            resets: Vec::new(),
        }
    }

    /// A point of a series; those of one come in order. Point 0 is where the first step begins.
    pub(crate) fn point(
        &mut self,
        labels: &BTreeMap<String, String>,
        index: usize,
        value: f64,
    ) -> PyResult<()> {
        let value = whole(labels, index, value)?;
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
        let key = labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let step = index.checked_sub(1);
        match (self.series.get_mut(&key), step) {
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
                // What was there from the beginning has counted before it.
                if let Some(step) = step {
                    self.newborn.push(Newborn { target: target(), step, value });
                }
                self.series.insert(key, Last { index, value });
            }
        }
        Ok(())
    }

    /// When each target went on.
    pub(crate) fn survivors(&mut self) -> Survivors {
        std::mem::take(&mut self.survivors)
    }

    /// What they have grown by. A series that appears beside one that goes on counts from zero; where all of a target's
    /// appear at once, it may be the target that is new, or its labels: nobody knows since when they count.
    pub(crate) fn grown(self, survivors: Option<&Survivors>) -> Grown {
        let Self { mut grown, newborn, seen, mut resets, .. } = self;
        for Newborn { target, step, value } in newborn {
            let goes_on = survivors.and_then(|survivors| survivors.get(&target)?.get(step).copied());
            if let (Some(true), Some(grown)) = (goes_on, grown.get_mut(step)) {
                *grown = grown.saturating_add(value);
            }
        }
        resets.sort_unstable();
        resets.dedup();
        Grown { counts: grown, seen, resets }
    }
}

fn whole(labels: &BTreeMap<String, String>, index: usize, value: f64) -> PyResult<u64> {
    let message = || format!("{labels:?} is {value}; counters are whole numbers from 0 on");
    whole_count(value).ok_or_else(|| data_error_at(index, &message()))
}

/// The samples of two counters, of which `events` makes all and bad events.
pub(crate) fn from_counters(
    py: Python<'_>,
    start: i64,
    step: Window,
    [first, second]: [Grown; 2],
    events: impl Fn(u64, u64) -> Option<(u64, u64)>,
) -> PyResult<Samples> {
    let seen = first.seen.iter().zip(&second.seen).map(|(first, second)| *first || *second);
    let seen: Vec<bool> = seen.collect();
    if !seen.contains(&true) {
        let error = DataError::new_err("no series in all that time; is the spec that of this server?");
        error.value(py).setattr("position", py.None())?;
        return Err(error);
    }
    let (mut total, mut bad) =
        (Vec::with_capacity(first.counts.len()), Vec::with_capacity(first.counts.len()));
    for (position, (one, other)) in first.counts.iter().zip(&second.counts).enumerate() {
        let (all_of, bad_of) =
            events(*one, *other).filter(|(all_of, bad_of)| bad_of <= all_of).ok_or_else(|| {
                data_error_at(
                    position,
                    &format!("{one} and {other} events of the two counters contradict each other"),
                )
            })?;
        total.push(all_of);
        bad.push(bad_of);
    }
    let mut gaps: Vec<Range<usize>> = Vec::new();
    for (step, seen) in seen.iter().skip(1).enumerate() {
        match gaps.last_mut() {
            _ if *seen => {}
            Some(gap) if gap.end == step => gap.end = step + 1,
            _ => gaps.push(step..step + 1),
        }
    }
    let mut resets = [first.resets, second.resets].concat();
    resets.sort_unstable();
    resets.dedup();
    Samples::of(py, start, step, Counts::Owned(total), Counts::Owned(bad), findings(gaps, resets))
}
