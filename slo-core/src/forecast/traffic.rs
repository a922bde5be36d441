//! Forecasts of the number of events.

use crate::{Error, model::Window, replay::Series};

/// The expected events in the next `horizon`, from the same hours of earlier weeks.
///
/// The forecast of a step is the mean of the steps 1 to 4 weeks before it, as far back as the history goes.
/// With less than a week of history, it is the mean of all steps. Add the events seen so far to get the
/// expected events of an [`ErrorBudget::projected`](crate::math::ErrorBudget::projected).
///
/// ```
/// use slo_core::{forecast::expected_events, math::ErrorBudget, model::{Timestamp, Window}, replay::Series};
///
/// // Three weeks of days; nobody works on Sundays. What will Monday to Sunday bring?
/// let total: Vec<u64> = (0..21).map(|day| if day % 7 == 6 { 100 } else { 1_000 }).collect();
/// let series = Series::new(Timestamp::EPOCH, Window::days(1), &total, &[0; 21])?;
/// assert_eq!(expected_events(&series, Window::days(7))?, 6_100);
/// assert_eq!(expected_events(&series, Window::days(1))?, 1_000);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// An empty history, a horizon that is not whole steps, or more events than 64 bits hold.
pub fn expected_events(series: &Series<'_>, horizon: Window) -> Result<u64, Error> {
    let steps = series.steps_in(horizon)?;
    if series.is_empty() {
        return Err(Error::new("the history is empty"));
    }
    let now = series.len();
    let week = series.steps_in(Window::days(7)).ok().filter(|week| *week <= now);
    let Some(week) = week else {
        let sum = u128::from(series.total().total()).checked_mul(steps as u128).ok_or_else(too_many)?;
        return mean(sum, now);
    };
    let weeks = (now / week).min(4);
    let mut expected = 0_u64;
    // Whole weeks of the horizon, then what is left: every week brings the same.
    let mut at = 0;
    while at < steps {
        let length = week.min(steps - at);
        let past = (1..=weeks).map(|ago| series.window(now - ago * week + length, length).total());
        let sum = past.map(u128::from).sum::<u128>();
        expected = expected.checked_add(mean(sum, weeks)?).ok_or_else(too_many)?;
        at += length;
    }
    Ok(expected)
}

/// `sum / of`, rounded.
fn mean(sum: u128, of: usize) -> Result<u64, Error> {
    let of = of.max(1) as u128;
    u64::try_from((sum + of / 2) / of).map_err(|_| too_many())
}

fn too_many() -> Error {
    Error::new("the number of expected events does not fit 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn takes_the_mean_of_what_there_is() {
        let expected = |total: &[u64], days: u64| {
            let bad = vec![0; total.len()];
            expected_events(
                &Series::new(Timestamp::EPOCH, Window::days(1), total, &bad).unwrap(),
                Window::days(days),
            )
        };
        assert_eq!(expected(&[10, 20, 30], 2), Ok(40));
        let mut weeks = vec![100; 7];
        weeks.extend([200; 7]);
        assert_eq!(expected(&weeks, 7), Ok(1_050));
        assert_eq!(expected(&weeks, 10), Ok(1_500));
        assert!(expected(&[], 2).is_err());
    }
}
