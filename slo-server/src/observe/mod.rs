//! What is shown of SLOs, asked of Prometheus once for all who look.

mod cell;
mod flavour;
mod observer;
mod overview;
mod past;
mod report;
mod source;

pub(crate) use cell::{Cell, Fetch, Kept};
pub(crate) use observer::{LAST, Observer, Place};
pub(crate) use overview::Overview;
pub(crate) use report::Reports;
