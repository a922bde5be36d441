//! Freshness: how long data was older than a tolerance.

use crate::Error;
use std::time::Duration;

/// A publication of data: its time, and the age of its newest data at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a publication has nothing else")]
pub struct Publication {
    /// The time of the publication.
    pub at: Duration,
    /// The age of its newest data at that time.
    pub data_age: Duration,
}

/// How long data was older than `tolerance`, between `from` and `to`.
///
/// Data ages from each publication to the next one. The part of that gap in which it is older than the
/// tolerance is bad. The time before the first publication is bad, too. The last gap ends at `to`. All times
/// count from a moment of the caller's choice.
///
/// The result is the bad time of an SLI in time; [`ErrorBudget::of_time`](super::ErrorBudget::of_time) makes
/// a budget of it. For a share of reads, count reads of fresh data as good events instead.
///
/// ```
/// use slo_core::math::{Publication, stale_time};
/// use std::time::Duration;
///
/// let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
/// // Published every ten minutes, the last gap is twenty; data is two minutes old when published.
/// let published = [0, 10, 20, 30, 40, 50].map(|at| Publication { at: minutes(at), data_age: minutes(2) });
/// let stale = stale_time(&published, minutes(0), minutes(70), minutes(15))?;
/// assert_eq!(stale, minutes(7));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Publications that are not in order, or `to` before `from`.
pub fn stale_time(
    publications: &[Publication],
    from: Duration,
    to: Duration,
    tolerance: Duration,
) -> Result<Duration, Error> {
    if to < from {
        return Err(Error::new(format!("{to:?} is before {from:?}")));
    }
    if let Some(index) =
        publications.windows(2).position(|pair| matches!(pair, [one, next] if next.at < one.at))
    {
        return Err(Error::new(format!("publications[{}] is earlier than the one before it", index + 1))
            .with_hint("sort them by time"));
    }
    let clip = |time: Duration| time.clamp(from, to);
    let first = publications.first().map_or(to, |publication| publication.at);
    let mut stale = clip(first).saturating_sub(from);
    let ends = publications.iter().skip(1).map(|next| next.at).chain([to]);
    for (publication, end) in publications.iter().zip(ends) {
        // Data of age d turns stale τ − d after it came out; at once where it is too old already.
        let turns_stale = publication.at.saturating_add(tolerance.saturating_sub(publication.data_age));
        // (All of it lies between `from` and `to`, so the sum fits.)
        stale += clip(end).saturating_sub(clip(turns_stale));
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(at: u64, data_age: u64) -> Publication {
        Publication { at: Duration::from_secs(at), data_age: Duration::from_secs(data_age) }
    }

    fn stale(publications: &[Publication]) -> u64 {
        let seconds = Duration::from_secs;
        stale_time(publications, seconds(100), seconds(200), seconds(15)).unwrap().as_secs()
    }

    #[test]
    fn counts_gaps_before_between_and_after() {
        assert_eq!(stale(&[]), 100);
        assert_eq!(stale(&[at(150, 0)]), 50 + 35);
        assert_eq!(stale(&[at(90, 0), at(110, 0), at(120, 0), at(190, 5)]), 5 + 55);
    }

    #[test]
    fn data_that_is_born_stale_is_stale_for_the_gap_and_no_longer() {
        assert_eq!(stale(&[at(100, 50), at(110, 0), at(120, 0), at(130, 0), at(140, 50)]), 10 + 60);
    }

    #[test]
    fn refuses_disorder() {
        let seconds = Duration::from_secs;
        assert!(stale_time(&[at(2, 0), at(1, 0)], seconds(0), seconds(9), seconds(1)).is_err());
        assert!(stale_time(&[], seconds(9), seconds(0), seconds(1)).is_err());
    }
}
