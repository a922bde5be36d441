//! Replaying thirty days of alerts, next to the time it takes to read the history at all.
//!
//! Prints the fastest of several runs: a replay has no reason to be slower but the machine's.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking, and prints")]

use slo_core::{
    math::{PeriodBudget, Tally},
    model::{AlertPolicy, Objective, Ratio, Timestamp, Window},
    replay::{AlertRule, Barcode, Series, alerts, incidents},
};
use std::{hint::black_box, thread, time::Instant};

/// Total and bad events of one SLO, step by step.
struct History {
    total: Vec<u64>,
    bad: Vec<u64>,
}

/// Thirty days with a daily rhythm, errors at half the budget, and an outage every fifth day.
fn history(step: u64, seed: u64) -> History {
    let steps = 30 * 86_400 / step;
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let (mut total, mut bad) = (Vec::new(), Vec::new());
    for index in 0..steps {
        let second = index * step;
        let hour = second / 3_600 % 24;
        let requests = step * (60 + 40 * hour.min(24 - hour)) + random() % (step * 8);
        let outage = second % (5 * 86_400) / 600 == 300 + seed % 100;
        let errors = if outage { requests / 20 } else { u64::from(random() % 1_000 < requests / 2) };
        total.push(requests);
        bad.push(errors.min(requests));
    }
    History { total, bad }
}

/// The floor: nothing is faster than adding up both columns.
fn read(histories: &[History]) -> u64 {
    let sum = |column: &[u64]| column.iter().fold(0_u64, |sum, value| sum.wrapping_add(*value));
    histories
        .iter()
        .map(|history| sum(&history.total).wrapping_add(sum(&history.bad)))
        .fold(0, u64::wrapping_add)
}

/// Four tiers, eight windows, every step, exactly: the number of alerts.
fn replay(histories: &[History], step: Window, objective: Objective) -> usize {
    let policy = AlertPolicy::workbook();
    let rules: Vec<_> =
        policy.tiers().iter().map(|tier| AlertRule::of_tier(tier, objective).unwrap()).collect();
    let mut fired = 0;
    for history in histories {
        let series = Series::new(Timestamp::EPOCH, step, &history.total, &history.bad).unwrap();
        fired += rules.iter().map(|rule| alerts(&series, rule, 1).unwrap().len()).sum::<usize>();
    }
    fired
}

/// `work` on two threads.
fn halves<T: Send>(histories: &[History], work: impl Fn(&[History]) -> T + Sync) -> (T, T) {
    let (one, two) = histories.split_at(histories.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| work(two));
        let mine = work(one);
        (mine, other.join().unwrap())
    })
}

/// The fastest of some runs, in nanoseconds per step.
fn fastest<T>(steps: usize, mut work: impl FnMut() -> T) -> f64 {
    let runs = (400_000_000 / steps).clamp(3, 200);
    let time = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e9 / steps as f64
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let objective = "99.9%".parse().unwrap();
    println!("| 30 days, four tiers | read both columns | replay | of the floor | steps per second |");
    println!("|---|---|---|---|---|");
    for (seconds, slos) in [(15, 1), (15, 100), (1, 1), (1, 100)] {
        let step = Window::seconds(seconds);
        let histories: Vec<History> = (0..slos).map(|seed| history(seconds, seed)).collect();
        let steps = histories.iter().map(|history| history.total.len()).sum();
        let row = |name: &str, floor: f64, ours: f64| {
            let per_second = 1e9 / ours;
            println!(
                "| {seconds} s, {name} | {floor:.2} ns | {ours:.2} ns | {:.2} | {per_second:.2e} |",
                ours / floor
            );
        };
        let floor = fastest(steps, || read(black_box(&histories)));
        row(
            if slos == 1 { "1 SLO" } else { "100 SLOs" },
            floor,
            fastest(steps, || replay(black_box(&histories), step, objective)),
        );
        if slos > 1 {
            let floor = fastest(steps, || halves(black_box(&histories), read));
            row(
                "100 SLOs, two threads",
                floor,
                fastest(steps, || halves(&histories, |half| replay(half, step, objective))),
            );
        }
    }
    sweep(objective);
}

/// What the search for a policy is made of.
fn sweep(objective: Objective) {
    let history = history(60, 1);
    let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &history.total, &history.bad).unwrap();
    let curve: Vec<Option<f64>> = series
        .error_ratios(60)
        .zip(series.error_ratios(5))
        .map(|(long, short)| Some(long?.min(short?)))
        .collect();
    let steps = curve.len();
    let barcode = fastest(steps, || Barcode::new(curve.iter().copied()).unwrap());
    let budget = PeriodBudget::new(objective, series.total().total()).unwrap();
    let segments = fastest(steps, || incidents(&series, budget, Ratio::ONE, 0.01).unwrap().len());
    let window = fastest(1_000, || {
        (0..1_000).map(|end| series.window(43 * end, 1_440)).fold(Tally::EMPTY, |_, one| one)
    });
    println!();
    println!("| 30 days of minutes | per step |");
    println!("|---|---|");
    println!("| barcode: alerts at every threshold | {barcode:.0} ns |");
    println!("| incidents | {segments:.1} ns |");
    println!("| tally of any window | {window:.0} ns |");
}
