//! Templates of Prometheus, as specifications write them.

use crate::{
    Error,
    document::{Faults, Position},
};

/// Refuses templates that Prometheus would refuse, and with them all rules of the file.
pub(super) fn check_template(text: &str, position: Position, place: &str, faults: &mut Faults) {
    if text.matches("{{").count() != text.matches("}}").count() {
        let error = Error::new("a template that is not closed").with_hint("pair up `{{` and `}}`");
        faults.add(position, place, error);
    }
}
