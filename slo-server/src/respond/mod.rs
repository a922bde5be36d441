//! The work on incidents: the next actions are recorded and performed.

mod changes;
mod check;
mod counts;
mod engine;
mod shared;
mod step;
mod work;

pub use engine::Engine;
