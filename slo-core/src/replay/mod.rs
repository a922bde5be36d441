//! Replays histories: how alerts would have fired, and which objectives would have been met.
//!
//! *Would we have been paged?* This example replays a tier's alerts on a history of two columns, finds the
//! incidents, and compares them:
//!
//! ```
//! use slo_core::{math::PeriodBudget, model::{AlertPolicy, Ratio, Timestamp, Window}, replay::{AlertRule, Series, alerts, incidents, score}};
//!
//! let total = vec![600; 43_200]; // thirty days of minutes
//! let mut bad = vec![0; 43_200];
//! bad[30_000..30_045].fill(30); // 5 % fail for three quarters of an hour
//! let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
//! let objective = "99.9%".parse()?;
//! let budget = PeriodBudget::new(objective, series.total().total())?;
//!
//! let fast = AlertRule::of_tier(&AlertPolicy::workbook().tiers()[0], objective)?;
//! let pages = alerts(&series, &fast, 1)?;
//! let found = incidents(&series, budget, Ratio::ONE, 0.02)?;
//! let result = score(&series, &pages, &found, budget, Window::minutes(5))?;
//! assert_eq!(result.recall(), Some(1.0));
//! assert_eq!(result.incidents[0].seconds, Some(18.0 * 60.0)); // paged after 18 minutes
//! assert!((result.incidents[0].spent - 0.0208).abs() < 1e-4); // and 2 % of the budget
//! # Ok::<(), slo_core::Error>(())
//! ```
//!
//! | question | answer |
//! |---|---|
//! | which events does a table hold? | [`Rows`], [`EventPair`](crate::model::EventPair), [`History`], [`merged`] |
//! | which events did a server record? | [`CounterPoints`], [`RecordedTiles`] |
//! | what happened? | [`Series`], [`incidents`](incidents()), [`ratio_bias`] |
//! | how much budget is left? | [`Judged`] |
//! | when would alerts have fired, and how good were they? | [`Backtest`], [`Replay`]; for one rule [`alerts`](alerts()), [`score`](score()) |
//! | which tiers of a policy can fire on a history? | [`FittedTiers`] |
//! | how did an SLO do in a month? | `SloReview`, with the feature `calendar` |
//! | what does an error-budget policy say? | `PolicyStanding`, with the feature `calendar` |
//! | is one month worse than another? | [`Change`] |
//! | what if thresholds were different? | [`Barcode`], [`Crossings`] |
//! | which alerts should we have? | [`Search`] |
//! | which objective can we promise? | [`propose`], [`round_down`] |
//! | what would Prometheus have measured? | [`extrapolated_increase`], [`anchored_increase`], [`burst_error`] |

mod alerts;
mod backtest;
mod barcode;
mod bias;
mod bootstrap;
mod burn_rates;
mod change;
mod counter;
mod counters;
mod counts;
mod crossings;
mod episode;
mod fit;
mod history;
mod incidents;
mod merge;
mod objective;
mod period;
#[cfg(feature = "calendar")]
mod priced;
mod recorded;
#[cfg(feature = "calendar")]
mod review;
mod rows;
mod score;
mod search;
mod series;
mod slices;
mod split;
#[cfg(feature = "calendar")]
mod standing;
mod thin;
mod times;

pub use alerts::{AlertRule, WarmUp, alerts};
pub use backtest::{Backtest, Replay, TierFired};
pub use barcode::Barcode;
pub use bias::{RatioBias, ratio_bias};
pub use bootstrap::Bootstrap;
pub(crate) use bootstrap::Draws;
pub use burn_rates::BurnRates;
pub use change::Change;
pub use counter::{
    RangeEnds, Sample, anchored_increase, burst_error, extrapolated_increase, extrapolated_rate,
};
pub use counters::CounterPoints;
pub use counts::{is_like_a_counter, whole_count, whole_events};
pub use crossings::Crossings;
pub use episode::Episode;
pub use fit::FittedTiers;
pub use history::History;
pub use incidents::{Incident, Segment, incidents, maximal_segments};
pub use merge::{Merged, merged};
pub use objective::{Proposal, propose, round_down, usual_objectives};
pub use period::Judged;
#[cfg(feature = "calendar")]
pub use priced::Priced;
pub use recorded::RecordedTiles;
#[cfg(feature = "calendar")]
pub use recorded::steps_of_days;
#[cfg(feature = "calendar")]
pub use review::{FiredAlert, OtherGroups, SloReview, Trend, Verdict};
pub use rows::{Growth, RowError, Rows};
pub use score::{Detected, Score, any_of, score};
pub use search::{Candidate, CandidateRule, FalseStartLimit, OutageLimit, Search, beaten_by};
pub use series::{Series, Sums};
pub use split::split;
#[cfg(feature = "calendar")]
pub use standing::{PolicyDecision, PolicyStage, PolicyStanding};
pub use thin::thin;
#[cfg(feature = "calendar")]
pub use times::zoned;
pub use times::{Misread, millis_of_micros, millis_of_seconds};
