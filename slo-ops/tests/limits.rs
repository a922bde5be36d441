//! Whatever alerts say, messages keep within the limits of `PagerDuty` and Slack.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use serde_json::Value;
use slo_core::model::Timestamp;
use slo_ops::{
    Redactor,
    alert::{Delivery, Source},
    incident::{Entry, Event, Incident, Message, Output, StepInfo, StepKind, StepOutcome},
    notify::{PAGERDUTY_LARGEST, PagerDuty, Slack, Summary},
};

/// Text that is long, wide, or means to be obeyed.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$(reboot) `id` ; rm -rf /".to_owned()),
        Just("<!channel> <@U1> <http://x|y> &&".to_owned()),
        Just("\u{1b}[31m\u{202e}\u{0}\r\n{{ . }}".to_owned()),
        Just("日本語🔥é".to_owned()),
        Just("password=hunter22 https://me:hunter22@x".to_owned()),
        "\\PC{0,20}",
    ];
    (piece, 0_usize..3_000).prop_map(|(piece, times)| piece.repeat(times.min(8_000 / piece.len().max(1))))
}

/// An incident with everything in it that people may be shown.
fn incident(texts: &[String], alerts: usize) -> Incident {
    let labels = serde_json::json!({
        "alertname": texts[0], "service": texts[1], "slo": texts[2], "severity": "page", texts[3].clone(): texts[4],
    });
    let annotations = serde_json::json!({
        "summary": texts[5], "description": texts[6], "runbook_url": texts[7],
        "dashboard_url": format!("https://x.example/{}", "a".repeat(texts[8].len())),
    });
    let alerts: Vec<Value> = (0..alerts)
        .map(|index| {
            let mut labels = labels.clone();
            labels["instance"] = index.to_string().into();
            serde_json::json!({"status": "firing", "labels": labels, "annotations": annotations,
                "startsAt": "2026-11-23T06:00:00Z", "generatorURL": texts[9]})
        })
        .collect();
    let body = serde_json::json!({"version": "4", "groupKey": texts[0].clone() + "k", "status": "firing",
        "truncatedAlerts": 7, "alerts": alerts});
    let delivery = Delivery::parse(Source::Alertmanager, body.to_string().as_bytes()).unwrap();
    let at = Timestamp::from_seconds(1_795_415_240);
    let mut incident = Incident::new(delivery.incident());
    incident.apply(&incident.receive(&delivery, at));
    let steps = texts.iter().map(|text| StepInfo::new(text, StepKind::Diagnose));
    let remedies = texts.iter().map(|text| StepInfo::new(text, StepKind::Remediate));
    let steps: Vec<StepInfo> = steps.chain(remedies).collect();
    let count = steps.len();
    let mut events = vec![Event::RunbookChosen { name: texts[0].clone(), digest: String::new(), steps }];
    for step in 0..count {
        if step < texts.len() {
            let mut output = Output::default();
            output.findings = texts.to_vec();
            let outcome = StepOutcome::Failed { reason: texts[step].clone() };
            events.push(Event::StepStarted { step, attempt: 1, values: [].into() });
            events.push(Event::StepEnded { step, attempt: 1, outcome, output });
        } else {
            events.push(Event::ApprovalAsked { step, until: at, command: texts.to_vec(), reason: None });
        }
    }
    let began = incident.open().unwrap().id.began;
    for event in events {
        incident.apply(&Entry::of(began, at, event));
    }
    incident
}

fn check_text(text: &Value, most: usize) {
    let kind = text["type"].as_str().unwrap();
    let text = text["text"].as_str().unwrap();
    // However it is counted.
    assert!(text.encode_utf16().count() <= most, "{} of {most}", text.encode_utf16().count());
    assert!(!text.is_empty());
    for mark in ["<!", "<@", "<#"] {
        assert!(!text.contains(mark), "{kind}: {text}");
    }
    let is_obeyed = |character: char| slo_core::plain(&character.to_string()) != character.to_string();
    assert!(!text.chars().any(|character| character != '\n' && is_obeyed(character)), "{text:?}");
    assert!(!text.contains("hunter22"), "{text}");
}

fn check_slack(message: &Value) {
    let blocks = message["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50);
    let mut ids = Vec::new();
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => check_text(&block["text"], 150),
            "section" => check_text(&block["text"], 3_000),
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!(elements.len() <= 10);
                for element in elements {
                    check_text(element, 2_000);
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=25).contains(&elements.len()));
                for button in elements {
                    check_text(&button["text"], 75);
                    assert!(button["value"].as_str().unwrap().len() <= 2_000);
                    let id = button["action_id"].as_str().unwrap();
                    assert!(id.len() <= 255 && !ids.contains(&id));
                    ids.push(id);
                }
            }
            other => panic!("{other}"),
        }
    }
    // As much as Slack takes in all.
    let all: usize = message.to_string().chars().count();
    assert!(all <= 13_200 + 4_000, "{all}");
}

fn check_pagerduty(event: &Value) {
    assert!(event.to_string().len() <= PAGERDUTY_LARGEST);
    assert!(event["dedup_key"].as_str().unwrap().len() <= 255);
    if event["event_action"] == "trigger" {
        let payload = &event["payload"];
        assert!((1..=1_024).contains(&payload["summary"].as_str().unwrap().encode_utf16().count()));
        assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
        assert!(!event.to_string().contains("hunter22"));
        for link in event["links"].as_array().into_iter().flatten() {
            assert!(link["href"].as_str().unwrap().starts_with("http"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn messages_keep_within_all_limits(texts in proptest::collection::vec(hostile(), 10), alerts in 1_usize..8, buttons in any::<bool>()) {
        let incident = incident(&texts, alerts);
        let episode = incident.open().unwrap();
        let now = Timestamp::from_seconds(1_795_419_240);
        let redactor = Redactor::default();
        let summary = Summary::of(episode, &redactor, now);
        prop_assert!(summary.lines().len() <= 10);
        for message in [Message::Opened, Message::Diagnosed, Message::ApprovalAsked { step: 12 }, Message::Acknowledged, Message::Resolved] {
            check_slack(&Slack::new(buttons).message(episode, message, &redactor, (now, true)));
            check_pagerduty(&PagerDuty::new("R0123456789ABCDEF0123456789ABCDE", "vm").event(episode, message, &redactor, now));
        }
    }
}
