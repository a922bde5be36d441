//! Label pairs, and how formats of text write them.

/// Label pairs in the order of their names; none is empty.
pub(crate) type Labels = Vec<(&'static str, String)>;

/// Labels without the closing brace; empty if there are no labels.
pub(crate) fn render(labels: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for (label, value) in labels {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(label);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                plain => text.push(plain),
            }
        }
        text.push('"');
    }
    text
}
