//! The live error budget of the process.

mod budget;
mod handle;
mod state;
mod ticker;

pub(crate) use budget::LiveBudget;
pub use handle::Budget;
pub use state::{SloStatus, State, TierStatus, WindowStatus};
pub(crate) use ticker::Ticker;
