//! `slo.Rules`

use crate::error::{SloError, value_error};
use pyo3::prelude::*;
use slo_core::{
    artifact::{self, ObjectMeta, Target},
    model::{Service, Timestamp},
    rules::{self, RuleGroup},
};
use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

/// Recording and alerting rules for one target.
///
/// Made by :meth:`Spec.rules` and :meth:`Slo.rules`. The same SLOs give the same bytes.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Rules {
    target: Target,
    services: Vec<(Service, Vec<RuleGroup>)>,
}

impl Rules {
    pub(crate) fn of(
        services: impl IntoIterator<Item = Service>,
        time_scale: u32,
        target: &str,
    ) -> PyResult<Self> {
        let target: Target = target.parse().map_err(|error| value_error(&error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).ok().map(Timestamp::from_millis);
        let options = rules::Options { now, backend: target.backend(), ..rules::Options::default() };
        let made = services.into_iter().map(|service| {
            let service = service.time_scaled(time_scale)?;
            let groups = rules::generate_with(&service, options)?;
            Ok((service, groups))
        });
        let services = made.collect::<Result<_, _>>().map_err(|error| value_error(&error))?;
        Ok(Self { target, services })
    }

    fn groups(&self) -> impl Iterator<Item = &RuleGroup> {
        self.services.iter().flat_map(|(_, groups)| groups)
    }

    fn text(&self, meta: &ObjectMeta) -> Result<String, slo_core::Error> {
        self.target.check_names(self.services.iter().map(|(service, _)| service))?;
        let mut text = String::new();
        for (service, groups) in &self.services {
            if text.is_empty() {
                text = self.target.rules(service, groups, meta);
            } else {
                text.push_str(&self.target.more_rules(service, groups, meta));
            }
        }
        Ok(text)
    }
}

#[pymethods]
impl Rules {
    /// The rules as the text of a file for their target.
    ///
    /// Parameters
    /// ----------
    /// namespace : str, optional
    ///     The namespace of the Kubernetes objects, for the target ``"operator"``.
    /// labels : dict of str to str, optional
    ///     Labels of the Kubernetes objects, such as those that a ``ruleSelector`` selects.
    #[pyo3(signature = (*, namespace = None, labels = None))]
    fn to_yaml(
        &self,
        py: Python<'_>,
        namespace: Option<String>,
        labels: Option<BTreeMap<String, String>>,
    ) -> PyResult<String> {
        let meta =
            ObjectMeta::new(namespace, labels.unwrap_or_default()).map_err(|error| value_error(&error))?;
        if !self.target.has_metadata() && meta != ObjectMeta::default() {
            return Err(SloError::new_err(
                "a namespace and labels need Kubernetes objects; make the rules with target=\"operator\"",
            ));
        }
        py.detach(|| self.text(&meta)).map_err(|error| value_error(&error))
    }

    /// Tests of the rules for ``promtool test rules``.
    ///
    /// Parameters
    /// ----------
    /// rule_file : str
    ///     The path of the rule file, relative to the test file.
    ///
    /// Returns
    /// -------
    /// dict of str to str
    ///     The text of a test file for each service, by its name.
    ///
    /// Raises
    /// ------
    /// SloError
    ///     An SLO with a calendar period, which promtool's tests do not support.
    fn to_tests(&self, py: Python<'_>, rule_file: &str) -> PyResult<BTreeMap<String, String>> {
        let text = |(service, _): &(Service, _)| {
            Ok((service.name().to_string(), artifact::rule_tests(service, rule_file)?))
        };
        let all = py.detach(|| self.services.iter().map(text).collect::<Result<_, slo_core::Error>>());
        all.map_err(|error| value_error(&error))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        self.to_yaml(py, None, None)
    }

    fn __len__(&self) -> usize {
        self.groups().map(|group| group.rules.len()).sum()
    }

    fn __repr__(&self) -> String {
        format!("<Rules: {} in {} groups>", self.__len__(), self.groups().count())
    }
}
