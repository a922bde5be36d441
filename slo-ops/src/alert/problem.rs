//! The body of Dynatrace's problem notifications.

use super::{Alert, Delivery, LabelSet, Source, Status};
use serde::Deserialize;
use slo_core::{
    Error,
    model::{LabelName, Notification, Timestamp},
};
use std::collections::{BTreeMap, BTreeSet};

/// The body. Dynatrace fills in the placeholders of a template that its users write; this is the one of our documentation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    state: String,
    #[serde(default, rename = "PID")]
    pid: String,
    #[serde(default)]
    problem_title: String,
    #[serde(default)]
    problem_severity: String,
    #[serde(default, rename = "ProblemURL")]
    problem_url: String,
    #[serde(default)]
    impacted_entity: String,
    #[serde(default)]
    tags: String,
    #[serde(default)]
    problem_details: Details,
}

/// What `{ProblemDetailsJSONv2}` has, as far as it is used.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    problem_id: String,
    title: String,
    severity_level: String,
    impact_level: String,
    // Milliseconds; the end is -1 while the problem is open.
    start_time: Option<i64>,
    end_time: Option<i64>,
    entity_tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// The payload to configure in Dynatrace.
const TEMPLATE: &str = r#"write the payload as {"State":"{State}","PID":"{PID}","ProblemTitle":"{ProblemTitle}","ProblemSeverity":"{ProblemSeverity}","ProblemURL":"{ProblemURL}","ImpactedEntity":"{ImpactedEntity}","Tags":"{Tags}","ProblemDetails":{ProblemDetailsJSONv2}}"#;

/// Severities of problems that page.
const PAGES: [&str; 2] = ["AVAILABILITY", "ERROR"];

pub(super) fn parse(body: &[u8]) -> Result<Delivery, Error> {
    let refuse = |message: String| Error::new(message).with_hint(TEMPLATE);
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| refuse(format!("not a problem of Dynatrace: {error}")))?;
    let details = &body.problem_details;
    let status = match body.state.as_str() {
        "OPEN" => Status::Firing,
        // A problem that was merged into another one is over as such.
        "RESOLVED" | "CLOSED" | "MERGED" => Status::Resolved,
        other => return Err(refuse(format!("State: `{other}` is neither OPEN nor RESOLVED"))),
    };
    let first = |one: &str, other: &str| if one.is_empty() { other.to_owned() } else { one.to_owned() };
    let id = first(&body.pid, &details.problem_id);
    if id.is_empty() {
        return Err(refuse("PID: the problem has no id".to_owned()));
    }
    let starts = details.start_time.filter(|start| *start > 0);
    let starts = starts.ok_or_else(|| refuse("ProblemDetails.startTime is missing".to_owned()))?;
    let severity = first(&body.problem_severity, &details.severity_level);
    let mut labels = LabelSet::new();
    let mut annotations = LabelSet::new();
    for (key, value) in agreed(tags(&body)) {
        if key == Notification::RESPONSE {
            annotations.insert(key, value);
        } else if key.parse::<LabelName>().is_ok() && key != "alertname" {
            labels.insert(key, value);
        }
    }
    let title = first(&body.problem_title, &details.title);
    labels.insert("alertname".to_owned(), first(&title, "Dynatrace problem"));
    labels
        .entry("severity".to_owned())
        .or_insert_with(|| if PAGES.contains(&severity.as_str()) { "page" } else { "ticket" }.to_owned());
    for (name, value) in [("problem_severity", severity), ("impact", details.impact_level.clone())] {
        if !value.is_empty() {
            labels.insert(name.to_owned(), value);
        }
    }
    let entity = body.impacted_entity.clone();
    annotations
        .insert("summary".to_owned(), if entity.is_empty() { title } else { format!("{title}: {entity}") });
    let url = Some(body.problem_url.clone()).filter(|url| !url.is_empty());
    let ends = details.end_time.filter(|end| status == Status::Resolved && *end > 0);
    let alert = Alert {
        status,
        labels,
        annotations,
        starts: Timestamp::from_millis(starts),
        ends: ends.map(Timestamp::from_millis),
        generator_url: url,
    };
    Ok(Delivery {
        source: Source::Dynatrace,
        group_key: format!("dynatrace:{id}"),
        alerts: vec![alert],
        truncated: 0,
        external_url: body.problem_url,
    })
}

/// The tags whose values agree: of several entities, each has tags of its own.
fn agreed(tags: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in tags {
        values.entry(key).or_default().insert(value);
    }
    let single = values.into_iter().filter(|(_, values)| values.len() == 1);
    single.filter_map(|(key, values)| Some((key, values.into_iter().next()?))).collect()
}

/// The tags with values: those of the details, else those of the text `key:value, [context]key:value`.
fn tags(body: &Body) -> Vec<(String, String)> {
    let tags = &body.problem_details.entity_tags;
    if !tags.is_empty() {
        let with_value = tags.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?)));
        return with_value.collect();
    }
    let of_text = body.tags.split(',').filter_map(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(tag, |(_, tag)| tag);
        tag.split_once(':')
    });
    of_text.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Incident;

    fn body(state: &str, end: i64) -> String {
        format!(
            r#"{{"State":"{state}","PID":"-7_1","ProblemTitle":"Failure rate increase","ProblemSeverity":"ERROR",
            "ProblemURL":"https://abc.live.dynatrace.com/#problems/7","ImpactedEntity":"Web service checkout","Tags":"ignored:x",
            "ProblemDetails":{{"problemId":"-7_1","startTime":1795415240000,"endTime":{end},"impactLevel":"SERVICES",
            "entityTags":[{{"context":"CONTEXTLESS","key":"service","value":"checkout"}},{{"context":"CONTEXTLESS","key":"slo","value":"availability"}},
            {{"context":"AWS","key":"bad key","value":"x"}},{{"context":"CONTEXTLESS","key":"alone"}},{{"context":"CONTEXTLESS","key":"slo_response","value":"checkout-down"}}]}}}}"#
        )
    }

    #[test]
    fn a_problem_is_an_incident_from_its_beginning_to_its_end() {
        let open = parse(body("OPEN", -1).as_bytes()).unwrap();
        assert_eq!(open, parse(body("OPEN", -1).as_bytes()).unwrap());
        assert_eq!(open.alerts[0].slo().as_deref(), Some("checkout/availability"));
        assert_eq!(open.alerts[0].labels["severity"], "page");
        assert!(!open.alerts[0].labels.contains_key("bad key"));
        assert_eq!(open.alerts[0].annotations[Notification::RESPONSE], "checkout-down");
        let at = Timestamp::from_millis(1_795_415_250_000);
        let mut incident = Incident::new(open.incident());
        let entry = incident.receive(&open, at);
        incident.apply(&entry);
        assert_eq!(incident.open().unwrap().id.began.as_millis(), 1_795_415_240_000);
        let closed = parse(body("RESOLVED", 1_795_415_300_000).as_bytes()).unwrap();
        assert_eq!(closed.incident(), open.incident());
        let entry = incident.receive(&closed, Timestamp::from_millis(1_795_415_310_000));
        incident.apply(&entry);
        assert!(incident.open().is_none());
        let ended = incident.episodes()[0].resolution.unwrap().ended;
        assert_eq!(ended.as_millis(), 1_795_415_300_000);
    }

    #[test]
    fn a_problem_whose_title_changes_is_one_alert() {
        let problem = |state: &str, title: &str, at: i64| {
            let end = if state == "OPEN" { -1 } else { at };
            let text = body(state, end).replace("Failure rate increase", title);
            (parse(text.as_bytes()).unwrap(), Timestamp::from_millis(at + 1_000))
        };
        let (first, at) = problem("OPEN", "Failure rate increase", 1_795_415_250_000);
        let mut incident = Incident::new(first.incident());
        incident.apply(&incident.receive(&first, at));
        let (renamed, at) = problem("OPEN", "Multiple service problems", 1_795_415_260_000);
        incident.apply(&incident.receive(&renamed, at));
        let alerts = &incident.open().unwrap().alerts;
        assert_eq!(
            alerts.iter().map(|alert| &*alert.labels["alertname"]).collect::<Vec<_>>(),
            ["Multiple service problems"]
        );
        let (over, at) = problem("RESOLVED", "Multiple service problems", 1_795_415_300_000);
        incident.apply(&incident.receive(&over, at));
        // A late message with the title of before opens nothing.
        incident.apply(&incident.receive(&first, at));
        assert_eq!((incident.episodes().len(), incident.open().is_some()), (1, false));
    }

    #[test]
    fn tags_of_several_entities_that_differ_are_nobodys() {
        let text = body("OPEN", -1).replace(
            r#""value":"availability"},"#,
            r#""value":"availability"},{"key":"service","value":"search"},{"value":"no key"},"#,
        );
        let labels = &parse(text.as_bytes()).unwrap().alerts[0].labels;
        assert_eq!((labels.get("service"), labels["slo"].as_str()), (None, "availability"));
    }

    #[test]
    fn tags_may_be_text() {
        let text = body("OPEN", -1)
            .replace("entityTags", "others")
            .replace("ignored:x", "service:cart, [AWS]zone:a:b, alone");
        let labels = &parse(text.as_bytes()).unwrap().alerts[0].labels;
        assert_eq!((labels["service"].as_str(), labels["zone"].as_str()), ("cart", "a:b"));
    }

    #[test]
    fn refuses_what_is_no_problem_and_says_what_to_configure() {
        for (text, expected) in [
            ("{}", "not a problem of Dynatrace: missing field `State`"),
            (r#"{"State":"OPEN","ProblemTitle":"x"}"#, "PID: the problem has no id"),
            (r#"{"State":"OPEN","PID":"1"}"#, "ProblemDetails.startTime is missing"),
            (r#"{"State":"{State}","PID":"1"}"#, "State: `{State}` is neither OPEN nor RESOLVED"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(error.hint().unwrap().contains("{ProblemDetailsJSONv2}"));
        }
    }
}
