//! Messages to people, within the limits of `PagerDuty` and Slack.

mod pagerduty;
mod signature;
mod slack;
mod summary;
mod text;

pub use pagerduty::{PAGERDUTY_LARGEST, PagerDuty};
pub use signature::{Signature, pagerduty_signature, slack_signature};
pub use slack::{Slack, SlackButton};
pub use summary::{Link, Summary};
pub use text::{cut, slack_text};
