//! Reports on SLOs over a month, a quarter or another time.

mod data;
mod html;
mod json;
mod markdown;
mod render;
mod words;

pub use data::Report;
