//! Reports: how SLOs did in a month, a quarter, or any other time.

mod data;
mod html;
mod json;
mod markdown;
mod render;
mod words;

pub use data::Report;
