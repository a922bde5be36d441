//! Budgets as lines of Dynatrace's metric ingestion protocol.

use slo_core::{
    Error,
    model::{Service, Slo, Timestamp},
    rules::SloStatus,
};
use std::{collections::BTreeMap, fmt::Write};

/// The limits of the protocol, and of a request.
const MOST_DIMENSIONS: usize = 50;
const LONGEST_KEY: usize = 100;
const LONGEST_VALUE: usize = 255;
/// The dimension of burn rates.
const WINDOW: &str = "window";
const MOST_LINES: usize = 1_000;
const MOST_BYTES: usize = 1_000_000;

/// The status of an SLO, or of one of its groups, as lines for `POST /api/v2/metrics/ingest`.
///
/// The metrics are `slo.sli`, `slo.objective`, `slo.error_budget.remaining`, `slo.error_budget.projected_remaining` (shares of
/// one), and `slo.burn_rate` by `window`. Values that are not recorded have no line.
///
/// ```
/// use slo_core::{model::Timestamp, rules::Recorded};
/// use slo_ops::dynatrace::metric_lines;
///
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
///     sli: {events: {total: all_total, bad: failed_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let status = &Recorded::of(&service, [], []).statuses(&service.slos()[0])[0];
/// let lines = metric_lines(&service, &service.slos()[0], status, Timestamp::from_seconds(1))?;
/// assert_eq!(lines, ["slo.objective,service=\"a\",slo=\"b\" gauge,0.99 1000"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Groups with more labels than Dynatrace has dimensions, or with two labels that are one dimension there.
pub fn metric_lines(
    service: &Service,
    slo: &Slo,
    status: &SloStatus,
    at: Timestamp,
) -> Result<Vec<String>, Error> {
    let path = format!("{}/{}", service.name(), slo.name());
    let mut dimensions = BTreeMap::new();
    let own = [("service", service.name().as_str()), ("slo", slo.name().as_str())];
    let group = status.group.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.into_iter().chain(group) {
        // An empty value is no dimension.
        let Some(value) = quoted(value) else { continue };
        // Burn rates have their window besides.
        if dimension(name) == WINDOW || dimensions.insert(dimension(name), value).is_some() {
            return Err(Error::new(format!("{path}: two labels are the dimension `{}`", dimension(name)))
                .with_hint("group by other labels"));
        }
    }
    // One more for `window`.
    if dimensions.len() >= MOST_DIMENSIONS {
        return Err(Error::new(format!("{path}: a group has more than {} labels", MOST_DIMENSIONS - 3))
            .with_hint("group by fewer labels"));
    }
    let with = |more: Option<String>| {
        let mut text = String::new();
        for (name, value) in &dimensions {
            // Writing to a String cannot fail.
            let _ = write!(text, ",{name}={value}");
        }
        if let Some(window) = more {
            let _ = write!(text, ",{WINDOW}=\"{window}\"");
        }
        text
    };
    let objective = slo.objective().ratio().to_f64();
    let all = with(None);
    let values = [
        ("slo.sli", status.sli),
        ("slo.objective", Some(objective)),
        ("slo.error_budget.remaining", status.budget_remaining),
        ("slo.error_budget.projected_remaining", status.budget_projected),
    ];
    let line = |key: &str, dimensions: &str, value: Option<f64>| {
        let value = value.filter(|value| value.is_finite())?;
        Some(format!("{key}{dimensions} gauge,{value} {}", at.as_millis()))
    };
    let mut lines: Vec<String> =
        values.into_iter().filter_map(|(key, value)| line(key, &all, value)).collect();
    lines.extend(
        status
            .burn_rates
            .iter()
            .filter_map(|(window, rate)| line("slo.burn_rate", &with(Some(window.to_string())), *rate)),
    );
    Ok(lines)
}

/// The bodies of requests with these lines, each within the limits of one.
#[must_use]
pub fn batches(lines: &[String]) -> Vec<String> {
    let mut bodies: Vec<String> = Vec::new();
    let mut count = 0;
    for line in lines {
        let fits = |body: &&mut String| count < MOST_LINES && body.len() + line.len() < MOST_BYTES;
        if let Some(body) = bodies.last_mut().filter(fits) {
            body.push('\n');
            body.push_str(line);
            count += 1;
        } else {
            bodies.push(line.clone());
            count = 1;
        }
    }
    bodies
}

/// A key of a dimension: lower case, and other characters as underscores.
fn dimension(name: &str) -> String {
    let key: String = name
        .chars()
        .take(LONGEST_KEY)
        .map(|character| match character.to_ascii_lowercase() {
            allowed if allowed.is_ascii_alphanumeric() || "_:.-".contains(allowed) => allowed,
            _ => '_',
        })
        .collect();
    let begins_well = |first: char| first.is_ascii_lowercase() || first == '_';
    if key.starts_with(begins_well) { key } else { format!("_{}", key.get(1..).unwrap_or_default()) }
}

/// A value in quotes, cut to the length that is allowed with them; `None` if it is empty.
fn quoted(value: &str) -> Option<String> {
    let mut text = String::from("\"");
    for character in value.chars() {
        let piece = match character {
            '"' | '\\' => format!("\\{character}"),
            control if control.is_control() => "_".to_owned(),
            other => other.to_string(),
        };
        if text.chars().count() + piece.chars().count() >= LONGEST_VALUE {
            break;
        }
        text.push_str(&piece);
    }
    text.push('"');
    (!value.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_keep_to_the_protocol() {
        assert_eq!(dimension("HTTP Route"), "http_route");
        assert_eq!(dimension("1st"), "_st");
        assert_eq!(quoted("a\"b\\c\n").as_deref(), Some("\"a\\\"b\\\\c_\""));
        assert_eq!(quoted(""), None);
        assert_eq!(quoted(&"\"".repeat(300)).unwrap().chars().count(), 254);
    }

    #[test]
    fn a_group_cannot_have_the_dimension_of_burn_rates() {
        let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d, by: [Window],
            sli: {events: {total: all_total, bad: failed_total}}}]}";
        let service = slo_core::spec::parse(text).unwrap().remove(0);
        let slo = &service.slos()[0];
        let labels = [
            ("__name__", "slo:error_budget:projected_remaining_ratio"),
            ("service", "a"),
            ("slo", "b"),
            ("Window", "x"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let status = &slo_core::rules::Recorded::of(&service, [(&labels, 0.99)], []).statuses(slo)[0];
        let error = metric_lines(&service, slo, status, Timestamp::EPOCH).unwrap_err();
        assert_eq!(error.to_string(), "a/b: two labels are the dimension `window`");
    }

    #[test]
    fn requests_are_small_enough() {
        let lines = vec!["x".repeat(1_500); 2_500];
        let bodies = batches(&lines);
        assert!(bodies.iter().all(|body| body.len() <= MOST_BYTES && body.lines().count() <= MOST_LINES));
        assert_eq!(bodies.iter().map(|body| body.lines().count()).sum::<usize>(), 2_500);
        assert_eq!(batches(&[]), Vec::<String>::new());
    }
}
