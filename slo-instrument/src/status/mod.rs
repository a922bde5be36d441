//! The pages of a service: metrics for Prometheus, status for people and programs.

mod page;
mod report;
#[cfg(feature = "axum")]
mod routes;
#[cfg(feature = "axum")]
mod scrape;

pub use page::status_page;
pub use report::StatusReport;
#[cfg(feature = "axum")]
pub use routes::status_routes;
