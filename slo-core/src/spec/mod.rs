//! Parses specifications into models, and reports every fault of a document at once.

mod alerting;
mod counter;
#[cfg(feature = "artifact")]
mod custom_resource;
mod defaults;
mod import;
mod labels;
mod lower;
mod native;
mod parsed;
mod percent;
mod policy;
mod query;
mod selector;
mod sli;
mod template;
mod write;

#[cfg(feature = "artifact")]
pub use custom_resource::custom_resource_definition;
pub use defaults::Defaults;
pub use import::{Document, Loss, LossKind, holds_specification, read, read_with};
pub use native::{SCHEMA, parse};
pub use selector::matchers;
pub use write::{write, write_alerting};
