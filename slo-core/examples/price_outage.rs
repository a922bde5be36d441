//! What an outage costs, and when it pages: the questions of a design review.
//!
//!     cargo run -p slo-core --example price_outage
#![allow(clippy::print_stdout, reason = "it prints its answers")]

use slo_core::{
    Error,
    math::{BurnRate, Outage, Tally},
    model::{AlertPolicy, Objective},
    stats::fewest_bad_events,
};

fn main() -> Result<(), Error> {
    let objective: Objective = "99.9%".parse()?;
    let seen = Tally::new(100_000, 250)?;
    if let Some(rate) = BurnRate::of(seen, objective) {
        println!("250 of 100,000 requests failed: the budget burns at {rate}");
    }
    let outage = Outage::new("0.2".parse()?)?;
    for tier in AlertPolicy::workbook().tiers() {
        match outage.detection(tier, objective)? {
            Some(detection) => {
                println!(
                    "a fifth of requests fails: the {} tier fires after {} s",
                    tier.burn(),
                    detection.fires_after
                );
            }
            None => println!("a fifth of requests fails: the {} tier never fires", tier.burn()),
        }
    }
    if let Some(fast) = AlertPolicy::workbook().tiers().first()
        && let Some(fewest) = fewest_bad_events(fast.factor()?, 0.001)?
    {
        println!("fewer than {fewest} failures say nothing");
    }
    Ok(())
}
