//! Incidents answered by a process that may die at every moment.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod healing;
mod world;

use proptest::prelude::*;
use slo_core::{
    document::{Faults, documents},
    model::Window,
};
use slo_ops::{
    incident::{Entry, Event, StepKind, StepState, Target},
    runbook::{PastStart, read},
};
use world::{World, delivery};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever fails and whenever the process dies: every step is run at most once, unless it is repeatable; it is known
    /// what became of each; everybody is told of the end; and it comes to rest.
    #[test]
    fn answers_to_the_end(choices in proptest::collection::vec(any::<u8>(), 0..120), approve in any::<bool>(), resolve in 0_usize..80) {
        let mut world = World::new(choices);
        world.hear("firing");
        let mut settled = false;
        for turn in 0..600 {
            let incident = world.incident();
            if let Some(episode) = incident.open() {
                for (step, run) in episode.steps().iter().enumerate() {
                    if matches!(run.approval, Some(slo_ops::incident::Approval::Asked { .. })) && turn % 5 == 0 {
                        let who = "ann".to_owned();
                        let event = if approve { Event::Approved { step, who } } else { Event::Denied { step, who } };
                        world.record.push(Entry::of(episode.id.began, world.now, event));
                    }
                }
            }
            if turn == resolve {
                world.hear("resolved");
            }
            settled = world.turn();
            if settled && turn > resolve {
                break;
            }
        }
        prop_assert!(settled, "it never comes to rest");
        let incident = world.incident();
        let episode = &incident.episodes()[0];
        for (step, run) in episode.steps().iter().enumerate() {
            let times = world.ran.iter().filter(|(one, ..)| *one == step).count();
            prop_assert!(times <= if run.info.repeatable { 3 } else { 1 }, "step {step} ran {times} times");
            prop_assert!(run.state.is_final(), "step {step}: {:?}", run.state);
            if matches!(run.state, StepState::Skipped { .. }) && !run.info.repeatable {
                prop_assert_eq!(times, 0);
            }
            if run.info.kind == StepKind::Remediate && step == 3 && !approve {
                prop_assert_eq!(times, 0);
            }
        }
        for target in [Target::PagerDuty, Target::Slack] {
            prop_assert!(world.accepted.contains(&(target, "resolved".to_owned())), "{target} was not told of the end");
        }
    }
}

/// `PagerDuty` is down for an hour: Slack is told at once, `PagerDuty` within five minutes of its return, after few attempts.
#[test]
fn a_receiver_that_is_down_for_an_hour_is_told_when_it_is_back() {
    let mut world = World::new(Vec::new());
    let back = world.now.after(Window::hours(1));
    world.down = Some((Target::PagerDuty, back));
    world.hear("firing");
    let opened = |world: &World, target| world.accepted.contains(&(target, "opened".to_owned()));
    while !opened(&world, Target::PagerDuty) {
        world.turn();
        assert!(world.now < back.after(Window::minutes(5)), "it was not told at {}", world.now);
        if world.now.millis_since(back.before(Window::hours(1))) > 60_000 {
            assert!(opened(&world, Target::Slack));
        }
    }
    assert!(world.now >= back);
    let attempts = world
        .record
        .iter()
        .filter(|entry| matches!(entry.event, Event::Sending { target: Target::PagerDuty, .. }));
    // 1 s, 2 s, 4 s … 256 s, and every five minutes: nine, and eleven.
    assert!((15..=25).contains(&attempts.count()));
}

#[test]
fn an_unknown_response_is_told_and_never_guessed() {
    let mut world = World::new(Vec::new());
    let entry =
        world.incident().receive(&delivery("firing", "2026-11-23T08:00:00Z", "checkout-dwn"), world.now);
    world.record.push(entry);
    while !world.turn() {}
    let incident = world.incident();
    let slo_ops::incident::RunbookRun::Missing { reason } = &incident.episodes()[0].runbook else { panic!() };
    assert_eq!(reason, "the runbook `checkout-dwn` is not configured");
    assert_eq!(world.ran, []);
}

#[test]
fn nothing_runs_on_a_resolved_notice() {
    let mut world = World::new(Vec::new());
    world.hear("resolved");
    assert!(world.turn());
    assert_eq!(world.record.len(), 1);
    world.now = world.now.after(Window::seconds(5));
    world.hear("firing"); // late
    assert!(world.turn());
    assert_eq!((world.ran.len(), world.accepted.len()), (0, 0));
}

#[test]
fn a_remedy_is_not_started_oftener_than_it_may() {
    let mut world = World::new(Vec::new());
    // While the step before it waits for an approval.
    let earlier = world.now.after(Window::minutes(30));
    world.starts.insert(
        ("checkout-down".to_owned(), "scale".to_owned()),
        vec![PastStart { at: earlier, helped: None }],
    );
    world.hear("firing");
    while !world.turn() {
        let incident = world.incident();
        if incident.episodes()[0].steps().last().is_some_and(|run| run.state.is_final()) {
            break;
        }
    }
    let incident = world.incident();
    let StepState::Skipped { reason } = &incident.episodes()[0].steps()[5].state else {
        panic!("{:?}", incident.episodes()[0].steps()[5])
    };
    assert_eq!(reason, "it has reached its limit of starts: 1 in 1h");
}

/// What somebody approved runs with the parameters that they saw, or not at all.
#[test]
fn an_approval_is_of_the_parameters_that_were_shown() {
    let with_pool = |pool: &str| {
        let mut delivery = delivery("firing", "2026-11-23T08:00:00Z", "recycle");
        delivery.alerts[0].annotations.insert("pool".to_owned(), pool.to_owned());
        // What makes it another delivery.
        delivery.truncated = u64::try_from(pool.len()).unwrap();
        delivery
    };
    let mut world = World::new(Vec::new());
    let text = r#"{recycle: {steps: [{remediate: {command: [/bin/recycle, "{pool}"]}}],
        parameters: {pool: {from: annotations.pool, pattern: "[a-z-]+"}}}}"#;
    world.runbooks = read(&documents(text).unwrap()[0], "runbooks", &mut Faults::default());
    let entry = world.incident().receive(&with_pool("orders"), world.now);
    world.record.push(entry);
    let asked = |world: &World| world.incident().episodes()[0].steps().first().map(|run| run.command.clone());
    while asked(&world).is_none_or(|command| command.is_empty()) {
        world.turn();
    }
    assert_eq!(asked(&world).unwrap(), ["/bin/recycle", "orders"]);
    let entry = world.incident().receive(&with_pool("payments"), world.now);
    world.record.push(entry);
    let began = world.incident().episodes()[0].id.began;
    let approved = Event::Approved { step: 0, who: "ann".to_owned() };
    world.record.push(Entry::of(began, world.now, approved));
    while !world.turn() {}
    let incident = world.incident();
    let StepState::Skipped { reason } = &incident.episodes()[0].steps()[0].state else { panic!() };
    assert_eq!(reason, "its parameters have changed since it was approved");
    assert_eq!(world.ran, []);
}

/// A sender that forgot its alerts says nothing more; a person ends the episode.
#[test]
fn a_person_ends_what_its_sender_forgot() {
    let mut world = World::new(Vec::new());
    world.hear("firing");
    let began = world.incident().open().unwrap().id.began;
    world.record.push(Entry::of(began, world.now, Event::Closed { who: "ann".to_owned() }));
    for _ in 0..100 {
        world.turn();
    }
    assert_eq!(world.incident().open(), None);
    assert!(world.accepted.contains(&(Target::PagerDuty, "resolved".to_owned())));
}
