//! Python bindings: convert, call slo-core, convert back. There is no logic here.
#![expect(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "the docs of Python items are numpydoc"
)]
#![expect(clippy::needless_pass_by_value, reason = "pyo3 hands over values that it has extracted")]

mod backtest;
mod budget;
mod budget_policy;
mod change;
mod convert;
mod dynatrace;
mod error;
mod evaluation;
mod experiment;
mod experiments;
mod fleet;
mod forecast;
mod gate;
mod html;
mod incidents;
mod logs;
mod noise;
mod objective;
mod period;
mod polars_plugin;
mod policy;
mod prometheus;
mod proposal;
mod rules;
mod samples;
mod search;
mod slo;
mod spec;
mod stats;
mod table;
mod traces;

use pyo3::prelude::*;

/// Columns are large and short-lived; the system's allocator would request memory for each anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The extension module `slo._slo`; the package `slo` re-exports it.
#[pymodule(gil_used = true)]
mod _slo {
    #[pymodule_export]
    use super::backtest::{_backtest, Backtest, sweep};
    #[pymodule_export]
    use super::budget::ErrorBudget;
    #[pymodule_export]
    use super::budget_policy::{ErrorBudgetPolicy, PolicyStanding};
    #[pymodule_export]
    use super::change::Change;
    #[pymodule_export]
    use super::dynatrace::dynatrace_slo;
    #[pymodule_export]
    use super::error::{DataError, Fault, QueryError, SloError, SloWarning, SpecError};
    #[pymodule_export]
    use super::evaluation::{_evaluation, Evaluation};
    #[pymodule_export]
    use super::experiment::Experiment;
    #[pymodule_export]
    use super::experiments::{FaultExperiment, Guard};
    #[pymodule_export]
    use super::fleet::fleet;
    #[pymodule_export]
    use super::forecast::{Forecast, exhaustion_probability, survival};
    #[pymodule_export]
    use super::gate::{Gate, gate};
    #[pymodule_export]
    use super::incidents::{
        Episode, Incident, Runbooks, compare_stage, read_record, receive, redact, toil_report, typical_stage,
    };
    #[pymodule_export]
    use super::logs::{_logs, LogFindings, Logs, mask};
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::noise::{Noise, what_if};
    #[pymodule_export]
    use super::objective::Objective;
    #[pymodule_export]
    use super::policy::{_tier, AlertPolicy, Tier};
    #[pymodule_export]
    use super::prometheus::Prometheus;
    #[pymodule_export]
    use super::proposal::{Proposal, suggest_objective};
    #[pymodule_export]
    use super::rules::Rules;
    #[pymodule_export]
    use super::samples::{_restored, Samples, merge};
    #[pymodule_export]
    use super::search::Candidate;
    #[pymodule_export]
    use super::slo::Slo;
    #[pymodule_export]
    use super::spec::{_an_slo, Spec, load, parse};
    #[pymodule_export]
    use super::stats::{
        ReleaseFinding, ReleaseTest, Sprt, availability, average_run_length, best_allowance, beta_above,
        beta_binomial_at_least, binomial_at_least, burn_above, clopper_pearson, compare,
        compare_restore_times, confidence_sequence, design_effect, erlang_detection, events_per_arm,
        events_to_demonstrate, events_to_stay_silent, false_starts_per_second, fewest_bad_events,
        firing_probability, fisher_p_value, garwood, hypergeometric_at_least, jeffreys, mixture_evidence,
        newcombe, poisson_at_least, probability_worse, rate_at_most, rate_evidence, rate_increase_p_value,
        toil, two_proportion_z, wilson,
    };
    #[pymodule_export]
    use super::table::{_table, Table};
    #[pymodule_export]
    use super::traces::{Attribution, Traces, read_otlp};
    #[pymodule_export]
    use super::{_steps, thin};
}

/// The number of steps in a window.
#[pyfunction]
#[pyo3(signature = (window, step, /))]
fn _steps(window: &Bound<'_, PyAny>, step: &Bound<'_, PyAny>) -> PyResult<u64> {
    let (window, step) = (convert::window(window)?, convert::window(step)?);
    if !window.is_multiple_of(step) {
        let message = format!("{window} is not a whole number of steps of {step}");
        return Err(error::SloError::new_err(message));
    }
    Ok(window.as_millis() / step.as_millis())
}

/// The positions of at most `most` points that keep the shape of a curve, with every peak.
#[pyfunction]
#[pyo3(signature = (values, most, /))]
fn thin<'py>(
    py: Python<'py>,
    values: numpy::PyReadonlyArray1<'py, f64>,
    most: usize,
) -> PyResult<Bound<'py, numpy::PyArray1<i64>>> {
    let values = values.as_slice().map_err(|error| error::SloError::new_err(error.to_string()))?;
    let shown = slo_core::replay::thin(values, most).into_iter();
    let shown = shown.map(|index| i64::try_from(index).unwrap_or(i64::MAX));
    Ok(numpy::IntoPyArray::into_pyarray(shown.collect::<Vec<_>>(), py))
}

/// Runs the `slo` command and returns its exit code; `args` begins with the program's name.
#[pyfunction]
fn main(py: Python<'_>, args: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| {
        let (mut out, mut talk) = (std::io::stdout().lock(), std::io::stderr().lock());
        slo_cli::run(args, &mut out, &mut talk).as_u8()
    })
}
