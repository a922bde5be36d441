//! Logs: templates of their lines, and what is unusual about a window.
//!
//! | step | from → to |
//! |---|---|
//! | [`Reader`] | bytes of a log → [`Record`]s |
//! | [`mask`] | a message → the message without what varies |
//! | [`Templates`] | messages → their templates, by Drain |
//! | [`Logs`] | records → templates, and their lines in bins of time |
//! | [`Logs::findings`] | a window and the time before → new, swollen and vanished templates |
//! | [`Logs::followers`] | bad events of an SLO → the templates whose lines come with them |

mod bins;
mod fields;
mod finding;
mod follow;
mod format;
mod judge;
mod log;
mod mask;
mod reader;
mod record;
mod template;
mod templates;
mod text;
mod when;

pub use finding::{Change, LogFinding, LogFindings};
pub use follow::Follower;
pub use format::LogFormat;
pub use judge::Comparison;
pub use log::{About, LogOptions, Logs};
pub use mask::mask;
pub use reader::{Reader, Seen};
pub use record::{Level, Record};
pub use template::{Template, TemplateId};
pub use templates::{Forgotten, Limits, Templates};
