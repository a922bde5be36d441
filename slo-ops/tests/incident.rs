//! Incidents from deliveries that come twice, late and out of order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use slo_core::model::Timestamp;
use slo_ops::{
    alert::{Alert, Delivery, LabelSet, Source, Status},
    incident::{Entry, EpisodeState, Event, Incident},
};

const START: i64 = 1_795_415_240;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

fn labels(name: &str) -> LabelSet {
    [("alertname", name), ("service", "checkout"), ("slo", "availability"), ("severity", "page")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// `a+` fires since the beginning, `a-60` was resolved after a minute, `b+30` began after half a minute.
fn alert(text: &str) -> Alert {
    let (name, rest) = text.split_at(1);
    let (sign, number) = rest.split_at(1);
    let number: i64 = if number.is_empty() { 0 } else { number.parse().unwrap() };
    if sign == "+" {
        Alert::new(Status::Firing, labels(name), at(number))
    } else {
        let mut alert = Alert::new(Status::Resolved, labels(name), at(0));
        alert.ends = Some(at(number));
        alert
    }
}

fn delivery(alerts: &str, truncated: u64) -> Delivery {
    let alerts: Vec<Alert> = alerts.split(' ').map(alert).collect();
    let is_firing = alerts.iter().any(Alert::is_firing);
    let body = serde_json::json!({
        "version": "4", "groupKey": "{}:{}", "status": if is_firing { "firing" } else { "resolved" },
        "truncatedAlerts": truncated,
        "alerts": alerts.iter().map(|alert| serde_json::json!({
            "status": alert.status.to_string(), "labels": alert.labels, "annotations": {},
            "startsAt": alert.starts.to_string(),
            "endsAt": alert.ends.map_or("0001-01-01T00:00:00Z".to_owned(), |ends| ends.to_string()),
        })).collect::<Vec<_>>(),
    });
    Delivery::parse(Source::Alertmanager, body.to_string().as_bytes()).unwrap()
}

/// What becomes of deliveries: `seconds: alerts`, one a line; the states of the episodes.
fn states(lines: &str) -> Vec<(i64, &'static str)> {
    let mut incident = Incident::new(delivery("a+", 0).incident());
    for line in lines.split(',').map(str::trim) {
        let (seconds, alerts) = line.split_once(": ").unwrap();
        let (alerts, truncated) =
            alerts.split_once('|').map_or((alerts, 0), |(alerts, n)| (alerts, n.parse().unwrap()));
        let entry = incident.receive(&delivery(alerts, truncated), at(seconds.parse().unwrap()));
        incident.apply(&entry);
    }
    incident
        .episodes()
        .iter()
        .map(|episode| (episode.id.began.as_millis() / 1_000 - START, episode.state().name()))
        .collect()
}

#[test]
fn an_episode_lasts_from_the_first_alert_until_none_fires() {
    let cases = [
        ("1: a+", vec![(0, "firing")]),
        ("1: a+, 61: a-60", vec![(0, "resolved")]),
        ("1: a+, 31: a+ b+30, 61: a-60 b+30", vec![(0, "firing")]),
        ("1: a+, 31: a+ b+30, 61: a-60 b+30, 91: b-90", vec![(0, "resolved")]),
        // It fires again: another episode of the same incident.
        ("1: a+, 61: a-60, 101: a+100", vec![(0, "resolved"), (100, "firing")]),
        ("1: a+, 1: a+, 2: a+, 61: a-60, 61: a-60", vec![(0, "resolved")]),
    ];
    for (lines, expected) in cases {
        assert_eq!(states(lines), expected, "{lines}");
    }
}

#[test]
fn what_comes_late_opens_nothing() {
    let cases = [
        ("1: a+, 61: a-60, 62: a+", vec![(0, "resolved")]),
        ("61: a-60, 62: a+", vec![]),
        ("1: a+, 31: a+ b+30, 91: b-90, 92: a+ b+30", vec![(0, "resolved")]),
        ("1: a+, 31: a+ b+30, 91: b-90, 92: a-60 b+30", vec![(0, "resolved")]),
        // Another Alertmanager took the alert for new a little later.
        ("1: a+, 61: a-60, 62: a+15", vec![(0, "resolved")]),
        // The end of an earlier time says nothing about the one that fires.
        ("1: a+, 61: a-60, 101: a+100, 102: a-60", vec![(0, "resolved"), (100, "firing")]),
        // So long after its end, it is news.
        ("1: a+, 61: a-60, 700: a+", vec![(0, "resolved"), (700, "firing")]),
    ];
    for (lines, expected) in cases {
        assert_eq!(states(lines), expected, "{lines}");
    }
}

#[test]
fn alerts_that_were_left_out_are_not_resolved() {
    assert_eq!(states("1: a+|3, 61: a-60|3"), [(0, "firing")]);
    assert_eq!(states("1: a+|3, 61: a-60|3, 91: b-90"), [(0, "resolved")]);
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let incident = Incident::new(delivery("a+", 0).incident());
    let entry = incident.receive(&delivery("a+ b+30", 2), at(5));
    let note = Entry::of(at(0), at(6), Event::Note { who: "ann".to_owned(), text: "é".to_owned() });
    for entry in [entry, note] {
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry, "{json}");
    }
}

proptest! {
    /// Two Alertmanagers that do not know of each other send what one would have sent, each in its order, some of it
    /// twice: one episode, which ends.
    #[test]
    fn two_senders_are_one_incident(order in proptest::collection::vec(any::<(bool, bool)>(), 8..40)) {
        let story = ["a+", "a+ b+30", "a-60 b+30", "b-90"];
        let mut incident = Incident::new(delivery("a+", 0).incident());
        let mut places = [0, 0];
        let mut seconds = 1;
        let mut tell = |incident: &mut Incident, place: usize| {
            seconds += 1;
            let entry = incident.receive(&delivery(story[place], 0), at(seconds));
            incident.apply(&entry);
        };
        for (second, again) in order {
            let place = &mut places[usize::from(second)];
            if *place < story.len() {
                tell(&mut incident, *place);
                if again {
                    tell(&mut incident, *place);
                }
                *place += 1;
            }
        }
        for place in places {
            for place in place..story.len() {
                tell(&mut incident, place);
            }
        }
        prop_assert!(incident.deliveries() >= 8);
        prop_assert_eq!(incident.episodes().len(), 1);
        prop_assert_eq!(incident.episodes()[0].state(), EpisodeState::Resolved);
        prop_assert_eq!(incident.episodes()[0].id.began, at(0));
    }

    /// However a record is cut, whoever reads it sees the same.
    #[test]
    fn an_incident_is_a_function_of_its_record(seconds in proptest::collection::vec(0_i64..2_000, 1..30)) {
        let story = ["a+", "a+ b+30", "a-60 b+30", "b-90", "a+100|2", "a-60"];
        let mut incident = Incident::new(delivery("a+", 0).incident());
        let mut record = Vec::new();
        for (index, second) in seconds.iter().enumerate() {
            let (alerts, truncated) = story[index % story.len()].split_once('|').unwrap_or((story[index % story.len()], "0"));
            let entry = incident.receive(&delivery(alerts, truncated.parse().unwrap()), at(*second));
            incident.apply(&entry);
            record.push(serde_json::from_str::<Entry>(&serde_json::to_string(&entry).unwrap()).unwrap());
        }
        prop_assert_eq!(Incident::of(incident.id(), &record), incident);
    }
}
