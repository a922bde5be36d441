//! How often a guard stops a healthy experiment, and how soon it stops one that is broken; beside a burn-rate threshold over a
//! minute.
//!
//!     cargo bench -p slo-benches --bench guard
//!
//! The objective is 99.9 %, and a burn rate of 14.4 is tolerated. Both look every second for ten minutes.

#![allow(clippy::cast_precision_loss, clippy::indexing_slicing, clippy::print_stdout, clippy::unwrap_used)]

use slo_core::{
    math::{PeriodBudget, Tally},
    model::{Timestamp, Window},
    stats::{Confidence, clopper_pearson},
};
use slo_ops::experiment::{Experiment, Guard, Ruling, Stop, read};
use std::collections::VecDeque;

const RUNS: u64 = 1_000;
const LOOKS: u64 = 600;
/// The threshold's window, in looks.
const WINDOW: usize = 60;
const TOLERATED: f64 = 0.0144;

fn experiment(confidence: &str) -> Experiment {
    read(&format!(
        "{{version: slo-experiment/v1, name: simulated, hypothesis: [{{slo: a/b, tolerated_burn_rate: 14.4}}],
          fault: {{stop: {{pid_file: x}}}}, limits: {{spend: 100%, duration: 10m}}, guard: {{confidence: {confidence}}}}}"
    ))
    .unwrap()
}

/// When each stopped, in seconds, and how many events had failed by then.
#[derive(Clone, Copy)]
struct Stopped {
    seconds: u64,
    failed: u64,
}

/// One run: when the guard stopped, and when the threshold did.
fn run(experiment: &Experiment, rate: f64, share: f64, seed: u64) -> [Option<Stopped>; 2] {
    // So many events in a period that the cap on spend plays no part.
    let budget = PeriodBudget::new("99.9%".parse().unwrap(), 1_000_000_000_000).unwrap();
    let start = Timestamp::from_seconds(0);
    let mut guard = Guard::new(experiment, &[budget], start).unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut seen, mut recent) = (Tally::EMPTY, VecDeque::new());
    let mut stopped = [None; 2];
    // The minute before was healthy.
    for _ in 0..WINDOW {
        let total = poisson(&mut random, rate);
        recent.push_back((total, (0..total).filter(|_| random.f64() < TOLERATED / 2.0).count() as u64));
    }
    for second in 1..=LOOKS {
        let total = poisson(&mut random, rate);
        let bad = (0..total).filter(|_| random.f64() < share).count() as u64;
        seen = seen.checked_add(Tally::new(total, bad).unwrap()).unwrap();
        recent.push_back((total, bad));
        recent.pop_front();
        let now = Stopped { seconds: second, failed: seen.bad() };
        let at = start.after_steps(Window::from_millis(1_000).unwrap(), usize::try_from(second).unwrap());
        if stopped[0].is_none() && matches!(guard.look(at, &[Some(seen)]), Ruling::Stop(Stop::Broken { .. }))
        {
            stopped[0] = Some(now);
        }
        let of_window = recent.iter().fold((0, 0), |sum, second| (sum.0 + second.0, sum.1 + second.1));
        if stopped[1].is_none() && of_window.1 as f64 > TOLERATED * of_window.0 as f64 {
            stopped[1] = Some(now);
        }
        if stopped.iter().all(Option::is_some) {
            break;
        }
    }
    stopped
}

/// A number of events, by counting those that come in a second (Knuth).
fn poisson(random: &mut fastrand::Rng, rate: f64) -> u64 {
    let (limit, mut product, mut count) = ((-rate).exp(), random.f64(), 0);
    while product > limit {
        product *= random.f64();
        count += 1;
    }
    count
}

fn median(mut of: Vec<u64>) -> String {
    of.sort_unstable();
    of.get(of.len() / 2).map_or_else(|| "–".to_owned(), u64::to_string)
}

fn main() {
    let experiment = experiment("99%");
    println!(
        "healthy, at half of the tolerated error ratio: stopped for nothing in {RUNS} runs of {LOOKS} looks (alpha 1 %)"
    );
    println!("| events per second | guard | at most (95 %) | threshold over a minute |");
    println!("|---|---|---|---|");
    for rate in [1.0, 5.0, 50.0] {
        let runs: Vec<_> = (0..RUNS).map(|seed| run(&experiment, rate, TOLERATED / 2.0, seed)).collect();
        let stopped = |which: usize| runs.iter().filter(|run| run[which].is_some()).count() as u64;
        let tally = Tally::new(RUNS, stopped(0)).unwrap();
        let high = clopper_pearson(tally, Confidence::P95).unwrap().high();
        println!(
            "| {rate} | {:.1} % | {:.1} % | {:.1} % |",
            100.0 * stopped(0) as f64 / RUNS as f64,
            100.0 * high,
            100.0 * stopped(1) as f64 / RUNS as f64
        );
    }
    println!(
        "\nbroken: the share of runs that were stopped, and the median of seconds and of failed events until then"
    );
    println!("| events per second | error ratio | guard | seconds | failed | threshold | seconds | failed |");
    println!("|---|---|---|---|---|---|---|---|");
    for rate in [1.0, 5.0, 50.0] {
        for share in [2.0 * TOLERATED, 5.0 * TOLERATED, 0.25, 1.0] {
            let runs: Vec<_> = (0..RUNS).map(|seed| run(&experiment, rate, share, RUNS + seed)).collect();
            let cells = |which: usize| {
                let found: Vec<Stopped> = runs.iter().filter_map(|run| run[which]).collect();
                format!(
                    "{:.1} % | {} | {}",
                    100.0 * found.len() as f64 / RUNS as f64,
                    median(found.iter().map(|stopped| stopped.seconds).collect()),
                    median(found.iter().map(|stopped| stopped.failed).collect())
                )
            };
            println!("| {rate} | {:.1} % | {} | {} |", 100.0 * share, cells(0), cells(1));
        }
    }
}
