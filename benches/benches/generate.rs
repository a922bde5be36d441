//! From specifications to rule files: ours beside slokit in one process, and whole commands, Sloth's beside ours.
//!
//! All read the same specifications, in Sloth's format, and write a file of rules for Prometheus. Sloth is measured
//! where the variable `SLOTH` says which program it is. Prints the fastest of several runs.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking, and prints")]

use slo_core::{
    artifact,
    rules::{self, Naming, Options},
    spec,
};
use slokit::generate::{GenerateOptions, generate_all};
use std::{env, fmt::Write, fs, hint::black_box, path::Path, process::Command, time::Instant};

/// `count` SLOs of ten to a service, in Sloth's format.
fn specification(count: usize) -> String {
    let mut text = String::new();
    for service in 0..count / 10 {
        write!(text, "---\nversion: prometheus/v1\nservice: service-{service}\nslos:\n").unwrap();
        for slo in 0..10 {
            let series = format!("requests_total{{job=\"service-{service}\",route=\"/{slo}\"");
            writeln!(
                text,
                "  - name: slo-{slo}\n    objective: 99.9\n    description: Requests succeed.\n    sli:\n      events:\n        \
                 error_query: sum(rate({series},code=~\"5..\"}}[{{{{.window}}}}]))\n        \
                 total_query: sum(rate({series}}}[{{{{.window}}}}]))\n    alerting:\n      name: Fails{slo}\n      \
                 page_alert: {{labels: {{severity: page}}}}\n      ticket_alert: {{labels: {{severity: ticket}}}}"
            )
            .unwrap();
        }
    }
    text
}

fn ours(text: &str) -> usize {
    let document = spec::read(&[text]).remove(0).unwrap();
    let options = Options { naming: Naming::Sloth, ..Options::default() };
    let groups = document.services.iter().map(|service| rules::generate_with(service, options).unwrap());
    groups.map(|groups| artifact::rule_file(&groups).len()).sum()
}

fn peer(text: &str) -> usize {
    let specs = slokit::spec::Spec::from_yaml_stream(text).unwrap();
    generate_all(&specs, &GenerateOptions::default()).unwrap().to_prometheus_yaml().unwrap().len()
}

/// The fastest of some runs, in milliseconds.
fn fastest(runs: usize, mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

fn command(program: &Path, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    black_box(done.stdout.len());
}

fn main() {
    println!("| SLOs | what | time | of ours |");
    println!("|---|---|---|---|");
    for (count, runs) in [(1_000, 15), (10_000, 5)] {
        let text = specification(count);
        let row = |what: &str, time: f64, ours: f64| {
            println!("| {count} | {what} | {time:.0} ms | {:.1} |", time / ours);
        };
        let mine = fastest(runs, || {
            black_box(ours(black_box(&text)));
        });
        row("in one process: ours, one thread", mine, mine);
        let theirs = fastest(runs.min(5), || {
            black_box(peer(black_box(&text)));
        });
        row("in one process: slokit 1.9", theirs, mine);

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spec.yaml");
        fs::write(&file, &text).unwrap();
        let file = file.to_str().unwrap();
        let slo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/slo");
        let mine = fastest(runs, || command(&slo, &["generate", "--naming", "sloth", file]));
        row("command: `slo generate --naming sloth`", mine, mine);
        let native = fastest(runs, || command(&slo, &["generate", file]));
        row("command: `slo generate`", native, mine);
        match env::var_os("SLOTH") {
            Some(sloth) => {
                let sloth = Path::new(&sloth);
                let out = folder.path().join("rules.yaml");
                let out = out.to_str().unwrap();
                let theirs = fastest(3, || command(sloth, &["generate", "--no-log", "-i", file, "-o", out]));
                row("command: `sloth generate`", theirs, mine);
            }
            None => println!("| {count} | command: `sloth generate` | not measured: `SLOTH` is not set | |"),
        }
    }
}
