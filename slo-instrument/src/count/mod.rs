//! Counting events: how each one ended, and how long it took.

mod cells;
mod classify;
mod edges;
mod end;
mod instrument;
mod labels;
mod local;
mod method;
mod names;
mod outcome;
mod reading;
mod series;
mod store;
mod stream;
mod twice;

use crate::{Kind, sync};

pub(crate) use classify::Circumstance;
pub use classify::{Class, Classify, Ended};
pub(crate) use edges::Edges;
#[cfg(feature = "native-histograms")]
pub(crate) use edges::{NATIVE_INDICES, NATIVE_SCHEMA, native_bound};
pub(crate) use end::End;
pub(crate) use instrument::{Instrument, OTHER, Shape, UNMATCHED};
pub(crate) use local::Ticket;
pub(crate) use method::{METHODS, Method};
pub use outcome::{GrpcStatus, Outcome};
pub(crate) use reading::Reading;
pub(crate) use series::{Key, Series};
pub(crate) use store::Store;
pub(crate) use stream::{SloCounter, Sums, why_not_counted};
pub(crate) use twice::{InnerRoute, Twice};
