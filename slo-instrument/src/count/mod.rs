//! Counting requests: how each one ended, and how long it took.

mod collector;
mod edges;
mod outcome;
mod series;
mod store;
mod stream;

pub use collector::Collector;
pub(crate) use edges::Edges;
pub(crate) use outcome::Outcome;
pub(crate) use store::{Route, Store};
pub(crate) use stream::SloCounter;
