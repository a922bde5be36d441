//! YAML.

use serde_json::Value;
use std::fmt::{Arguments, Write};

/// JSON as YAML in block style. Texts are quoted as in JSON, which YAML reads the same.
pub(super) fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let is_block = |value: &Value| match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_block(value) {
                    put(out, format_args!("{indent}{name}:\n"));
                    write(out, value, depth + 1);
                } else {
                    put(out, format_args!("{indent}{name}: {value}\n"));
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if is_block(item) {
                    let mut inner = String::new();
                    write(&mut inner, item, depth + 1);
                    // The dash takes the place of the first indent.
                    put(out, format_args!("{indent}- {}", inner.trim_start()));
                } else {
                    put(out, format_args!("{indent}- {item}\n"));
                }
            }
        }
        other => put(out, format_args!("{indent}{other}\n")),
    }
}

fn put(out: &mut String, text: Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
