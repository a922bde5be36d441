//! A job that runs again and again: each run is an event, good or bad.
//!
//!     cargo run -p slo-instrument --example job
#![allow(clippy::print_stdout, reason = "it prints what it has counted")]

use slo_instrument::{Events, Service};
use std::time::Duration;

/// Every tenth run fails.
async fn reindex(run: u32) -> Result<u32, String> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    if run.is_multiple_of(10) { Err(format!("run {run}: the index is locked")) } else { Ok(run) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service =
        Service::builder("search").counting(Events::operation("reindex")).availability("99%").install()?;
    for run in 1..=20 {
        if let Err(error) = service.track("reindex", reindex(run)).await {
            println!("{error}");
        }
    }
    // A runner of jobs without tower or axum serves this text under /metrics, or sends it with the feature `otlp`.
    for line in service.metrics().lines().filter(|line| line.starts_with("slo_bad_events_total")) {
        println!("{line}");
    }
    Ok(())
}
