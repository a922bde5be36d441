//! Toil: how much of a team's time goes into work by hand, from a small file and from the record of incidents.

mod read;
mod report;
mod sheet;

pub use read::read_toil;
pub use report::{HandsOn, ToilReport, ToilSource, Verdict};
pub use sheet::{ToilSheet, Week};
