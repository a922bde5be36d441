//! Experiments of Chaos Toolkit.

use crate::experiment::Experiment;
use serde_json::json;

/// `experiment` as an experiment of Chaos Toolkit, in JSON.
///
/// `arguments` are those of `slo experiment run`: the file of the experiment, the specs, and the options for Prometheus. Chaos
/// Toolkit runs that command as its method, so that the guard stops the fault in time, and a watchdog undoes it whatever happens
/// to Chaos Toolkit. The hypothesis is that the plan allows the experiment.
///
/// ```
/// use slo_ops::experiment::{chaos_toolkit, read};
///
/// let experiment = read("{version: slo-experiment/v1, name: x, hypothesis: [{slo: a/b, tolerated_burn_rate: 5}],
///     fault: {stop: {pid_file: a.pid}}, limits: {spend: 1%, duration: 5m}}")?;
/// let text = chaos_toolkit(&experiment, &["x.yaml".to_owned(), "slo.yaml".to_owned()]);
/// let json: serde_json::Value = serde_json::from_str(&text)?;
/// assert_eq!(json["method"][0]["provider"]["arguments"][1], "run");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn chaos_toolkit(experiment: &Experiment, arguments: &[String]) -> String {
    let provider = |verb: &str, more: &[String], timeout: Option<u64>| {
        let words = ["experiment", verb].into_iter().map(str::to_owned).chain(more.iter().cloned());
        let mut provider = json!({"type": "process", "path": "slo", "arguments": words.collect::<Vec<_>>()});
        if let (Some(timeout), Some(fields)) = (timeout, provider.as_object_mut()) {
            fields.insert("timeout".to_owned(), json!(timeout));
        }
        provider
    };
    let slos: Vec<&str> = experiment.hypotheses.iter().map(|hypothesis| hypothesis.slo.as_str()).collect();
    let longest = experiment.limits.duration.as_duration() + experiment.recovery.as_duration();
    let description = if experiment.description.is_empty() {
        experiment.fault.to_string()
    } else {
        experiment.description.clone()
    };
    let text = json!({
        "title": experiment.name,
        "description": description,
        "tags": ["slo"],
        "contributions": {"reliability": "high"},
        "steady-state-hypothesis": {
            "title": format!("{} can bear the experiment", slos.join(" and ")),
            "probes": [{
                "type": "probe",
                "name": "the-plan-allows-it",
                "tolerance": 0,
                "provider": provider("plan", arguments, Some(60)),
            }],
        },
        "method": [{
            "type": "action",
            "name": experiment.name,
            // Twice as long as it may last, for what comes before and after.
            "provider": provider("run", arguments, Some(longest.as_secs() * 2 + 120)),
        }],
        "rollbacks": [{
            "type": "action",
            "name": "undo-what-is-left",
            "provider": provider("abort", &[], Some(180)),
        }],
    });
    format!("{text:#}\n")
}
