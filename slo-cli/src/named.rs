//! Names of groups, and errors with the name of an SLO.

use crate::error::Error;
use slo_core::model::{Service, Slo};

/// The labels of a group and their values; empty for an SLO without groups.
pub(crate) type Group = Vec<(String, String)>;

/// An error of an SLO, with its name.
pub(crate) fn named(service: &Service, slo: &Slo, error: &slo_core::Error) -> Error {
    let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    Error::Input(format!("{}/{}: {error}{hint}", service.name(), slo.name()))
}
