//! `slo.dynatrace`: SLOs of Dynatrace.

use crate::{
    error::{SloError, spec_error, value_error},
    slo::Slo,
};
use pyo3::{prelude::*, types::PyAny};
use slo_ops::dynatrace::{classic_slo, platform_slo, read_mapping};

/// An SLO as one of Dynatrace.
///
/// Parameters
/// ----------
/// slo : Slo
/// mapping : str
///     The text of a mapping (``version: slo-dynatrace/v1``), which says which metrics of Dynatrace the SLO counts.
/// kind : str, default "classic"
///     ``"classic"`` or ``"platform"``.
///
/// Returns
/// -------
/// (dict, str, list of str)
///     The body of a request, a resource of Terraform, and what of the SLO is not in them.
///
/// Raises
/// ------
/// SpecError
///     A mapping with faults.
/// SloError
///     An SLO that is not in the mapping, or that Dynatrace cannot judge.
///
/// Examples
/// --------
/// >>> import slo
/// >>> from slo.dynatrace import dynatrace_slo
/// >>> spec = slo.parse('''
/// ... {version: slo/v1, service: checkout, slos: [{name: availability, objective: 99.9%, window: 28d,
/// ...  sli: {events: {total: requests_total, bad: errors_total}}}]}''')
/// >>> mapping = "{version: slo-dynatrace/v1, slos: {checkout/availability: {good: 'a:splitBy()', total: 'b:splitBy()'}}}"
/// >>> body, terraform, losses = dynatrace_slo(spec["checkout/availability"], mapping)
/// >>> body["target"], body["warning"], body["timeframe"], losses
/// (99.9, 99.925, '-28d', [])
#[pyfunction]
#[pyo3(signature = (slo, mapping, /, *, kind = "classic"))]
pub(crate) fn dynatrace_slo<'py>(
    py: Python<'py>,
    slo: &Slo,
    mapping: &str,
    kind: &str,
) -> PyResult<(Bound<'py, PyAny>, String, Vec<String>)> {
    let mapping = read_mapping(mapping).map_err(|faults| spec_error(py, None, &faults))?;
    let key = slo.key();
    let mapped =
        mapping.get(&key).ok_or_else(|| SloError::new_err(format!("the mapping has no SLO `{key}`")))?;
    let made = match kind {
        "classic" => classic_slo(&slo.service, &slo.slo, mapped),
        "platform" => platform_slo(&slo.service, &slo.slo, mapped),
        other => {
            let told = format!("`{other}` is not a kind of SLO; write \"classic\" or \"platform\"");
            return Err(SloError::new_err(told));
        }
    };
    let made = made.map_err(|error| value_error(&error))?;
    let body = py.import("json")?.call_method1("loads", (made.body.to_string(),))?;
    Ok((body, made.to_terraform(), made.losses))
}
