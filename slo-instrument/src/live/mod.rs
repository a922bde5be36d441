//! The live error budget of the process.

mod budget;
mod state;
mod ticker;

pub(crate) use budget::LiveBudget;
pub use state::{SloStatus, State, TierStatus, WindowStatus};
pub(crate) use ticker::Ticker;
