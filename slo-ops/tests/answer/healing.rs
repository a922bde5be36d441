//! What becomes of remediations that no person approves.

use super::world::World;
use slo_core::{
    document::{Faults, documents},
    math::Tally,
    model::{Timestamp, Window},
};
use slo_ops::{
    incident::{Entry, Event, Evidence, StepKind, StepOutcome, StepState},
    runbook::{PastStart, read},
};

/// A world whose only runbook has these steps, after the alert.
fn healing(steps: &str) -> World {
    let mut world = World::new(Vec::new());
    let text = format!("{{checkout-down: {{steps: [{steps}]}}}}");
    world.runbooks = read(&documents(&text).unwrap()[0], "runbooks", &mut Faults::default());
    world.hear("firing");
    world
}

/// Turns until something that `is_it` knows is in the record.
fn until(world: &mut World, is_it: impl Fn(&Event) -> bool) {
    for _ in 0..2_000 {
        if world.record.iter().any(|entry| is_it(&entry.event)) {
            return;
        }
        world.turn();
    }
    panic!("it never came: {:#?}", world.record);
}

/// Two remediations that run by themselves.
fn two_steps() -> String {
    let step =
        |name| format!("{{remediate: {{command: [/bin/{name}], approval: waived, verify_within: 2m}}}}");
    [step("one"), step("two")].join(", ")
}

/// The first of two remediations was run; the latest minute is calm, and the one before it is not.
fn after_the_first() -> World {
    let mut world = healing(&two_steps());
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    world.latest = Some(0);
    until(&mut world, |event| matches!(event, Event::Evidence { step: 1, evidence } if evidence.bad > 0));
    world
}

/// Why the first step that was skipped was.
fn skipped(world: &World) -> Option<&str> {
    world.record.iter().find_map(|entry| match &entry.event {
        Event::StepSkipped { reason, .. } => Some(reason.as_str()),
        _ => None,
    })
}

#[test]
fn what_makes_it_worse_is_undone_at_once() {
    let mut world = healing(
        "{remediate: {command: [/bin/restart], approval: waived, verify_within: 1h, undo: {command: [/bin/back]}}}",
    );
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepStarted { .. }));
    world.bad = 900;
    until(&mut world, |event| matches!(event, Event::StepStarted { step: 1, .. }));
    let incident = world.incident();
    let run = &incident.episodes()[0].steps()[0];
    assert_eq!(run.helped, Some(false));
    assert!(world.record.iter().any(|entry| entry.event == Event::DidNotHelp { step: 0, worse: true }));
    // Not after the hour in which it might have helped.
    assert!(world.now < run.starts[0].after(Window::minutes(5)), "{}", world.now);
}

#[test]
fn what_does_not_help_in_its_time_is_undone() {
    let mut world = healing(
        "{remediate: {command: [/bin/restart], approval: waived, verify_within: 2m, undo: {command: [/bin/back]}}}",
    );
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepStarted { step: 1, .. }));
    assert!(world.record.iter().any(|entry| entry.event == Event::DidNotHelp { step: 0, worse: false }));
}

#[test]
fn a_minute_with_few_events_ends_nothing() {
    let restless = || {
        let mut world = healing(&two_steps());
        (world.heals, world.events, world.bad) = (false, 20, 2);
        until(&mut world, |event| matches!(event, Event::DidNotHelp { step: 0, .. }));
        // One bad event of twenty shows neither that the budget is burning nor that it is not.
        world.bad = 1;
        world
    };
    let mut world = restless();
    until(&mut world, |event| matches!(event, Event::Evidence { step: 1, evidence } if evidence.bad == 1));
    world.turn();
    world.bad = 2;
    until(&mut world, |event| matches!(event, Event::StepStarted { step: 1, .. }));

    let mut world = restless();
    until(&mut world, |event| matches!(event, Event::StepSkipped { step: 1, .. }));
    let expected = "the events of checkout/availability do not show that it is burning its error budget";
    assert_eq!(skipped(&world), Some(expected));
}

#[test]
fn what_helped_late_is_followed_by_nothing() {
    let mut world = after_the_first();
    for _ in 0..20 {
        world.turn();
    }
    assert_eq!(world.ran.len(), 1, "the latest minute is calm");
    world.is_burning = false;
    until(&mut world, |event| matches!(event, Event::StepSkipped { step: 1, .. }));
    assert_eq!(skipped(&world), Some("checkout/availability is no longer burning its error budget"));
}

#[test]
fn an_outage_that_comes_and_goes_does_not_skip_the_next_remediation() {
    let mut world = after_the_first();
    let calm = world.now;
    while world.now < calm.after(Window::minutes(10)) {
        world.turn();
    }
    world.latest = Some(500);
    until(&mut world, |event| matches!(event, Event::StepStarted { step: 1, .. }));
}

#[test]
fn minutes_without_a_bad_event_undo_nothing() {
    let mut world = healing(
        "{remediate: {command: [/bin/restart], approval: waived, verify_within: 2m, undo: {command: [/bin/back]}}}",
    );
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    // Too few to be sure, after a bad minute.
    (world.events, world.bad, world.latest) = (40, 20, Some(0));
    until(&mut world, |event| matches!(event, Event::StepSkipped { step: 1, .. }));
    let incident = world.incident();
    let steps = incident.episodes()[0].steps();
    assert_eq!((steps[0].helped, world.ran.len()), (None, 1));
}

#[test]
fn what_is_seen_only_at_the_end_has_helped() {
    let mut world = healing("{remediate: {command: [/bin/restart], approval: waived, verify_within: 1m}}");
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    // The first look that has counts comes after the minute.
    world.answers = false;
    let ended = world.now;
    while world.now < ended.after(Window::seconds(70)) {
        world.turn();
    }
    (world.answers, world.is_burning) = (true, false);
    until(&mut world, |event| matches!(event, Event::Mitigated { .. }));
}

#[test]
fn nothing_is_undone_once_a_person_said_that_users_are_fine() {
    let mut world =
        healing("{remediate: {command: [/bin/restart], approval: waived, undo: {command: [/bin/back]}}}");
    until(&mut world, |event| matches!(event, Event::StepStarted { step: 0, .. }));
    let began = world.incident().episodes()[0].id.began;
    world.record.push(Entry::of(began, world.now, Event::Mitigated { who: "ann".to_owned() }));
    for (_, entry) in &mut world.pending {
        if let Event::StepEnded { outcome, .. } = &mut entry.event {
            *outcome = StepOutcome::Failed { reason: "exit status: 1".to_owned() };
        }
    }
    until(&mut world, |event| matches!(event, Event::StepSkipped { step: 1, .. }));
    assert_eq!(world.ran, [(0, StepKind::Remediate, false)]);
}

#[test]
fn without_counts_nobody_knows_whether_it_helped() {
    let mut world = healing(
        "{remediate: {command: [/bin/restart], approval: waived, verify_within: 5m, undo: {command: [/bin/back]}}}",
    );
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    world.answers = false;
    let ended = world.now;
    while world.now < ended.after(Window::minutes(8)) {
        world.turn();
    }
    let incident = world.incident();
    let steps = incident.episodes()[0].steps();
    assert_eq!(steps[0].helped, None);
    assert!(matches!(steps[1].state, StepState::Skipped { .. }), "{:?}", steps[1].state);
}

#[test]
fn what_failed_twice_in_a_row_waits_for_a_person() {
    let restart = "{remediate: {command: [/bin/restart], approval: waived, cooldown: 1s, at_most: 10/h}}";
    let past = |helped: &[Option<bool>]| {
        let mut world = healing(restart);
        let at = |index: usize| world.now.before(Window::days(9 - index as u64));
        let starts =
            helped.iter().enumerate().map(|(index, helped)| PastStart { at: at(index), helped: *helped });
        let starts = starts.collect();
        world.starts.insert(("checkout-down".to_owned(), "restart".to_owned()), starts);
        until(&mut world, |event| matches!(event, Event::StepStarted { .. } | Event::ApprovalAsked { .. }));
        world.record.iter().find_map(|entry| match &entry.event {
            Event::ApprovalAsked { reason, .. } => reason.clone(),
            _ => None,
        })
    };
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(past(&[no]), None);
    assert_eq!(past(&[no, no]).as_deref(), Some("it did not help 2 times in a row"));
    // It had not failed, at least.
    assert_eq!(past(&[no, no, None]), None);
    assert_eq!(past(&[no, no, yes]), None);
    assert_eq!(past(&[yes, no, None, no]), None);
    assert_eq!(past(&[yes, no, no, no]).as_deref(), Some("it did not help 3 times in a row"));
    // One between them that is not judged yet does not hide them.
    let mut world = healing(restart);
    let start = |days, hours, helped| PastStart {
        at: world.now.before(Window::days(days)).after(Window::hours(hours)),
        helped,
    };
    let starts = vec![start(2, 1, no), start(1, 23, None), start(1, 23, no)];
    world.starts.insert(("checkout-down".to_owned(), "restart".to_owned()), starts);
    until(&mut world, |event| matches!(event, Event::ApprovalAsked { .. }));
}

/// Two failures, and a run in another incident that nobody has judged yet.
fn distrusted() -> World {
    let mut world =
        healing("{remediate: {command: [/bin/restart], approval: waived, cooldown: 1s, at_most: 10/h}}");
    let failed = |days| PastStart { at: world.now.before(Window::days(days)), helped: Some(false) };
    let pending = PastStart { at: world.now.before(Window::minutes(1)), helped: None };
    let starts = vec![failed(2), failed(1), pending];
    world.starts.insert(("checkout-down".to_owned(), "restart".to_owned()), starts);
    until(&mut world, |event| matches!(event, Event::ApprovalAsked { .. }));
    world
}

#[test]
fn who_was_asked_decides_even_if_it_has_helped_elsewhere_meanwhile() {
    for approve in [true, false] {
        let mut world = distrusted();
        let starts = world.starts.values_mut().next().unwrap();
        starts.last_mut().unwrap().helped = Some(true);
        assert!(world.ran.is_empty(), "nobody has answered");
        let began = world.incident().episodes()[0].id.began;
        let who = "ann".to_owned();
        let answer = if approve { Event::Approved { step: 0, who } } else { Event::Denied { step: 0, who } };
        world.record.push(Entry::of(began, world.now, answer));
        for _ in 0..50 {
            world.turn();
        }
        assert_eq!(world.ran.len(), usize::from(approve));
    }
}

#[test]
fn counts_of_another_slo_do_not_judge_a_remediation() {
    let of = |slo: &str, bad| {
        let at = Timestamp::from_seconds(1);
        Evidence::new(at, slo, "99%".parse().unwrap(), Window::minutes(1), Tally::new(1_000, bad).unwrap())
    };
    assert!(of("a/b", 400).is_worse_than(&of("a/b", 50)));
    assert!(!of("a/c", 400).is_worse_than(&of("a/b", 50)));
}

#[test]
fn after_two_failures_in_an_episode_a_person_decides() {
    let step = |name: &str| {
        format!("{{remediate: {{command: [/bin/{name}], approval: waived, verify_within: 2m}}}}")
    };
    let mut world = healing(&["one", "two", "three"].map(step).join(", "));
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::ApprovalAsked { .. }));
    let incident = world.incident();
    let helped: Vec<_> = incident.episodes()[0].steps().iter().map(|run| run.helped).collect();
    assert_eq!(helped, [Some(false), Some(false), None]);
    let asked = world.record.iter().find_map(|entry| match &entry.event {
        Event::ApprovalAsked { step, reason, .. } => Some((*step, reason.clone().unwrap())),
        _ => None,
    });
    assert_eq!(asked, Some((2, "2 remediations did not help in this episode".to_owned())));
}
