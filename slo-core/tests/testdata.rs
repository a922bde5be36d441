//! Runs the cases of `testdata/`, which the command and the Python package run too.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the library reads no files; its tests do")]

use slo_core::{
    artifact,
    math::{BurnRate, ErrorBudget, Tally, allowed_downtime},
    model::{Objective, Timestamp, Window},
    rules, spec,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Calendar periods are written down from a moment on: the beginning of 2026.
const OPTIONS: rules::Options = rules::Options {
    backend: rules::Backend::Prometheus,
    naming: rules::Naming::Native,
    now: Some(Timestamp::from_seconds(1_767_225_600)),
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name)
}

/// The files of `folder` whose names end in `suffix`; never none.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    files.sort();
    assert!(!files.is_empty(), "no *{suffix} in {}", folder.display());
    files
}

/// Compares `text` with the file at `path`, or writes it there when asked to.
fn check_golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_TESTDATA").is_some() {
        fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    assert!(golden == text, "{} differs; see testdata/README.md\n{text}", path.display());
}

#[test]
fn budgets() {
    let text = fs::read_to_string(folder("budgets").join("cases.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 50);
    for case in &cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let objective: Objective = text("objective").parse().unwrap();
        let period: Window = text("period").parse().unwrap();
        let tally = Tally::new(case["total"].as_u64().unwrap(), case["bad"].as_u64().unwrap()).unwrap();
        let budget = ErrorBudget::observed(objective, tally);
        assert_eq!(objective.budget().to_string(), text("budget"), "{case}");
        assert_eq!(allowed_downtime(objective, period).to_string(), text("downtime_seconds"), "{case}");
        assert_eq!(budget.allowed().to_string(), text("allowed"), "{case}");
        for (key, value) in [
            ("burn_rate", BurnRate::of(tally, objective).map(BurnRate::value)),
            ("consumed", budget.consumed()),
            ("remaining", budget.remaining()),
            ("sli", tally.sli()),
        ] {
            // Both sides are one correctly rounded division apart at most.
            let close = match (value, case[key].as_f64()) {
                (Some(value), Some(expected)) => {
                    (value - expected).abs() <= expected.abs() * 4.0 * f64::EPSILON
                }
                (value, expected) => value == expected,
            };
            assert!(close, "{key}: {value:?} in {case}");
        }
    }
}

#[test]
fn valid_specs() {
    for path in files(&folder("specs/valid"), ".yaml") {
        let services = spec::parse(&fs::read_to_string(&path).unwrap());
        let services = services.unwrap_or_else(|faults| panic!("{}: {faults}", path.display()));
        for service in &services {
            assert!(!rules::generate_with(service, OPTIONS).unwrap().is_empty());
        }
    }
}

#[test]
fn invalid_specs() {
    for path in files(&folder("specs/invalid"), ".yaml") {
        let faults = spec::parse(&fs::read_to_string(&path).unwrap()).unwrap_err();
        check_golden(&path.with_extension("faults"), &format!("{faults}\n"));
    }
}

#[test]
fn imports() {
    for path in files(&folder("import"), ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        let document = spec::read(&[&text]).remove(0);
        let document = document.unwrap_or_else(|faults| panic!("{}: {faults}", path.display()));
        let native: Vec<String> = document.services.iter().map(spec::write).collect();
        let native = native.join("---\n");
        check_golden(&path.with_extension("native"), &native);
        let lost: Vec<String> = document.losses.iter().map(ToString::to_string).collect();
        check_golden(&path.with_extension("lost"), &(lost.join("\n") + "\n"));
        assert_eq!(spec::parse(&native).unwrap(), document.services, "{native}");
    }
}

#[test]
fn refused_imports() {
    for path in files(&folder("import/refused"), ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        let faults = spec::read(&[&text]).remove(0).unwrap_err();
        check_golden(&path.with_extension("faults"), &format!("{faults}\n"));
    }
}

#[test]
fn texts_know_each_other() {
    let slo = "{apiVersion: openslo/v1, kind: SLO, metadata: {name: a}, spec: {service: web, indicatorRef: b,
        timeWindow: [{duration: 30d, isRolling: true}], budgetingMethod: Occurrences, objectives: [{target: 0.999}]}}";
    let sli = "{apiVersion: openslo/v1, kind: SLI, metadata: {name: b}, spec: {ratioMetric: {counter: true,
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(ok_total)'}}},
        total: {metricSource: {type: Prometheus, spec: {query: 'sum(all_total)'}}}}}}";
    assert!(spec::read(&[slo])[0].is_err());
    let documents = spec::read(&[slo, sli]);
    assert_eq!(documents[0].as_ref().unwrap().services[0].slos().len(), 1);
    assert!(documents[1].as_ref().unwrap().services.is_empty());
    // Several files add to one service.
    let other = slo.replace("name: a", "name: c");
    let documents = spec::read(&[slo, sli, &other]);
    assert_eq!(documents[0].as_ref().unwrap().services[0].slos().len(), 2);
    assert!(documents[2].as_ref().unwrap().services.is_empty());
}

#[test]
fn rule_files() {
    for path in files(&folder("rules"), ".spec.yaml") {
        let services = spec::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let generate = || -> String {
            let groups: Vec<_> =
                services.iter().flat_map(|service| rules::generate(service).unwrap()).collect();
            artifact::rule_file(&groups)
        };
        let text = generate();
        assert_eq!(text, generate(), "the same bytes every time");
        check_golden(&PathBuf::from(path.to_string_lossy().replace(".spec.yaml", ".rules.yaml")), &text);
    }
}

#[test]
fn every_expression_is_valid_promql() {
    for path in files(&folder("specs/valid"), ".yaml") {
        for service in spec::parse(&fs::read_to_string(&path).unwrap()).unwrap() {
            for rule in rules::generate_with(&service, OPTIONS).unwrap().iter().flat_map(|group| &group.rules)
            {
                for text in [rule.expr().to_string(), format!("{:#}", rule.expr())] {
                    promql_parser::parser::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                }
            }
        }
    }
}
