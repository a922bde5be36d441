//! `slo.Rules`

use crate::error::value_error;
use pyo3::prelude::*;
use slo_core::{artifact, model::Service, rules};
use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

/// Prometheus recording and alerting rules.
///
/// Made by :meth:`Spec.rules` and :meth:`Slo.rules`. The same SLOs give the same bytes.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Rules {
    services: Vec<Service>,
    yaml: String,
    groups: usize,
    count: usize,
}

impl Rules {
    pub(crate) fn of(services: impl IntoIterator<Item = Service>, time_scale: u32) -> PyResult<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).ok();
        let options = rules::Options { now, ..rules::Options::default() };
        let (mut groups, mut scaled) = (Vec::new(), Vec::new());
        for service in services {
            let service = service.time_scaled(time_scale).map_err(|error| value_error(&error))?;
            groups.extend(rules::generate_with(&service, options).map_err(|error| value_error(&error))?);
            scaled.push(service);
        }
        let count = groups.iter().map(|group| group.rules.len()).sum();
        Ok(Self { services: scaled, yaml: artifact::rule_file(&groups), groups: groups.len(), count })
    }
}

#[pymethods]
impl Rules {
    /// The rules as the text of a Prometheus rule file.
    fn to_yaml(&self) -> &str {
        &self.yaml
    }

    /// Tests of the rules for ``promtool test rules``.
    ///
    /// Parameters
    /// ----------
    /// rule_file : str
    ///     Where the rules are, from where the tests are.
    ///
    /// Returns
    /// -------
    /// dict of str to str
    ///     The text of a test file for each service, by its name.
    ///
    /// Raises
    /// ------
    /// SloError
    ///     An SLO of a calendar's period, which promtool's tests cannot hold.
    fn to_tests(&self, py: Python<'_>, rule_file: &str) -> PyResult<BTreeMap<String, String>> {
        let text =
            |service: &Service| Ok((service.name().to_string(), artifact::rule_tests(service, rule_file)?));
        let all = py.detach(|| self.services.iter().map(text).collect::<Result<_, slo_core::Error>>());
        all.map_err(|error| value_error(&error))
    }

    fn __str__(&self) -> &str {
        &self.yaml
    }

    fn __len__(&self) -> usize {
        self.count
    }

    fn __repr__(&self) -> String {
        format!("<Rules: {} in {} groups>", self.count, self.groups)
    }
}
