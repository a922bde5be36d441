//! Customers, who come by chance and do not wait for each other.

use crate::client::Client;
use std::{error::Error, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How long a customer waits.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn customers(of: &str, rate: u32) -> Result<(), Box<dyn Error>> {
    let client = Client::new(PATIENCE);
    let url = format!("http://{of}/checkout");
    let mean = 1.0 / f64::from(rate.max(1));
    let mut next = Instant::now();
    loop {
        // Poisson arrivals.
        next += Duration::from_secs_f64(-mean * (1.0 - fastrand::f64()).ln());
        sleep_until(next).await;
        let (client, url) = (client.clone(), url.clone());
        // The balancer counts what comes of it.
        tokio::spawn(async move { client.get(&url).await });
    }
}
