//! Text to models, with every fault of a document at once.

mod alerting;
mod counter;
mod fields;
mod import;
mod lower;
mod native;
mod query;
mod selector;
mod sli;
mod tree;
mod write;

pub use import::{Document, read};
pub use native::{SCHEMA, parse};
pub use write::{write, write_alerting};
