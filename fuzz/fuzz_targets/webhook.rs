//! Whatever a sender of alerts posts: it is refused, or becomes an incident whose messages keep within the limits of those who
//! carry them, mention nobody, and hold nothing that a terminal would obey.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use slo_core::{
    document::{Faults, documents},
    model::Timestamp,
};
use slo_ops::{
    Redactor,
    alert::{Delivery, Source},
    incident::{Entry, Incident, Listed, Message, postmortem},
    notify::{PAGERDUTY_LARGEST, PagerDuty, Slack, Summary},
    runbook,
};

/// All texts of a value, each with the key it stands under.
fn texts<'a>(value: &'a Value, key: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((key, text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| texts(item, key, found)),
        _ => {}
    }
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(|character| character != '\n' && slo_core::plain(&character.to_string()) != character.to_string())
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(nodes) = documents(text)
    {
        let mut faults = Faults::default();
        nodes.iter().for_each(|node| drop(runbook::read(node, "runbooks", &mut faults)));
    }
    let Ok(delivery) = Delivery::parse(Source::Grafana, data) else { return };
    let at = Timestamp::from_seconds(1_795_415_240);
    let mut incident = Incident::new(delivery.incident());
    let entry = incident.receive(&delivery, at);
    let json = serde_json::to_string(&entry).expect("a record is text");
    let read: Entry = serde_json::from_str(&json).expect("it is read as it was written");
    assert_eq!(read, entry);
    incident.apply(&read);
    assert_eq!(incident.receive(&delivery, at).event, slo_ops::incident::Event::Repeated { delivery: delivery.id() });
    let redactor = Redactor::default();
    let _listed = Listed::of(&incident, &redactor);
    for episode in incident.episodes() {
        let summary = Summary::of(episode, &redactor, at);
        assert!(summary.lines().len() <= 10 && summary.lines().iter().all(|line| is_plain(line)));
        assert!(is_plain(&postmortem(episode, &[read.clone()], &redactor)));
        let event = PagerDuty::new("R0123456789ABCDEF0123456789ABCDE", "vm").event(episode, Message::Opened, &redactor, at);
        assert!(event.to_string().len() <= PAGERDUTY_LARGEST);
        assert!(event["payload"]["summary"].as_str().is_some_and(|text| text.chars().count() <= 1_024));
        let message = Slack::new(true).message(episode, Message::Opened, &redactor, (at, true));
        let mut found = Vec::new();
        texts(&message, "", &mut found);
        for (key, text) in found {
            assert!(text.chars().count() <= 3_000 && is_plain(text), "{key}: {text}");
            assert!(!text.contains("<!") && !text.contains("<@") && !text.contains("<#"), "{text}");
        }
    }
});
