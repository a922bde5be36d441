//! Merges histories.

use super::{Series, rows::most_steps};
use crate::{Error, model::Timestamp};
use std::ops::Range;

/// Several histories as one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merged {
    /// When its first step begins.
    pub start: Timestamp,
    /// Events in each step.
    pub total: Vec<u64>,
    /// Bad events in each step.
    pub bad: Vec<u64>,
    /// The steps that are in no part.
    pub gaps: Vec<Range<usize>>,
}

/// Merges histories of consecutive times, or of several instances.
///
/// If several histories have the same step, their events add up. The order of the parts does not matter.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::{Series, merged}};
///
/// let minute = Window::minutes(1);
/// let one = Series::new(Timestamp::EPOCH, minute, &[10, 10], &[0, 1])?;
/// let beside = Series::new(Timestamp::from_millis(60_000), minute, &[5], &[2])?;
/// let later = Series::new(Timestamp::from_millis(180_000), minute, &[10], &[0])?;
/// let all = merged(&[one, beside, later])?;
/// assert_eq!((all.total, all.bad), (vec![10, 15, 0, 10], vec![0, 3, 0, 0]));
/// assert_eq!(all.gaps, [2..3]);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// No parts, steps of different lengths, parts that are not whole steps apart, parts that are years apart, or
/// a step with more events than 64 bits hold.
pub fn merged(parts: &[Series<'_>]) -> Result<Merged, Error> {
    let Some(first) = parts.first() else { return Err(Error::new("there is nothing to merge")) };
    let step = first.step();
    if let Some(other) = parts.iter().find(|part| part.step() != step) {
        return Err(Error::new(format!("steps of {step} and of {} do not fit together", other.step()))
            .with_hint("resample them to the same step first"));
    }
    // Empty parts have no beginning.
    let parts: Vec<&Series<'_>> = parts.iter().filter(|part| !part.is_empty()).collect();
    let start = parts.iter().map(|part| part.start()).min().unwrap_or(first.start());
    let place = |part: &Series<'_>| {
        let since = part.start().millis_since(start);
        let steps =
            usize::try_from(since / step.as_millis()).ok().filter(|_| since.is_multiple_of(step.as_millis()));
        steps.ok_or_else(|| {
            Error::new(format!(
                "a part begins {since} ms after the first, which is not whole steps of {step}"
            ))
        })
    };
    let mut spans = Vec::with_capacity(parts.len());
    for part in &parts {
        let first = place(part)?;
        spans.push(first..first.saturating_add(part.len()));
    }
    let len = spans.iter().map(|span| span.end).max().unwrap_or(0);
    if len > most_steps(parts.iter().map(|part| part.len()).sum()) {
        return Err(Error::new(format!("the parts are {len} steps of {step} apart"))
            .with_hint("merge only histories that are close in time"));
    }
    let (mut total, mut bad) = (vec![0_u64; len], vec![0_u64; len]);
    for (part, span) in parts.iter().zip(&spans) {
        let rows = total.iter_mut().zip(&mut bad).skip(span.start).zip(part.steps());
        for ((total, bad), step) in rows {
            let sum = total.checked_add(step.total()).zip(bad.checked_add(step.bad()));
            (*total, *bad) = sum.ok_or_else(|| Error::new("a step has more events than 64 bits hold"))?;
        }
    }
    spans.sort_by_key(|span| span.start);
    let mut gaps = Vec::new();
    let mut end = 0;
    for span in spans {
        if span.start > end {
            gaps.push(end..span.start);
        }
        end = end.max(span.end);
    }
    Ok(Merged { start, total, bad, gaps })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;

    #[test]
    fn refuses_what_does_not_fit() {
        let one = Series::new(Timestamp::EPOCH, Window::minutes(1), &[u64::MAX], &[0]).unwrap();
        let other = Series::new(Timestamp::EPOCH, Window::minutes(5), &[1], &[0]).unwrap();
        assert!(merged(&[one.clone(), other]).unwrap_err().hint().is_some());
        let between = Series::new(Timestamp::from_millis(30_000), Window::minutes(1), &[1], &[0]).unwrap();
        assert!(merged(&[one.clone(), between]).unwrap_err().message().contains("30000 ms"));
        assert!(merged(&[one.clone(), one]).is_err());
        assert!(merged(&[]).is_err());
    }

    #[test]
    fn empty_parts_do_not_matter() {
        let minute = Window::minutes(1);
        let some = Series::new(Timestamp::from_millis(600_000), minute, &[1, 2], &[0, 1]).unwrap();
        let none = |start| Series::new(Timestamp::from_millis(start), minute, &[], &[]).unwrap();
        let all = merged(&[none(0), some.clone(), none(6_000_000)]).unwrap();
        assert_eq!((all.start.as_millis(), all.total, all.gaps.len()), (600_000, vec![1, 2], 0));
        assert_eq!(merged(&[none(60_000)]).unwrap().start.as_millis(), 60_000);
    }
}
