//! `slo.Samples`: counts of events over time.

mod class;
mod columns;
mod findings;
mod merging;
mod spans;
mod table;

pub(crate) use class::{_restored, Samples};
pub(crate) use columns::Source;

pub(crate) use merging::merge;
pub(crate) use spans::spans;
pub(crate) use table::{Gaps, begins, table_of_many};
