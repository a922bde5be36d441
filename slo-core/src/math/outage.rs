//! Closed forms for a steady outage: when a tier fires, and when it stops.

use crate::{
    Error,
    model::{Objective, Ratio, Tier},
};

/// When a tier notices a steady outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// From the first bad event until the alert's condition holds, in seconds: L·θ/e.
    pub fires_after: Ratio,
    /// From the last bad event until it no longer holds, in seconds: S·(1 − θ/e).
    pub resets_after: Ratio,
}

/// When `tier` detects an outage in which the share `error_ratio` of all events is bad, at constant
/// traffic and with no errors before; `None` where it never does.
///
/// The short window never delays a steady outage, and whatever its size, the tier's share of the
/// budget has been spent when it is detected. Scraping and evaluation come on top.
///
/// ```
/// use slo_core::{math::detection, model::{AlertPolicy, Ratio, Window}};
///
/// let policy = AlertPolicy::for_period(Window::days(30))?;
/// let full = detection(&policy.tiers()[0], "99.9%".parse()?, Ratio::ONE)?.unwrap();
/// assert_eq!(full.fires_after.to_string(), "51.84"); // seconds after everything fails
/// assert_eq!(full.resets_after.to_string(), "295.68");
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An error ratio above one, or numbers that do not fit 128 bits.
pub fn detection(tier: &Tier, objective: Objective, error_ratio: Ratio) -> Result<Option<Detection>, Error> {
    if error_ratio > Ratio::ONE {
        return Err(Error::new(format!("an error ratio of {error_ratio} is more than all events")));
    }
    let threshold = tier.threshold(objective)?;
    if error_ratio <= threshold {
        return Ok(None);
    }
    let exact = || {
        let share = threshold.checked_div(error_ratio)?;
        let fires_after = tier.long().as_seconds().checked_mul(share)?;
        let resets_after = tier.short().as_seconds().checked_mul(Ratio::ONE.checked_sub(share)?)?;
        Some(Detection { fires_after, resets_after })
    };
    exact().map(Some).ok_or_else(|| Error::new(format!("{error_ratio} is too fine an error ratio")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertPolicy, Window};

    #[test]
    fn agrees_with_the_table_of_closed_forms() {
        let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
        let objective = "99.9%".parse().unwrap();
        for (error_ratio, expected) in [
            (
                "1",
                [Some((51.84, 295.68)), Some((129.6, 1789.2)), Some((259.2, 7178.4)), Some((259.2, 21578.4))],
            ),
            (
                "0.1",
                [
                    Some((518.4, 256.8)),
                    Some((1296.0, 1692.0)),
                    Some((2592.0, 6984.0)),
                    Some((2592.0, 21384.0)),
                ],
            ),
            ("0.01", [None, Some((12960.0, 720.0)), Some((25920.0, 5040.0)), Some((25920.0, 19440.0))]),
            ("0.002", [None, None, None, Some((129_600.0, 10800.0))]),
        ] {
            for (tier, expected) in policy.tiers().iter().zip(expected) {
                let found = detection(tier, objective, error_ratio.parse().unwrap()).unwrap();
                assert_eq!(found.map(|d| (d.fires_after.to_f64(), d.resets_after.to_f64())), expected);
            }
        }
    }

    #[test]
    fn is_silent_exactly_at_the_threshold() {
        let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
        assert_eq!(
            detection(&policy.tiers()[0], "99.9%".parse().unwrap(), "0.0144".parse().unwrap()),
            Ok(None)
        );
    }
}
