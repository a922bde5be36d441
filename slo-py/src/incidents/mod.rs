//! `slo.incidents`: incidents from records and webhooks, and their runbooks.

mod episode;
mod incident;
mod runbooks;
mod times;
mod toil;

pub(crate) use episode::Episode;
pub(crate) use incident::{Incident, read_record, receive, redact};
pub(crate) use runbooks::Runbooks;
pub(crate) use times::{compare_stage, typical_stage};
pub(crate) use toil::toil_report;
