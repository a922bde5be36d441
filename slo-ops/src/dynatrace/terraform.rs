//! SLOs of Dynatrace as resources of Terraform.

use super::{DynatraceSlo, slo::fields};
use serde_json::Value;
use std::fmt::Write;

impl DynatraceSlo {
    /// A resource of Terraform: `dynatrace_slo_v2`, or `dynatrace_platform_slo`.
    #[must_use]
    pub fn to_terraform(&self) -> String {
        resource(self)
    }
}

fn resource(slo: &DynatraceSlo) -> String {
    let body = fields(&slo.body);
    let get = |name: &str| body.get(name).cloned().unwrap_or(Value::Null);
    let kind = if slo.is_platform { "dynatrace_platform_slo" } else { "dynatrace_slo_v2" };
    let mut out = format!("resource \"{kind}\" \"{}\" {{\n", slo.resource);
    let mut line = |depth: usize, name: &str, value: &Value| {
        if !value.is_null() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}{name} = {}", "  ".repeat(depth), literal(value));
        }
    };
    line(1, "name", &get("name"));
    if slo.is_platform {
        line(1, "description", &get("description"));
        line(1, "tags", &get("tags"));
        let criteria = get("criteria");
        let first = criteria.get(0).map(fields).unwrap_or_default();
        let sli = get("customSli");
        out.push_str("  criteria {\n    criteria_detail {\n");
        let mut line = |name: &str, key: &str| {
            let _ = writeln!(out, "      {name} = {}", literal(first.get(key).unwrap_or(&Value::Null)));
        };
        line("target", "target");
        line("timeframe_from", "timeframeFrom");
        line("timeframe_to", "timeframeTo");
        line("warning", "warning");
        let _ = writeln!(
            out,
            "    }}\n  }}\n  custom_sli {{\n    indicator = {}\n  }}",
            literal(sli.get("indicator").unwrap_or(&Value::Null))
        );
    } else {
        line(1, "enabled", &get("enabled"));
        line(1, "custom_description", &get("description"));
        line(1, "evaluation_type", &get("evaluationType"));
        line(1, "evaluation_window", &get("timeframe"));
        line(1, "filter", &get("filter"));
        line(1, "metric_expression", &get("metricExpression"));
        line(1, "metric_name", &get("metricName"));
        line(1, "target_success", &get("target"));
        line(1, "target_warning", &get("warning"));
        let burn = fields(&get("errorBudgetBurnRate"));
        let of = |name: &str| literal(burn.get(name).unwrap_or(&Value::Null));
        let _ = writeln!(
            out,
            "  error_budget_burn_rate {{\n    burn_rate_visualization_enabled = {}\n    fast_burn_threshold = {}\n  }}",
            of("burnRateVisualizationEnabled"),
            of("fastBurnThreshold")
        );
    }
    out.push_str("}\n");
    out
}

/// A literal of HCL.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", text.chars().map(escaped).collect::<String>())
            // These begin templates.
            .replace("${", "$${")
            .replace("%{", "%%{"),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A character in a string of HCL, which has fewer escapes than JSON.
fn escaped(character: char) -> String {
    match character {
        '"' | '\\' => format!("\\{character}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_what_they_say() {
        let text = Value::String("a\"b\\c\n\u{8}${x} %{y} \\b".to_owned());
        assert_eq!(literal(&text), r#""a\"b\\c\n\u0008$${x} %%{y} \\b""#);
    }
}
