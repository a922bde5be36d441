//! `slo.Rules`

use crate::error::value_error;
use pyo3::prelude::*;
use slo_core::{artifact, model::Service, rules};
use std::time::{SystemTime, UNIX_EPOCH};

/// Prometheus recording and alerting rules.
///
/// Made by :meth:`Spec.rules` and :meth:`Slo.rules`. The same SLOs give the same bytes.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Rules {
    yaml: String,
    groups: usize,
    count: usize,
}

impl Rules {
    pub(crate) fn of<'a>(services: impl IntoIterator<Item = &'a Service>, time_scale: u32) -> PyResult<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).ok();
        let options = rules::Options { now, ..rules::Options::default() };
        let mut groups = Vec::new();
        for service in services {
            let scaled = service.time_scaled(time_scale).map_err(|error| value_error(&error))?;
            groups.extend(rules::generate_with(&scaled, options).map_err(|error| value_error(&error))?);
        }
        let count = groups.iter().map(|group| group.rules.len()).sum();
        Ok(Self { yaml: artifact::rule_file(&groups), groups: groups.len(), count })
    }
}

#[pymethods]
impl Rules {
    /// The rules as the text of a Prometheus rule file.
    fn to_yaml(&self) -> &str {
        &self.yaml
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
