//! The command as its users call it: what it prints, where, and how it exits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use slo_cli::Exit;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
};

struct Ran {
    exit: Exit,
    out: String,
    talk: String,
}

fn slo(args: &[&str]) -> Ran {
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let exit = slo_cli::run(["slo"].iter().chain(args), &mut out, &mut talk);
    Ran { exit, out: String::from_utf8(out).unwrap(), talk: String::from_utf8(talk).unwrap() }
}

fn testdata(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(name).display().to_string()
}

fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(testdata(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    assert!(!files.is_empty(), "no *{suffix} in {folder}");
    files
}

#[test]
fn validate_prints_every_fault_with_its_file_and_exits_1() {
    for path in files("specs/invalid", ".yaml") {
        let name = path.display().to_string();
        let ran = slo(&["validate", &name]);
        let faults = fs::read_to_string(path.with_extension("faults")).unwrap();
        // The file's name stands before every position; hints are indented.
        let expected: String = faults
            .lines()
            .map(|line| if line.starts_with(' ') { format!("{line}\n") } else { format!("{name}:{line}\n") })
            .collect();
        assert!(ran.talk.starts_with(&expected), "{}", ran.talk);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Input, ""));
    }
    assert!(slo(&["validate", &testdata("specs/invalid/five_faults.yaml")]).talk.ends_with("5 faults\n"));
}

#[test]
fn schema_is_json_of_the_native_format() {
    let ran = slo(&["schema"]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    let schema: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(schema["properties"]["version"]["const"], "slo/v1");
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = slo(&["completions", shell]);
        assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
        assert!(ran.out.contains("import") && ran.out.contains("victoriametrics"), "{shell}");
    }
}

#[test]
fn explain_says_what_rules_cost_and_alerts_do() {
    let file = testdata("rules/guarded.spec.yaml");
    let ran = slo(&["explain", &file]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    for text in
        ["reports/availability: 25 series", "SLOErrorBudgetExhausted", "52s, 4m56s", "needs 4 failures"]
    {
        assert!(ran.out.contains(text), "{text}: {}", ran.out);
    }
    let report: serde_json::Value =
        serde_json::from_str(&slo(&["explain", &file, "--format", "json"]).out).unwrap();
    let month =
        report[0]["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "slo:sli_error:ratio30d");
    assert_eq!(month.unwrap()["samples"], 17_280);
    let fast = &report[0]["alerts"][0];
    assert_eq!((&fast["factor"], &fast["fewest_bad_events"]), (&"14.4".into(), &4.into()));
    assert_eq!(fast["fires_after_seconds"], serde_json::json!([51.84, 518.4, null]));
    assert!(fast["one_failure_fires_below_events"].is_null() && fast["undetected_budget"].is_null());
    assert_eq!(report[0]["alerts"][3]["one_failure_fires_below_events"], 1_000);
    assert_eq!(slo(&["explain", &testdata("specs/invalid/values.yaml")]).exit, Exit::Input);
}

#[test]
fn validate_reads_directories_and_says_what_it_found() {
    let ran = slo(&["validate", &testdata("specs/valid")]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    assert!(ran.out.contains("minimal.yaml: ok, 1 service and 1 SLO\n"), "{}", ran.out);
}

#[test]
fn a_service_may_be_described_by_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, head: &str, slo: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "{{version: slo/v1, service: shop, {head} slos: [{{name: {slo}, objective: 99%, window: 30d,
             sli: {{events: {{total: t_total, bad: b_total}}}}}}]}}"
        );
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, other) = (file("a.yaml", "scrape_interval: 30s,", "errors"), file("b.yaml", "", "latency"));
    let ran = slo(&["generate", &one, &other]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    assert!(ran.out.contains("slo/shop/errors/fast") && ran.out.contains("slo/shop/latency/fast"));
    // The same file twice is one file.
    assert_eq!(slo(&["validate", &one, &one]).exit, Exit::Done);
    for (head, slo_name, message) in [
        ("scrape_interval: 1m,", "b", "`scrape_interval` is \"30s\" here and \"1m\" there"),
        ("labels: {team: x},", "b", "the label `team` of the service"),
        ("target_labels: [pod],", "b", "`target_labels`"),
        ("newborn: ignore,", "b", "newborn"),
        ("", "errors", "two SLOs have the name `errors`"),
    ] {
        let clash = file("c.yaml", head, slo_name);
        let ran = slo(&["validate", &one, &clash]);
        assert_eq!(ran.exit, Exit::Input, "{head}");
        assert!(
            ran.talk.contains("service `shop`, which is also in") && ran.talk.contains(message),
            "{}",
            ran.talk
        );
    }
}

#[test]
fn generate_writes_the_golden_rules() {
    for path in files("rules", ".spec.yaml") {
        let name = path.display().to_string();
        let golden = fs::read_to_string(name.replace(".spec.", ".rules.")).unwrap();
        let ran = slo(&["generate", &name]);
        assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
        assert!(ran.out == golden);

        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/folder");
        let ran = slo(&["generate", &name, "--out", &out.display().to_string()]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Done, ""));
        let written: Vec<_> =
            fs::read_dir(out.join("rules")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(written.len(), 1, "no temporary file is left");
        assert!(fs::read_to_string(&written[0]).unwrap() == golden);
        let service = golden.split("name: slo/").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        assert!(written[0].ends_with(format!("{service}.yaml")));
    }
}

#[test]
fn generate_makes_objects_of_the_operator() {
    let file = testdata("specs/valid/everything.yaml");
    let ran = slo(&["generate", &file, "--target", "operator"]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    let objects: Vec<&str> = ran.out.split("---\n").collect();
    assert_eq!(objects.len(), 2);
    for (object, name) in objects.iter().zip(["slo-shop", "slo-search"]) {
        assert!(object.contains(&format!("kind: PrometheusRule\nmetadata:\n  name: {name}\n")), "{object}");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    slo(&["generate", &file, "--target", "operator", "--out", &out]);
    assert!(fs::read_to_string(folder.path().join("rules/shop.yaml")).unwrap() == objects[0]);
}

#[test]
fn generate_writes_for_every_target() {
    let file = testdata("rules/checkout.spec.yaml");
    for (target, begins) in [
        ("prometheus", "groups:\n"),
        ("victoriametrics", "groups:\n"),
        ("thanos", "groups:\n"),
        ("mimir", "namespace: slo-checkout\ngroups:\n"),
        ("operator", "apiVersion: monitoring.coreos.com/v1\n"),
    ] {
        let ran = slo(&["generate", "--target", target, &file]);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
        let (_, rules) = ran.out.split_once('\n').unwrap();
        assert!(rules.starts_with(begins), "{target}: {rules}");
        assert_eq!(ran.out.contains("partial_response_strategy: abort"), target == "thanos");
        assert_eq!(ran.out.contains("unless resets("), target != "victoriametrics", "{target}");
    }
}

#[test]
fn generate_counts_with_anchored_ranges_where_they_are() {
    let file = testdata("rules/checkout.spec.yaml");
    for target in ["prometheus", "operator"] {
        let ran = slo(&["generate", "--anchored", "--target", target, &file]);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
        let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains(
                "( http_requests_total{job=\"checkout\"} unless http_requests_total{job=\"checkout\"} offset 1m ) and on \
                 (job, instance) ( http_requests_total{job=\"checkout\"} and http_requests_total{job=\"checkout\"} offset \
                 1m ) ) or increase(http_requests_total{job=\"checkout\"}[1m] anchored)"
            ),
            "{words}"
        );
        assert!(!words.contains("resets(") && !words.contains("rate("), "{target}");
    }
    for target in ["mimir", "thanos", "victoriametrics"] {
        let ran = slo(&["generate", "--anchored", "--target", target, &file]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Usage, ""), "{target}");
        assert!(ran.talk.contains("`--anchored` is for Prometheus 3.16"), "{}", ran.talk);
    }
    let (usual, anchored) = (slo(&["explain", &file]).out, slo(&["explain", "--anchored", &file]).out);
    assert!(usual.contains("is estimated from the rate around it") && anchored.contains("anchored ranges"));
}

#[test]
fn generate_knows_the_names_of_sloth() {
    let ran = slo(&["generate", "--naming", "sloth", &testdata("import/sloth.yaml")]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
    for expected in [
        "record: slo:sli_error:ratio_rate5m",
        "record: slo:period_error_budget_remaining:ratio",
        "record: sloth_slo_info",
        "sloth_id: shop-availability",
        "alert: ShopFails",
        "sloth_severity: page",
        "owner: team-a",
    ] {
        assert!(ran.out.contains(expected), "{expected}");
    }
    assert!(!ran.out.contains("SLOErrorBudgetBurn") && !ran.out.contains("0.00099"));
    let ran = slo(&["generate", "--naming", "sloth", &testdata("specs/valid/calendar.yaml")]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Input, ""));
    assert!(
        ran.talk.contains("calendar/month: Sloth's names do not support calendar periods"),
        "{}",
        ran.talk
    );
}

/// The label that names the service is not lost, and stays where Pyrra hands it on.
#[test]
fn pyrras_label_of_the_service_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pyrra.yaml");
    let text = "{apiVersion: pyrra.dev/v1alpha1, kind: ServiceLevelObjective, metadata: {name: a, labels: {pyrra.dev/team: web,
        pyrra.dev/service: shop}}, spec: {target: '99', window: 4w, indicator: {ratio: {errors: {metric: 'e_total'},
        total: {metric: 't_total'}}}}}";
    fs::write(&file, text).unwrap();
    let import = |label: &str| slo(&["import", "--service-label", label, file.to_str().unwrap()]);
    let by_team = import("team");
    assert!(by_team.out.contains("service: web") && by_team.out.contains("team: web"), "{}", by_team.out);
    assert!(by_team.talk.contains("`service` is left out"), "{}", by_team.talk);
    let by_service = import("service");
    assert!(
        by_service.out.contains("service: shop") && by_service.out.contains("team: web"),
        "{}",
        by_service.out
    );
    assert!(!by_service.talk.contains("`service` is left out"), "{}", by_service.talk);
}

/// As Sloth's own windows for 28 days: 2, 5, 10 and 10 % of the budget.
#[test]
fn sloths_alerts_over_four_weeks_spend_what_they_spend_in_sloth() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sloth.yaml");
    let text = "{version: prometheus/v1, service: shop, slos: [{name: a, objective: 99.9, alerting: {name: Fails}, sli: {events:
        {error_query: 'sum(rate(e_total[{{.window}}]))', total_query: 'sum(rate(t_total[{{.window}}])) > 0 or vector(1)'}}}]}";
    fs::write(&file, text).unwrap();
    for (period, factors) in [("28d", ["13.44", "5.6", "2.8", "1"]), ("30d", ["14.4", "6", "3", "1"])] {
        let ran = slo(&["explain", "--period", period, "--format", "json", file.to_str().unwrap()]);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
        let reports: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let alerts = reports[0]["alerts"].as_array().unwrap();
        let found: Vec<&str> = alerts.iter().map(|alert| alert["factor"].as_str().unwrap()).collect();
        assert_eq!(found, factors, "{period}");
        assert_eq!(ran.talk.contains("a burn rate of 0.933"), period == "28d", "{}", ran.talk);
        assert!(ran.talk.contains("guard a division by zero"), "{}", ran.talk);
    }
}

#[test]
fn generate_writes_tests_beside_rules() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    let ran = slo(&["generate", "--tests", "--out", &out, &testdata("rules/checkout.spec.yaml")]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
    let tests = fs::read_to_string(folder.path().join("tests/checkout.yaml")).unwrap();
    assert!(tests.contains("rule_files:\n  - '../rules/checkout.yaml'\n"), "{tests}");
    assert!(folder.path().join("rules/checkout.yaml").exists());
    let ran = slo(&["generate", "--tests", "--out", &out, &testdata("specs/valid/calendar.yaml")]);
    assert_eq!(ran.exit, Exit::Done);
    assert!(
        ran.talk.starts_with("warning: no tests for ")
            && ran.talk.contains("hint: put SLOs with calendar periods into a separate service"),
        "{}",
        ran.talk
    );
    assert!(folder.path().join("rules/calendar.yaml").exists());
    assert!(!folder.path().join("tests/calendar.yaml").exists());
}

/// Answers one request with a status, and says what was asked.
fn answer_once(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        while !request.ends_with("\r\n\r\n") {
            lines.read_line(&mut request).unwrap();
        }
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno").unwrap();
        request
    });
    (address, server)
}

#[test]
fn headers_are_sent_and_passwords_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("headers");
    fs::write(&secrets, "Authorization: Bearer secret\n\n").unwrap();
    let (address, server) = answer_once("401 Unauthorized");
    let spec = testdata("rules/checkout.spec.yaml");
    let url = format!("http://me:password@{address}");
    let file = format!("@{}", secrets.display());
    let ran =
        slo(&["status", &spec, "--prometheus", &url, "--header", &file, "--header", "X-Scope-OrgID: a"]);
    let request = server.join().unwrap().to_lowercase();
    assert!(request.contains("authorization: bearer secret\r\n"), "{request}");
    assert!(request.contains("x-scope-orgid: a\r\n"), "{request}");
    assert_eq!(ran.exit, Exit::Outside);
    assert!(ran.talk.contains("401") && ran.talk.contains("hint: authenticate with"), "{}", ran.talk);
    assert!(!ran.talk.contains("password") && !ran.talk.contains("secret"), "{}", ran.talk);
    let refused = slo(&["status", &spec, "--prometheus", &url, "--header", "Bearer secret"]);
    assert_eq!(refused.exit, Exit::Usage);
    assert!(
        refused.talk.contains("hint: write it as") && !refused.talk.contains("secret"),
        "{}",
        refused.talk
    );
}

#[test]
fn import_writes_the_native_form_and_says_what_is_lost() {
    for path in files("import", ".yaml") {
        let ran = slo(&["import", &path.display().to_string()]);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
        assert_eq!(ran.out, fs::read_to_string(path.with_extension("native")).unwrap());
        let told = ran.talk.replace(&format!("{}:", path.display()), "");
        assert_eq!(told, fs::read_to_string(path.with_extension("lost")).unwrap());
    }
}

#[test]
fn generate_writes_nothing_when_anything_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (testdata("specs/valid/minimal.yaml"), testdata("specs/invalid/five_faults.yaml"));
    let ran = slo(&["generate", &good, &bad, "--out", &folder.path().display().to_string()]);
    assert_eq!(ran.exit, Exit::Input);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn generate_contains_exact_numbers_and_no_float_noise() {
    let ran = slo(&["generate", &testdata("specs/valid")]);
    assert!(ran.out.contains("> 0.0144") && ran.out.contains("/ 0.001"), "{}", ran.out);
    for number in ran.out.split(|c: char| !c.is_ascii_digit() && c != '.') {
        assert!(number.len() <= 12, "{number}");
    }
}

#[test]
fn generate_scales_time() {
    let file = testdata("specs/valid/minimal.yaml");
    let ran = slo(&["generate", &file, "--time-scale", "60"]);
    assert!(ran.out.contains("slo:sli_error:ratio12h") && ran.out.contains("> 0.0144"), "{}", ran.out);
    let ran = slo(&["generate", &file, "--time-scale", "61"]);
    assert_eq!(ran.exit, Exit::Input);
    assert!(ran.talk.contains("time cannot run 61 times faster"), "{}", ran.talk);
    let ran = slo(&["generate", &file, "--time-scale", "120"]);
    assert!(ran.talk.contains("60 is the maximum"), "{}", ran.talk);
}

#[test]
fn budget_calculates_the_cases() {
    let cases = fs::read_to_string(testdata("budgets/cases.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&cases).unwrap();
    for case in &cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let (total, bad) = (case["total"].to_string(), case["bad"].to_string());
        let mut args =
            vec!["budget", "--format", "json", "--objective", text("objective"), "--window", text("period")];
        args.extend(["--total", &total, "--bad", &bad]);
        let ran = slo(&args);
        assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""), "{case}");
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(report["budget"], case["budget"], "{case}");
        assert_eq!(report["allowed_downtime_seconds"], case["downtime_seconds"], "{case}");
        assert_eq!(report["events"]["allowed"], case["allowed"], "{case}");
        for key in ["burn_rate", "consumed", "remaining", "sli"] {
            match (report["events"][key].as_f64(), case[key].as_f64()) {
                (Some(value), Some(expected)) => {
                    assert!((value - expected).abs() <= expected.abs() * 1e-15, "{key} in {case}");
                }
                (value, expected) => assert_eq!(value, expected, "{key} in {case}"),
            }
        }
    }
}

#[test]
fn budget_is_readable() {
    let ran = slo(&["budget", "--objective", "99.9%", "--total", "100000", "--bad", "250"]);
    assert_eq!(
        ran.out,
        "\
99.9% over 30d: 0.1% of the events may be bad, or 43m12s of downtime.
250 of 100000 events were bad (100 allowed): SLI 99.7500%, burn rate 2.50, budget spent 250.00%, left -150.00%.

alert    severity     windows  burn rate above  error ratio above  full outage fires in
fast         page   1h and 5m             14.4             0.0144                   52s
medium       page  6h and 30m                6              0.006                 2m10s
slow       ticket   1d and 2h                3              0.003                 4m19s
trickle    ticket   3d and 6h                1              0.001                 4m19s

Scrape and rule evaluation intervals add to these times.
"
    );
}

#[test]
fn budget_knows_periods_without_alerts() {
    let ran = slo(&["budget", "--objective", "99.9%", "--window", "12h"]);
    assert_eq!(ran.out, "99.9% over 12h: 0.1% of the events may be bad, or 43s of downtime.\n");
}

#[test]
fn bytes_that_are_no_text_are_wrong_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spec.yaml");
    fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    let ran = slo(&["validate", &file.display().to_string()]);
    assert_eq!(ran.exit, Exit::Input);
    assert!(ran.talk.contains("spec.yaml: not UTF-8 text\n"), "{}", ran.talk);
}

#[test]
fn exits_2_when_it_is_called_wrongly() {
    for args in [
        &["bogus"][..],
        &[],
        &["validate"],
        &["budget", "--objective", "99.9"],
        &["budget", "--objective", "99.9%", "--total", "5"],
        &["generate", "x.yaml", "--time-scale", "0"],
        &["status", "x.yaml", "--prometheus", "localhost:9090"],
    ] {
        let ran = slo(args);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Usage, ""), "{args:?}");
        assert!(!ran.talk.is_empty());
    }
    assert!(slo(&["budget", "--objective", "99.9"]).talk.contains("hint: write 99.9%"));
    assert_eq!(slo(&["--help"]).exit, Exit::Done);
}

#[test]
fn exits_3_when_something_outside_fails() {
    let ran = slo(&["validate", "/no/such/file.yaml"]);
    assert_eq!(ran.exit, Exit::Outside);
    assert!(ran.talk.starts_with("/no/such/file.yaml: No such file"), "{}", ran.talk);
    // The discard port of loopback: nobody listens.
    let ran = slo(&["status", &testdata("specs/valid/minimal.yaml"), "--prometheus", "http://127.0.0.1:9"]);
    assert_eq!(ran.exit, Exit::Outside);
    assert!(ran.talk.starts_with("http://127.0.0.1:9/api/v1/query: "), "{}", ran.talk);
}

#[test]
fn a_file_that_cannot_be_read_hides_no_fault() {
    let ran = slo(&["validate", "/no/such/file.yaml", &testdata("specs/invalid/yaml.yaml")]);
    assert_eq!(ran.exit, Exit::Outside);
    assert!(
        ran.talk.contains("yaml.yaml:3:7: not valid YAML") && ran.talk.contains("No such file"),
        "{}",
        ran.talk
    );
}

#[test]
fn an_empty_directory_is_said_to_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let ran = slo(&["validate", &folder.path().display().to_string()]);
    assert_eq!(ran.exit, Exit::Input);
    assert!(ran.talk.contains("no *.yaml, *.yml or *.json file in it"), "{}", ran.talk);
}
