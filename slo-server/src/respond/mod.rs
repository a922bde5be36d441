//! Incidents, worked on: what the record says is to be done next is done, and written down.

mod check;
mod counts;
mod engine;
mod owner;
mod shared;
mod step;
mod work;

pub use engine::Engine;
