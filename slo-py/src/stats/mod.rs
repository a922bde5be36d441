//! `slo.stats`: statistics of counts.

mod comparisons;
pub(crate) mod convert;
mod counts;
mod cusum;
mod low_traffic;
mod proportions;
mod release;
mod reliability;
mod sequential;
mod tails;

pub(crate) use comparisons::{
    compare, events_per_arm, fisher_p_value, newcombe, probability_worse, two_proportion_z,
};
pub(crate) use counts::{garwood, rate_at_most, rate_increase_p_value};
pub(crate) use cusum::{average_run_length, best_allowance};
pub(crate) use low_traffic::{
    burn_above, design_effect, erlang_detection, events_to_demonstrate, events_to_stay_silent,
    false_starts_per_second, fewest_bad_events, firing_probability,
};
pub(crate) use proportions::{clopper_pearson, jeffreys, wilson};
pub(crate) use release::{ReleaseFinding, ReleaseTest};
pub(crate) use reliability::{availability, compare_restore_times, toil};
pub(crate) use sequential::{Sprt, confidence_sequence, mixture_evidence, rate_evidence};
pub(crate) use tails::{
    beta_above, beta_binomial_at_least, binomial_at_least, hypergeometric_at_least, poisson_at_least,
};
