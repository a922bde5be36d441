//! Matchers of labels, which Alertmanager and Prometheus write alike.

/// A matcher of one of some values.
pub(super) fn equals(label: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
    match values.as_slice() {
        [only] => format!("{label}=\"{}\"", quote(only)),
        several => {
            let plain = several.iter().map(|value| escape_regex(value)).collect::<Vec<_>>().join("|");
            format!("{label}=~\"{}\"", quote(&plain))
        }
    }
}

fn escape_regex(text: &str) -> String {
    let special = |character: char| r"\.+*?()|[]{}^$".contains(character);
    text.chars()
        .flat_map(|character| special(character).then_some('\\').into_iter().chain([character]))
        .collect()
}
