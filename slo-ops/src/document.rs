//! The one document of a file.

use slo_core::{
    Error,
    document::{Faults, Fields, Node, Position, documents, text},
};

/// The only document of `text`; anything else is a fault, with `hint`.
pub(crate) fn one_document(text: &str, faults: &mut Faults, hint: &str) -> Option<Node> {
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

/// Checks that the file has the only supported `version`.
pub(crate) fn check_version(fields: &Fields<'_>, supported: &str, faults: &mut Faults) {
    if let Some(version) = fields.required("version", supported, faults)
        && let Some(text) = text(version, "version", faults)
        && text != supported
    {
        let error = Error::new(format!("`{text}` is not a supported version"))
            .with_hint(format!("write `version: {supported}`"));
        faults.add(version.position, "version", error);
    }
}
