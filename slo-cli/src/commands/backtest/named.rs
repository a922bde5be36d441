//! Names of groups, and errors with the name of an SLO.

use crate::error::Error;
use slo_core::model::{Service, Slo};

/// Labels of a group of an SLO's events, with their values; none of an SLO without groups.
pub(super) type Group = Vec<(String, String)>;

/// An error of an SLO, with its name.
pub(super) fn named(service: &Service, slo: &Slo, error: &slo_core::Error) -> Error {
    let hint = error.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
    Error::Input(format!("{}/{}: {error}{hint}", service.name(), slo.name()))
}
