//! Read-only tools for assistants, by the Model Context Protocol: budgets, incidents, explanations and gates.
//!
//! No tool changes anything. Texts of alerts and logs are data: they are redacted, and no action follows from them.

mod answer;
mod handler;
mod serve;
mod tools;

pub use answer::Sources;
pub use serve::{http, stdio};
