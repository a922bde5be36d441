//! Matchers of labels, which Alertmanager and Prometheus write alike.

use crate::model::{LabelName, MatchOp, Matcher};

/// A matcher for any of some values.
pub(super) fn equals(label: &'static str, values: impl IntoIterator<Item = impl AsRef<str>>) -> Matcher {
    let label = LabelName::from_static(label);
    let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
    match values.as_slice() {
        [only] => Matcher { label, op: MatchOp::Equal, value: only.clone() },
        several => {
            let value = several.iter().map(|value| escape_regex(value)).collect::<Vec<_>>().join("|");
            Matcher { label, op: MatchOp::Regex, value }
        }
    }
}

fn escape_regex(text: &str) -> String {
    let special = |character: char| r"\.+*?()|[]{}^$".contains(character);
    text.chars()
        .flat_map(|character| special(character).then_some('\\').into_iter().chain([character]))
        .collect()
}
