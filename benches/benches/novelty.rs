//! How often a look at quiet logs finds something, and how soon a look finds a fault; beside what is often done by hand.
//!
//!     cargo bench -p slo-benches --bench novelty
//!
//! A look every five minutes at the last fifteen, compared with the week before. By hand: any template that was never seen, and any
//! whose lines are three standard deviations above their mean.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use slo_core::model::{Timestamp, Window};
use slo_ops::logs::{Change, Comparison, Level, LogFindings, LogOptions, Logs, Record};
use std::f64::consts::TAU;

/// The message of a new error.
const FAILED: &str = "zzz cannot reach the database";
const MINUTE: i64 = 60;
const DAY: i64 = 1_440 * MINUTE;
const WEEK: i64 = 7 * DAY;
const STEP: i64 = 5 * MINUTE;
const WINDOW: i64 = 15 * MINUTE;
/// Quiet weeks that are looked at, after one that is only learned from.
const WEEKS: i64 = 4;
const FAULTS: u64 = 40;
/// The probability of a false alarm of one look, of 2,016 looks a week.
const PER_LOOK: f64 = 0.001;

/// How a kind of lines comes.
#[derive(Clone, Copy)]
enum Kind {
    /// Independent lines.
    Steady,
    /// More by day than by night: the amplitude, from 0 to 1.
    Daily(f64),
    /// Lines in bursts of so many on average.
    Bursts(f64),
    /// So many lines at a fixed minute of each period, in minutes.
    Job(i64, u64),
    /// Good and bad half-hours: so many times as many lines in one of ten.
    Moods(f64),
    /// From this time on only: code that is rarely reached.
    Rare(i64),
}

struct Statement {
    kind: Kind,
    /// Lines in a minute.
    rate: f64,
    level: Level,
    message: String,
}

/// The statements of a service.
fn service(random: &mut fastrand::Rng, until: i64) -> Vec<Statement> {
    let mut all: Vec<Statement> = (0..120)
        .map(|number| {
            let rate = 10.0 * (2.5 * normal(random) - 2.0).exp().min(8.0);
            let kind = match number % 6 {
                0 | 1 => Kind::Steady,
                2 => Kind::Daily(random.f64() * 0.9),
                3 => Kind::Bursts(2.0 + 10.0 * random.f64()),
                4 => Kind::Moods(1.0 + 5.0 * random.f64()),
                _ => Kind::Job([60, 360, 1_440][number % 3], random.u64(1..40)),
            };
            let level = if number % 10 == 0 { Level::Error } else { Level::Info };
            Statement { kind, rate, level, message: words(number) }
        })
        .collect();
    // Code that is reached for the first time: one statement a day.
    for number in 0..usize::try_from(until / DAY).unwrap() {
        let from = random.i64(0..until);
        let level = if number % 10 == 0 { Level::Error } else { Level::Info };
        all.push(Statement {
            kind: Kind::Rare(from),
            rate: 0.01 * random.f64(),
            level,
            message: words(1_000 + number),
        });
    }
    all
}

/// A message that no other statement has.
fn words(number: usize) -> String {
    let word = |factor: usize| -> String {
        let number = (number + 1) * factor % 99_991;
        format!("{number}").bytes().map(|digit| char::from(b'a' + digit - b'0')).collect()
    };
    format!("{} {} {} {} done", word(1), word(7_919), word(31), word(641))
}

impl Statement {
    fn lines(&self, minute: i64, mood: &mut bool, random: &mut fastrand::Rng) -> u64 {
        let at = minute * MINUTE;
        match self.kind {
            Kind::Daily(amplitude) => {
                poisson(random, self.rate * (1.0 + amplitude * (TAU * at as f64 / DAY as f64).sin()))
            }
            Kind::Bursts(size) => {
                (0..poisson(random, self.rate / size)).map(|_| 1 + poisson(random, size - 1.0)).sum()
            }
            Kind::Job(period, lines) => {
                if minute % period == 7 {
                    lines + poisson(random, 2.0)
                } else {
                    0
                }
            }
            Kind::Moods(factor) => {
                if minute % 30 == 0 {
                    *mood = random.f64() < 0.1;
                }
                poisson(random, if *mood { self.rate * factor } else { self.rate })
            }
            Kind::Rare(from) if at < from => 0,
            Kind::Rare(from) if at < from + MINUTE => 1,
            Kind::Steady | Kind::Rare(_) => poisson(random, self.rate),
        }
    }
}

#[derive(Clone, Copy)]
enum Fault {
    /// A new error, with so many lines in a minute.
    New(f64),
    /// So many times as many lines of a usual statement.
    Swollen(f64),
    /// No more lines of a usual statement.
    Vanished,
}

struct Simulation {
    logs: Logs,
    statements: Vec<Statement>,
    moods: Vec<bool>,
    random: fastrand::Rng,
}

impl Simulation {
    fn new(seed: u64, until: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let statements = service(&mut random, until);
        let options = LogOptions { bin: Window::minutes(5), ..LogOptions::default() };
        Self { logs: Logs::new(options).unwrap(), moods: vec![false; statements.len()], statements, random }
    }

    /// Writes the lines of five minutes; `fault` is of the statement with this number.
    fn write(&mut self, from: i64, fault: Option<(Fault, usize)>) {
        for minute in from / MINUTE..(from + STEP) / MINUTE {
            for at in 0..self.statements.len() {
                let statement = &self.statements[at];
                let mut lines = statement.lines(minute, &mut self.moods[at], &mut self.random);
                if let Some((fault, number)) = fault
                    && number == at
                {
                    match fault {
                        Fault::Swollen(factor) => {
                            lines += poisson(&mut self.random, statement.rate * (factor - 1.0));
                        }
                        Fault::Vanished => lines = 0,
                        Fault::New(_) => {}
                    }
                }
                add(&mut self.logs, minute, statement.level, &statement.message, lines);
            }
            if let Some((Fault::New(rate), _)) = fault {
                let lines = poisson(&mut self.random, rate);
                add(&mut self.logs, minute, Level::Error, FAILED, lines);
            }
        }
    }

    fn look(&self, now: i64, false_alarms: f64) -> LogFindings {
        let at = Timestamp::from_seconds;
        self.logs
            .findings(Comparison {
                from: at(now - WINDOW),
                to: at(now),
                baseline: Some(at(now - WINDOW - WEEK)),
                false_alarms,
            })
            .unwrap()
    }

    /// Whether a look by hand finds anything, or this template.
    fn by_hand(&self, now: i64, only: Option<&str>) -> bool {
        let (from, week) =
            (Timestamp::from_seconds(now - WINDOW), Timestamp::from_seconds(now - WINDOW - WEEK));
        self.logs.templates().any(|(template, about)| {
            if only.is_some_and(|only| template.to_string() != only) {
                return false;
            }
            let (mut lines, mut windows, mut before) = (0.0, vec![0.0; (WEEK / WINDOW) as usize], false);
            for (time, count) in self.logs.counts(about) {
                if time >= from {
                    lines += f64::from(count);
                } else {
                    before = true;
                    if time >= week {
                        windows[((time.as_millis() - week.as_millis()) / (WINDOW * 1_000)) as usize] +=
                            f64::from(count);
                    }
                }
            }
            let mean = windows.iter().sum::<f64>() / windows.len() as f64;
            let variance =
                windows.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / windows.len() as f64;
            lines > 0.0 && (!before || lines > mean + 3.0 * variance.sqrt())
        })
    }
}

fn add(logs: &mut Logs, minute: i64, level: Level, message: &str, lines: u64) {
    let record = Record {
        time: Some(Timestamp::from_seconds(minute * MINUTE)),
        level: Some(level),
        message: message.into(),
    };
    for _ in 0..lines {
        logs.add(&record);
    }
}

fn main() {
    let until = (WEEKS + 1) * WEEK;
    let mut quiet = Simulation::new(1, until);
    let (mut counts, mut looks) = ([0_u64; 4], 0);
    for from in (0..until).step_by(STEP as usize) {
        quiet.write(from, None);
        let now = from + STEP;
        if now >= WEEK + WINDOW {
            looks += 1;
            let found = quiet.look(now, PER_LOOK);
            let significant =
                |change| found.findings.iter().any(|one| one.significant && one.change == change);
            for (count, change) in counts.iter_mut().zip([Change::New, Change::Swollen, Change::Vanished]) {
                *count += u64::from(significant(change));
            }
            if now % (12 * STEP) == 0 {
                counts[3] += 12 * u64::from(quiet.by_hand(now, None));
            }
        }
    }
    println!(
        "{looks} looks at {WEEKS} quiet weeks, {} templates, {} lines",
        quiet.logs.templates().count(),
        quiet.logs.lines()
    );
    println!(
        "looks with a false alarm in {WEEKS} weeks: new {}, swollen {}, vanished {}; by hand about {} ({:.0} %)",
        counts[0],
        counts[1],
        counts[2],
        counts[3],
        100.0 * counts[3] as f64 / f64::from(looks)
    );
    let faults = [
        ("a new error, 1 line in 2 minutes", Fault::New(0.5)),
        ("a new error, 5 lines a minute", Fault::New(5.0)),
        ("a usual statement, 3 times as many lines", Fault::Swollen(3.0)),
        ("a usual statement, 10 times as many lines", Fault::Swollen(10.0)),
        ("a usual statement, no more lines", Fault::Vanished),
    ];
    for (name, fault) in faults {
        let mut found: Vec<f64> = Vec::new();
        let mut by_hand: Vec<f64> = Vec::new();
        for seed in 0..FAULTS {
            let mut simulation = Simulation::new(100 + seed, WEEK + DAY);
            let begins = WEEK + STEP * (seed.cast_signed() * 7 % 200);
            for from in (0..begins).step_by(STEP as usize) {
                simulation.write(from, None);
            }
            // A statement with at least a line in two minutes, that is no job.
            let usual: Vec<usize> =
                (0..120).filter(|at| simulation.statements[*at].rate > 0.5 && at % 6 != 5).collect();
            let number = usual[seed as usize % usual.len()];
            let faulty = match fault {
                Fault::New(_) => FAILED.to_owned(),
                _ => simulation.statements[number].message.clone(),
            };
            let (mut ours, mut theirs) = (None, None);
            for step in 0..12 {
                let from = begins + step * STEP;
                simulation.write(from, Some((fault, number)));
                let now = from + STEP;
                let minutes = ((now - begins) / MINUTE) as f64;
                let look = simulation.look(now, PER_LOOK);
                if ours.is_none() && look.findings.iter().any(|one| one.significant && one.text == faulty) {
                    ours = Some(minutes);
                }
                if theirs.is_none() && simulation.by_hand(now, Some(&faulty)) {
                    theirs = Some(minutes);
                }
            }
            found.extend(ours);
            by_hand.extend(theirs);
        }
        println!("{name}: {}; by hand {}", told(found), told(by_hand));
    }
}

fn told(mut minutes: Vec<f64>) -> String {
    minutes.sort_by(f64::total_cmp);
    let found = minutes.len();
    let at = |share: f64| {
        minutes
            .get((share * FAULTS as f64) as usize)
            .map_or("never".to_owned(), |minutes| format!("{minutes:.0} min"))
    };
    format!(
        "found within an hour {found} of {FAULTS}, half of them within {}, 90 % within {}",
        at(0.5),
        at(0.9)
    )
}

fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (TAU * random.f64()).cos()
}

/// A number of lines: in parts, since the exponential of a large rate is 0.
fn poisson(random: &mut fastrand::Rng, rate: f64) -> u64 {
    if rate > 30.0 {
        let half = poisson(random, rate / 2.0);
        return half + poisson(random, rate / 2.0);
    }
    let (limit, mut product, mut count) = ((-rate).exp(), random.f64(), 0);
    while product > limit {
        product *= random.f64();
        count += 1;
    }
    count
}
