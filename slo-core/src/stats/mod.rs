//! Statistics of counts: intervals, tests and the significance of few events.
//!
//! Error ratios and probabilities are numbers from 0 to 1. No function returns NaN: if there is no answer,
//! the result is `None` or an error that says why.
//!
//! *How many requests does an alert need to be significant?* At 99.9 %, the fast tier fires on one failure
//! among up to 69 requests. From 70 requests an hour on, it takes two failures. Four failures or more are
//! significant:
//!
//! ```
//! use slo_core::stats::{events_to_stay_silent, fewest_bad_events};
//!
//! let threshold = "0.0144".parse()?; // 14.4 times a budget of 0.1 %
//! assert_eq!(events_to_stay_silent(threshold, 1)?, 70);
//! assert_eq!(fewest_bad_events("14.4".parse()?, 0.001)?, Some(4));
//! # Ok::<(), slo_core::Error>(())
//! ```
//!
//! | question | answer |
//! |---|---|
//! | in which range is the error ratio? | [`wilson`], [`clopper_pearson`], [`jeffreys`] |
//! | in which range is the rate of incidents? | [`garwood`], [`rate_at_most`], [`rate_increase_p_value`] |
//! | is the new version worse? | [`compare`], [`newcombe`], [`fisher_p_value`], [`probability_worse`] |
//! | may I check after every request? | [`Evidence`], [`MixtureTest`], [`confidence_sequence`], [`Sprt`], [`rate_evidence`] |
//! | is this alert significant? | [`fewest_bad_events`], [`FalseAlarms`], [`burn_above`], [`ErlangDetection`] |
//! | is this release good or harmful, at every look? | [`ReleaseTest`] |
//! | may a change go out? | [`ReleaseGate`] |
//! | can one alert watch every window at once? | [`Cusum`], [`average_run_length`] |
//! | how long does a repair take, and are we getting better? | [`TypicalTime`], [`compare_restore_times`], [`toil`] |

mod beta_order;
mod compare;
mod confidence;
mod counts;
mod cusum;
mod experiment;
mod fewest;
mod gate;
mod low_traffic;
mod proportions;
mod random;
mod release;
mod reliability;
mod sequential;
mod special;
#[cfg(feature = "replay")]
mod student;
mod tails;

pub use compare::{
    Comparison, compare, events_per_arm, fisher_p_value, newcombe, probability_worse, two_proportion_z,
};
pub use confidence::{Confidence, Interval};
pub use counts::{garwood, rate_at_most, rate_increase_p_value};
pub use cusum::{Cusum, average_run_length, best_allowance, time_to_excess};
pub use experiment::{Evidence, difference_sequence};
pub use fewest::fewest;
pub use gate::{Doubt, GateState, Hold, Judgement, ReleaseGate, Verdict};
pub use low_traffic::{
    ErlangDetection, FalseAlarms, bad_events_to_fire, burn_above, design_effect, events_to_demonstrate,
    events_to_stay_silent, fewest_bad_events, firing_probability,
};
pub use proportions::{clopper_pearson, jeffreys, wilson};
pub(crate) use random::{Random, quantile};
pub use release::{ReleaseFinding, ReleaseRules, ReleaseTest, ReleaseVerdict};
pub use reliability::{
    RestoreTimes, TOIL_CAP, Toil, TypicalTime, availability, compare_restore_times, incidents_allowed, toil,
};
pub use sequential::{Decision, MixtureTest, Sprt, confidence_sequence, rate_evidence};
#[cfg(feature = "replay")]
pub(crate) use student::{student_quantile, student_upper_tail};
pub use tails::{
    beta_above, beta_binomial_at_least, binomial_at_least, hypergeometric_at_least,
    negative_binomial_at_least, normal_above, poisson_at_least,
};
