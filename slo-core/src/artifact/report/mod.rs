//! Reports on SLOs over a month, a quarter or another time.

mod data;
mod html;
mod json;
mod markdown;
mod policy;
mod question;
mod render;
mod source;
mod span;
mod words;

pub use data::Report;
pub use source::{RecordedSource, TakePoint};
pub use span::ReportSpan;
