//! The arithmetic of slo-core, and generating rules.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{Criterion, criterion_group, criterion_main};
use slo_core::{
    artifact,
    math::{BurnRate, ErrorBudget, Tally, Tracker, firing},
    model::{AlertPolicy, Window},
    rules, spec,
};
use std::{fmt::Write, hint::black_box, time::Duration};

fn arithmetic(c: &mut Criterion) {
    let objective = "99.9%".parse().unwrap();
    let tally = Tally::new(3_663_253, 4_000).unwrap();
    let policy = AlertPolicy::for_period(Window::days(30)).unwrap();
    c.bench_function("burn rate", |b| b.iter(|| BurnRate::of(black_box(tally), black_box(objective))));
    c.bench_function("budget remaining", |b| {
        b.iter(|| ErrorBudget::observed(black_box(objective), black_box(tally)).remaining());
    });
    c.bench_function("four tiers, exact", |b| {
        b.iter(|| firing(black_box(&policy), black_box(objective), |_| black_box(tally)).unwrap().len());
    });
}

fn tracker(c: &mut Criterion) {
    let mut windows = AlertPolicy::for_period(Window::days(30)).unwrap().windows();
    windows.push(Window::days(30));
    let mut tracker = Tracker::new(&windows, Window::seconds(1));
    let mut second = 0_u64;
    c.bench_function("tracker: a reading, 8 windows", |b| {
        b.iter(|| {
            second += 1;
            tracker.record(Duration::from_secs(second), Tally::new(second * 100, second).unwrap()).unwrap();
        });
    });
    c.bench_function("tracker: a window", |b| b.iter(|| tracker.window(black_box(Window::days(30)))));
}

fn generate(c: &mut Criterion) {
    let mut text = String::new();
    for service in 0..100 {
        write!(text, "---\nversion: slo/v1\nservice: service-{service}\nslos:\n").unwrap();
        for slo in 0..10 {
            let series = format!("requests_total{{job=\"service-{service}\",route=\"/{slo}\"");
            writeln!(
                text,
                "  - name: slo-{slo}\n    objective: 99.9%\n    window: 30d\n    sli:\n      events:\n        total: {series}}}\n        bad: {series},code=~\"5..\"}}"
            )
            .unwrap();
        }
    }
    let services = spec::parse(&text).unwrap();
    c.bench_function("1,000 SLOs: read", |b| b.iter(|| spec::parse(black_box(&text)).unwrap().len()));
    c.bench_function("1,000 SLOs: rules and text", |b| {
        b.iter(|| {
            let groups = services.iter().flat_map(|service| rules::generate(black_box(service)).unwrap());
            artifact::rule_file(&groups.collect::<Vec<_>>()).len()
        });
    });
}

criterion_group!(core, arithmetic, tracker, generate);
criterion_main!(core);
