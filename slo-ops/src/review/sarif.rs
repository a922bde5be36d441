//! Findings as SARIF 2.1.0, which code hosts show beside the lines.

use super::{Check, Finding, Severity};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The findings as a SARIF 2.1.0 log (OASIS, 2020).
#[must_use]
pub fn sarif(findings: &[Finding]) -> Value {
    let rules: Vec<Value> = Check::ALL
        .iter()
        .map(|check| {
            json!({
                "id": check.id(),
                "shortDescription": {"text": check.title()},
                "helpUri": format!("https://github.com/slo-toolkit/slo/blob/main/docs/review.md#{}", check.id()),
            })
        })
        .collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "slo review",
                "informationUri": "https://github.com/slo-toolkit/slo",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a relative URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _infallible = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    };
    let mut result = json!({
        "ruleId": finding.check.id(),
        "ruleIndex": Check::ALL.iter().position(|check| *check == finding.check),
        "level": level,
        "message": {"text": format!("{}: {}. To mend it: {}", finding.object, finding.why, finding.mend)},
    });
    if let Value::Object(fields) = &mut result {
        if !finding.place.file.is_empty() {
            let region =
                json!({"startLine": finding.place.line.max(1), "startColumn": finding.place.column.max(1)});
            let file = json!({"uri": uri(&finding.place.file)});
            fields.insert(
                "locations".to_owned(),
                json!([{"physicalLocation": {"artifactLocation": file, "region": region}}]),
            );
        }
        if let Some(accepted) = &finding.accepted {
            fields
                .insert("suppressions".to_owned(), json!([{"kind": "inSource", "justification": accepted}]));
        }
    }
    result
}
