//! The target of an SLO.

use super::Ratio;
use crate::Error;
use std::{fmt, str::FromStr};

/// The share of events that must be good: exact, above 0 % and below 100 %.
///
/// Parsed from a percentage with `%`, so that `99.9` is never taken for 9,990 %. It has at most ten decimals,
/// so that every later comparison fits 128-bit integers.
///
/// ```
/// use slo_core::model::Objective;
///
/// let objective: Objective = "99.9%".parse()?;
/// assert_eq!(objective.ratio().to_string(), "0.999");
/// assert_eq!(objective.budget().to_string(), "0.001");
/// assert_eq!(objective.to_string(), "99.9%");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objective {
    // In (0, 1), with a denominator of at most 10^12.
    ratio: Ratio,
    // One minus the ratio, stored because every comparison needs it.
    budget: Ratio,
}

/// The most decimals that a percentage may have.
const PERCENT_DECIMALS: usize = 10;

impl Objective {
    /// The objective as a share of one: `0.999` for 99.9 %.
    #[must_use]
    pub const fn ratio(self) -> Ratio {
        self.ratio
    }

    /// The error budget as a share of all events, β = 1 − s: `0.001` for 99.9 %.
    #[must_use]
    pub const fn budget(self) -> Ratio {
        self.budget
    }
}

impl FromStr for Objective {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let Some(number) = text.strip_suffix('%').map(str::trim_end) else {
            let hint = match text.parse::<Ratio>() {
                Ok(value) if value < Ratio::ONE => match value.checked_mul(Ratio::whole(100)) {
                    Some(percent) => format!("write {percent}%"),
                    None => "write a percentage such as 99.9%".to_owned(),
                },
                Ok(_) => format!("write {text}%"),
                Err(_) => "write a percentage such as 99.9%".to_owned(),
            };
            return Err(Error::new(format!("`{text}` has no percent sign")).with_hint(hint));
        };
        let percent: Ratio = number.parse().map_err(|_| {
            Error::new(format!("`{text}` is not a percentage")).with_hint("write a percentage such as 99.9%")
        })?;
        let decimals = number.split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len());
        if decimals > PERCENT_DECIMALS {
            return Err(Error::new(format!("{text} has more than {PERCENT_DECIMALS} decimals"))
                .with_hint("write at most ten decimals"));
        }
        let ratio = percent.checked_div(Ratio::whole(100)).unwrap_or(Ratio::ONE);
        if ratio == Ratio::ZERO {
            return Err(
                Error::new(format!("{text} allows every event to be bad")).with_hint("write more than 0%")
            );
        }
        match Ratio::ONE.checked_sub(ratio) {
            Some(budget) if budget > Ratio::ZERO => Ok(Self { ratio, budget }),
            _ => Err(Error::new(format!("{text} leaves no error budget")).with_hint("write 99.99% or lower")),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ratio.checked_mul(Ratio::whole(100)) {
            Some(percent) => write!(f, "{percent}%"),
            None => write!(f, "{}", self.ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_objective_exact() {
        for (text, budget) in
            [("99.9%", "0.001"), ("99%", "0.01"), ("99.95 %", "0.0005"), ("99.9999999999%", "0.000000000001")]
        {
            let objective: Objective = text.parse().unwrap();
            assert_eq!(objective.budget().to_string(), budget);
            assert_eq!(objective.to_string().parse::<Objective>().unwrap(), objective);
        }
    }

    #[test]
    fn refuses_what_leaves_no_budget_and_says_how_to_mend_it() {
        for (text, message, hint) in [
            ("100%", "100% leaves no error budget", "write 99.99% or lower"),
            ("250%", "250% leaves no error budget", "write 99.99% or lower"),
            ("0%", "0% allows every event to be bad", "write more than 0%"),
            ("99.9", "`99.9` has no percent sign", "write 99.9%"),
            ("0.999", "`0.999` has no percent sign", "write 99.9%"),
            ("high", "`high` has no percent sign", "write a percentage such as 99.9%"),
            ("-1%", "`-1%` is not a percentage", "write a percentage such as 99.9%"),
        ] {
            let error = text.parse::<Objective>().unwrap_err();
            assert_eq!((error.message(), error.hint()), (message, Some(hint)));
        }
        assert!("99.99999999999%".parse::<Objective>().is_err());
    }
}
