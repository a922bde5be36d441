//! Runbooks: the choice for an episode, and whether each step may run.

mod action;
mod messages;
mod next;
mod parameter;
mod read;
#[expect(clippy::module_inception, reason = "the module of runbooks holds the runbook")]
mod runbook;
mod select;
mod steps;
mod when;

pub use action::{Action, Next, PastStart, Situation, Work};
pub use messages::send_again;
pub use next::next;
pub use parameter::{Parameter, ParameterSource, ParameterType, Pattern};
pub use read::read;
pub use runbook::{ApprovalRule, Check, Command, LogFiles, Remediation, Runbook, Runbooks, Step, Task};
pub use select::Choice;
pub use when::When;
