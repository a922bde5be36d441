//! Incidents: an append-only record, and everything that is computed from it.

mod cost;
mod entry;
mod episode;
#[expect(clippy::module_inception, reason = "the module of incidents holds the incident")]
mod incident;
mod listing;
mod message;
mod moments;
mod postmortem;
mod statistics;
mod step;
mod written;

pub use cost::Cost;
pub use entry::{Entry, Event, command_line};
pub use episode::{Counted, Episode, EpisodeState, Resolution, RunbookRun};
pub use incident::{Incident, LATE};
pub use listing::{Listed, ListedStep};
pub use message::{Message, MessageState, SendOutcome, Sent, Target};
pub use moments::{Moments, Stage};
pub use postmortem::postmortem;
pub use statistics::{AlertCounts, StageTimes};
pub use step::{Approval, Evidence, Output, StepInfo, StepKind, StepOutcome, StepRun, StepState};
pub use written::Written;
