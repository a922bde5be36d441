//! Checks the Prometheus templates of specifications.

use crate::{
    Error,
    document::{Faults, Position},
};

/// Refuses templates that are not closed: Prometheus would refuse the whole rule file.
pub(super) fn check_template(text: &str, position: Position, place: &str, faults: &mut Faults) {
    if text.matches("{{").count() != text.matches("}}").count() {
        let error = Error::new("the template is not closed").with_hint("balance `{{` and `}}`");
        faults.add(position, place, error);
    }
}
