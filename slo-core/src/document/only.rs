//! The only document of a file, and its version.

use super::{Faults, Fields, Node, Position, documents, text};
use crate::Error;

/// The only document of `text`. Anything else is a fault, with `hint`.
///
/// ```
/// use slo_core::document::{Faults, one_document};
///
/// let mut faults = Faults::default();
/// assert!(one_document("version: slo/v1\n", &mut faults, "").is_some());
/// assert!(one_document("a: 1\n---\nb: 2\n", &mut faults, "begin with `version: slo/v1`").is_none());
/// let fault = faults.into_result(None::<()>).unwrap_err().to_string();
/// assert!(fault.contains("1:1: expected one document\n  hint: begin with `version: slo/v1`"), "{fault}");
/// ```
pub fn one_document(text: &str, faults: &mut Faults, hint: impl Into<String>) -> Option<Node> {
    match documents(text) {
        Ok(mut nodes) if nodes.len() == 1 => nodes.pop(),
        Ok(_) => {
            let error = Error::new("expected one document").with_hint(hint);
            faults.add(Position { line: 1, column: 1 }, "", error);
            None
        }
        Err(fault) => {
            faults.push(fault);
            None
        }
    }
}

/// Checks that the key `version` has the only `supported` value.
///
/// ```
/// use slo_core::document::{Faults, Fields, check_version, documents};
///
/// let nodes = documents("version: slo-toil/v2\n").unwrap();
/// let mut faults = Faults::default();
/// let fields = Fields::of(&nodes[0], "", &["version"], &mut faults).unwrap();
/// check_version(&fields, "slo-toil/v1", &mut faults);
/// let fault = faults.into_result(Some(())).unwrap_err().to_string();
/// assert!(fault.contains("`slo-toil/v2` is not a supported version\n  hint: write `version: slo-toil/v1`"), "{fault}");
/// ```
pub fn check_version(fields: &Fields<'_>, supported: &str, faults: &mut Faults) {
    if let Some(version) = fields.required("version", supported, faults)
        && let Some(text) = text(version, "version", faults)
        && text != supported
    {
        let error = Error::new(format!("`{text}` is not a supported version"))
            .with_hint(format!("write `version: {supported}`"));
        faults.add(version.position, "version", error);
    }
}
