//! Text to models, with every fault of a document at once.

mod fields;
mod lower;
mod native;
mod query;
mod tree;

pub use native::{SCHEMA, parse};
