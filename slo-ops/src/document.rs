//! The one document of a file.

use slo_core::{
    Error,
    document::{Faults, Node, Position, documents},
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
