//! Labels of a document.

use crate::{
    Error,
    document::{Faults, Fields, Value, text},
    model::{LabelName, Labels, RESERVED_LABELS},
};

/// The labels in the field `name`. Labels that the rules set, and those in `also_reserved`, are faults.
pub(super) fn labels(fields: &Fields<'_>, name: &str, also_reserved: &[&str], faults: &mut Faults) -> Labels {
    let mut labels = Labels::new();
    let Some(node) = fields.optional(name) else { return labels };
    let place = fields.path(name);
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected labels, found {}", node.kind()))
            .with_hint("write `{team: payments}`");
        faults.add(node.position, &place, error);
        return labels;
    };
    for (key, value) in entries {
        let parsed: Result<LabelName, Error> = key.text.parse();
        match parsed {
            Ok(_)
                if RESERVED_LABELS.contains(&key.text.as_str())
                    || also_reserved.contains(&key.text.as_str()) =>
            {
                let error = Error::new(format!("the label `{}` is set by the rules", key.text))
                    .with_hint("give it another name");
                faults.add(key.position, &place, error);
            }
            Ok(label) if value.is_nothing() => {
                let error =
                    Error::new("a label without a value").with_hint("write a value, or `\"\"` for none");
                faults.add(value.position, &format!("{place}.{label}"), error);
            }
            Ok(label) => {
                let Some(text) = text(value, &format!("{place}.{label}"), faults) else { continue };
                if labels.insert(label, text.to_owned()).is_some() {
                    let error = Error::new(format!("the label `{}` is written twice", key.text));
                    faults.add(key.position, &place, error.with_hint("keep one of them"));
                }
            }
            Err(error) => faults.add(key.position, &place, error),
        }
    }
    labels
}
