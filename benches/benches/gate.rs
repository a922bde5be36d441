//! How often a gate errs, and how long it takes; beside thresholds as Flagger and Argo Rollouts have them, on the same events.
//!
//!     cargo bench -p slo-benches --bench gate
//!
//! The objective is 99.9 %. A new version gets a tenth of the traffic.

#![allow(clippy::cast_precision_loss, clippy::indexing_slicing, clippy::print_stdout, clippy::unwrap_used)]

use slo_core::{
    math::Tally,
    stats::{Confidence, ReleaseRules, ReleaseTest, ReleaseVerdict, clopper_pearson},
};

const RUNS: u64 = 1_000;
/// Runs with targets that are scraped one by one.
const SCRAPED_RUNS: u64 = 400;
/// A look every 15 seconds, for 30 minutes.
const LOOK: u64 = 15;
const LOOKS: u64 = 120;
/// A threshold is compared once a minute, with the errors of that minute.
const LOOKS_A_MINUTE: u64 = 4;
/// Between the good error ratio of 0.1 % and the harmful one of 0.6 %.
const THRESHOLD: f64 = 0.0025;
/// Flagger's example: five failed checks roll back, ten good ones promote.
const FAILED_CHECKS: u64 = 5;
const GOOD_CHECKS: u64 = 10;
/// Argo Rollouts' example: ten measurements, of which three may fail.
const MEASUREMENTS: u64 = 10;
const FAILURE_LIMIT: u64 = 3;

/// A verdict, and the minutes until it.
type Found = Option<(bool, f64)>;

/// How the error ratio of both versions goes on, by the look.
struct Course {
    new: f64,
    old: f64,
    /// The error ratio that both have in the third and fourth minute, in place of theirs.
    outage: Option<f64>,
}

/// The verdicts of: the gate against the objective, the gate beside the old version, Flagger, Argo Rollouts.
fn run(test: &ReleaseTest, rate: f64, course: &Course, seed: u64) -> [Found; 4] {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut found: [Found; 4] = [None; 4];
    let (mut all, mut steps, mut minute) = (Tally::EMPTY, Vec::new(), Tally::EMPTY);
    let (mut failed, mut passed, mut measured, mut failures) = (0, 0, 0, 0);
    for look in 1..=LOOKS {
        let in_outage = course.outage.filter(|_| (9..=16).contains(&look));
        let mut draw = |events: f64, ratio: f64| {
            let total = poisson(&mut random, events * LOOK as f64);
            let bad = binomial(&mut random, total, in_outage.unwrap_or(ratio));
            Tally::new(total, bad).unwrap()
        };
        let new = draw(rate, course.new);
        let old = draw(rate * 9.0, course.old);
        all = all.checked_add(new).unwrap();
        minute = minute.checked_add(new).unwrap();
        steps.push((old, new));
        let minutes = look as f64 / LOOKS_A_MINUTE as f64;
        for (which, finding) in
            [test.alone(all), test.beside(steps.iter().copied()).unwrap()].into_iter().enumerate()
        {
            if found[which].is_none() {
                found[which] = match finding.verdict {
                    ReleaseVerdict::Pass => Some((true, minutes)),
                    ReleaseVerdict::Fail => Some((false, minutes)),
                    ReleaseVerdict::Inconclusive { .. } => None,
                };
            }
        }
        if look % LOOKS_A_MINUTE == 0 {
            // Without events, both see a check that failed.
            let is_good = minute.error_ratio().is_some_and(|ratio| ratio <= THRESHOLD);
            minute = Tally::EMPTY;
            if found[2].is_none() {
                (failed, passed) = (failed + u64::from(!is_good), passed + u64::from(is_good));
                if failed >= FAILED_CHECKS {
                    found[2] = Some((false, minutes));
                } else if passed >= GOOD_CHECKS {
                    found[2] = Some((true, minutes));
                }
            }
            if found[3].is_none() {
                (measured, failures) = (measured + 1, failures + u64::from(!is_good));
                if failures > FAILURE_LIMIT {
                    found[3] = Some((false, minutes));
                } else if measured >= MEASUREMENTS {
                    found[3] = Some((true, minutes));
                }
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found
}

/// A number of events of this mean.
fn poisson(random: &mut fastrand::Rng, mean: f64) -> u64 {
    // In parts, so that the product does not vanish.
    let parts = (mean / 50.0).ceil().max(1.0);
    let (limit, mut count) = ((-mean / parts).exp(), 0);
    let mut part = 0.0;
    while part < parts {
        let mut product = random.f64();
        while product > limit {
            product *= random.f64();
            count += 1;
        }
        part += 1.0;
    }
    count
}

/// How many of so many events are bad, by skipping from one bad event to the next.
fn binomial(random: &mut fastrand::Rng, total: u64, ratio: f64) -> u64 {
    if ratio <= 0.0 {
        return 0;
    }
    let (mut at, mut bad) = (0.0, 0);
    loop {
        at += 1.0 + (random.f64().max(f64::MIN_POSITIVE).ln() / (-ratio).ln_1p()).floor();
        if at > total as f64 {
            return bad;
        }
        bad += 1;
    }
}

/// Whether a good version fails, if both versions suffer from an outage, and each target is scraped at a moment of its own: so many
/// old and new ones, with so many events a second each.
fn fails_by_scrapes(test: &ReleaseTest, (old, new): (usize, usize), rate: f64, seed: u64) -> bool {
    let mut random = fastrand::Rng::with_seed(seed);
    let seconds = usize::try_from((LOOKS + 2) * LOOK).unwrap();
    let began = random.usize(300..900);
    let ended = began + random.usize(30..240);
    // The events of a version in each step, by its targets' last scrapes.
    let mut counted = |targets: usize| {
        let mut steps = vec![Tally::EMPTY; usize::try_from(LOOKS).unwrap()];
        for _ in 0..targets {
            let offset = random.usize(0..usize::try_from(LOOK).unwrap());
            let (mut sum, mut sums) = (Tally::EMPTY, vec![Tally::EMPTY]);
            for second in 0..seconds {
                let total = poisson(&mut random, rate);
                let ratio = if (began..ended).contains(&second) { 0.3 } else { 0.0005 };
                let bad = binomial(&mut random, total, ratio);
                sum = sum.checked_add(Tally::new(total, bad).unwrap()).unwrap();
                sums.push(sum);
            }
            let look = usize::try_from(LOOK).unwrap();
            let known = |step: usize| sums[(step + 1) * look - look + offset];
            for (index, step) in steps.iter_mut().enumerate() {
                *step = step.checked_add(known(index + 1).since(known(index)).unwrap()).unwrap();
            }
        }
        steps
    };
    let steps: Vec<(Tally, Tally)> = counted(old).into_iter().zip(counted(new)).collect();
    (1..=steps.len()).any(|looked| {
        let found = test.beside(steps.iter().take(looked).copied()).unwrap();
        found.verdict == ReleaseVerdict::Fail
    })
}

fn cell(runs: &[[Found; 4]], which: usize) -> String {
    let share = |is: bool| {
        let count =
            runs.iter().filter(|run| run[which].is_some_and(|(passed, _)| passed == is)).count() as u64;
        (count, 100.0 * count as f64 / RUNS as f64)
    };
    let mut minutes: Vec<f64> =
        runs.iter().filter_map(|run| run[which].map(|(_, minutes)| minutes)).collect();
    minutes.sort_by(f64::total_cmp);
    let median =
        minutes.get(minutes.len() / 2).map_or_else(|| "–".to_owned(), |minutes| format!("{minutes:.1} min"));
    format!("{:.1} % / {:.1} % | {median}", share(true).1, share(false).1)
}

fn main() {
    let test = ReleaseTest::new("99.9%".parse().unwrap(), ReleaseRules::default()).unwrap();
    println!("{RUNS} releases for each row: passed / failed, and the median time of a verdict");
    println!(
        "| events per second | error ratio | gate, objective | time | gate, beside | time | Flagger | time | Argo Rollouts | time |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut worst = (0, 0);
    for rate in [0.0, 1.0, 10.0, 100.0] {
        for ratio in [0.0005, 0.001, 0.006, 0.02, 0.1] {
            if rate == 0.0 && ratio > 0.0005 {
                continue;
            }
            let course = Course { new: ratio, old: 0.0005, outage: None };
            let runs: Vec<_> = (0..RUNS).map(|seed| run(&test, rate, &course, seed)).collect();
            let count = |passed: bool| {
                let of = |which: usize| {
                    runs.iter().filter(|run| run[which].is_some_and(|(found, _)| found == passed)).count()
                        as u64
                };
                of(0).max(of(1))
            };
            if ratio <= 0.001 {
                worst.0 = worst.0.max(count(false));
            } else {
                worst.1 = worst.1.max(count(true));
            }
            let cells: Vec<String> = (0..4).map(|which| cell(&runs, which)).collect();
            println!("| {rate} | {:.2} % | {} |", 100.0 * ratio, cells.join(" | "));
        }
    }
    let high = |count: u64| {
        100.0 * clopper_pearson(Tally::new(RUNS, count).unwrap(), Confidence::P95).unwrap().high()
    };
    println!(
        "the gate's worst rows: good versions failed {:.1} % (at most {:.1} %, 95 % confidence), harmful ones passed {:.1} % (at most {:.1} %)",
        100.0 * worst.0 as f64 / RUNS as f64,
        high(worst.0),
        100.0 * worst.1 as f64 / RUNS as f64,
        high(worst.1)
    );
    println!(
        "\na good version, and a dependency that fails 30 % of all requests for two minutes, of both versions"
    );
    println!(
        "| events per second | gate, objective | time | gate, beside | time | Flagger | time | Argo Rollouts | time |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for rate in [1.0, 10.0, 100.0] {
        let course = Course { new: 0.0005, old: 0.0005, outage: Some(0.3) };
        let runs: Vec<_> = (0..RUNS).map(|seed| run(&test, rate, &course, seed)).collect();
        let cells: Vec<String> = (0..4).map(|which| cell(&runs, which)).collect();
        println!("| {rate} | {} |", cells.join(" | "));
    }
    println!(
        "\na good version and an outage of both, whose targets are scraped at different moments: the share that failed"
    );
    println!("| old targets | new targets | events per second and target | failed |");
    println!("|---|---|---|---|");
    for (old, new, rate) in [(9, 1, 10.0), (1, 1, 10.0), (3, 1, 50.0)] {
        let failed =
            (0..SCRAPED_RUNS).filter(|seed| fails_by_scrapes(&test, (old, new), rate, *seed)).count();
        println!("| {old} | {new} | {rate} | {:.1} % |", 100.0 * failed as f64 / SCRAPED_RUNS as f64);
    }
}
