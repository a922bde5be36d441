//! Incidents answered by a process that may die at every moment.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use slo_core::{
    document::{Faults, documents},
    math::Tally,
    model::{Timestamp, Window},
};
use slo_ops::{
    alert::{Delivery, Source},
    incident::{
        Entry, Event, Evidence, Incident, Output, SendOutcome, StepKind, StepOutcome, StepState, Target,
    },
    runbook::{Action, PastStart, Runbooks, Situation, Work, next, read, send_again},
};
use std::collections::{BTreeMap, BTreeSet};

const RUNBOOKS: &str = r#"
checkout-down:
  steps:
    - diagnose: host
    - diagnose: {command: [/bin/look]}
    - diagnose: {command: [/bin/look-again], repeatable: true}
    - remediate: {command: [/bin/restart, "{service}"], approval: required, cooldown: 30m, undo: {command: [/bin/back]}}
    - remediate: {command: [/bin/scale], approval: waived, at_most: 1/h, cooldown: 1m}
  parameters: {service: {from: labels.service, pattern: "[a-z]+"}}
"#;

fn runbooks() -> Runbooks {
    let mut faults = Faults::default();
    let runbooks = read(&documents(RUNBOOKS).unwrap()[0], "runbooks", &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    runbooks
}

fn delivery(status: &str, starts: &str, response: &str) -> Delivery {
    let body = format!(
        r#"{{"version": "4", "groupKey": "g", "status": "{status}", "alerts": [{{"status": "{status}",
        "labels": {{"service": "checkout", "slo": "availability", "severity": "page"}},
        "annotations": {{"slo_response": "{response}"}}, "startsAt": "{starts}", "endsAt": "2026-11-23T09:00:00Z"}}]}}"#
    );
    Delivery::parse(Source::Alertmanager, body.as_bytes()).unwrap()
}

/// A world in which actions are done: what they come to is drawn from `choices`.
struct World {
    now: Timestamp,
    record: Vec<Entry>,
    runbooks: Runbooks,
    running: BTreeSet<Work>,
    /// What runs, and is not written down yet.
    pending: Vec<(Work, Entry)>,
    starts: BTreeMap<(String, String), Vec<PastStart>>,
    choices: Vec<u8>,
    ran: Vec<(usize, StepKind, bool)>,
    accepted: Vec<(Target, String)>,
    is_burning: bool,
    /// Whether Prometheus answers.
    answers: bool,
    /// Whether remediations may help.
    heals: bool,
    /// The events and the bad ones of a minute while it burns.
    events: u64,
    bad: u64,
    /// The bad ones of a second minute, if there is one.
    latest: Option<u64>,
    /// Until when a receiver takes nothing.
    down: Option<(Target, Timestamp)>,
}

impl World {
    fn new(choices: Vec<u8>) -> Self {
        Self {
            now: "2026-11-23T08:00:00Z".parse().unwrap(),
            record: Vec::new(),
            runbooks: runbooks(),
            running: BTreeSet::new(),
            pending: Vec::new(),
            starts: BTreeMap::new(),
            choices,
            ran: Vec::new(),
            accepted: Vec::new(),
            is_burning: true,
            answers: true,
            heals: true,
            events: 1_000,
            bad: 500,
            latest: None,
            down: None,
        }
    }

    fn draw(&mut self) -> u8 {
        self.choices.pop().unwrap_or(2)
    }

    fn incident(&self) -> Incident {
        Incident::of(delivery("firing", "2026-11-23T08:00:00Z", "x").incident(), &self.record)
    }

    fn hear(&mut self, status: &str) {
        let entry =
            self.incident().receive(&delivery(status, "2026-11-23T08:00:00Z", "checkout-down"), self.now);
        self.record.push(entry);
    }

    /// One look at the record, and all that follows from it; whether nothing is left to be done.
    fn turn(&mut self) -> bool {
        let incident = self.incident();
        let (runbooks, starts, running) = (self.runbooks.clone(), self.starts.clone(), self.running.clone());
        let targets = [Target::PagerDuty, Target::Slack];
        let counted = BTreeSet::from(["checkout/availability".to_owned()]);
        let situation = Situation {
            summarizes: false,
            now: self.now,
            running: &running,
            starts: &starts,
            targets: &targets,
            runbooks: &runbooks,
            counted: &counted,
        };
        let next = next(&incident, &situation);
        for action in next.actions.clone() {
            self.act(&incident, action);
        }
        if let Some((_, entry)) =
            (!self.pending.is_empty() && self.draw().is_multiple_of(2)).then(|| self.pending.remove(0))
        {
            self.record.push(entry);
            self.running = self.pending.iter().map(|(work, _)| *work).collect();
        }
        // A process that dies forgets what runs; what ran has run.
        if self.draw() % 7 == 3 {
            self.pending.clear();
            self.running.clear();
        }
        let wait = next.at.filter(|_| next.actions.is_empty() && self.pending.is_empty());
        self.now = wait.unwrap_or(self.now).max(self.now.after(Window::seconds(1)));
        next.is_settled() && running.is_empty()
    }

    fn act(&mut self, incident: &Incident, action: Action) {
        match action {
            Action::Record(entry) => self.record.push(entry),
            Action::Run { began, step, attempt } => {
                let run = &incident.episode(began).unwrap().steps()[step];
                let (kind, repeatable) = (run.info.kind, run.info.repeatable);
                let episode = incident.episode(began).unwrap();
                assert!(episode.is_open(), "nothing runs once the alerts are resolved");
                if kind == StepKind::Undo {
                    let before = &episode.steps()[step - 1];
                    let burns = before.evidence.as_ref().and_then(Evidence::is_burning) == Some(true);
                    let has_failed =
                        !matches!(&before.state, StepState::Ended { outcome: StepOutcome::Succeeded, .. });
                    assert!(has_failed || burns, "what helped is not taken back: {before:?}");
                }
                self.record.push(Entry::of(
                    began,
                    self.now,
                    Event::StepStarted { step, attempt, values: BTreeMap::new() },
                ));
                if kind == StepKind::Remediate {
                    self.starts
                        .entry(("checkout-down".to_owned(), run.info.name.clone()))
                        .or_default()
                        .push(PastStart { at: self.now, helped: None });
                }
                // It may die here: written, and not run.
                if self.draw() % 11 == 5 {
                    self.pending.clear();
                    self.running.clear();
                    return;
                }
                self.ran.push((step, kind, repeatable));
                let outcome = match self.draw() % 5 {
                    0 => StepOutcome::Failed { reason: "exit status: 1".to_owned() },
                    1 => StepOutcome::TimedOut,
                    _ => StepOutcome::Succeeded,
                };
                if kind == StepKind::Remediate
                    && outcome.is_success()
                    && self.heals
                    && self.draw().is_multiple_of(2)
                {
                    self.is_burning = false;
                }
                let ended = Event::StepEnded { step, attempt, outcome, output: Output::default() };
                self.begin(
                    Work::Step(began, step),
                    Entry::of(began, self.now.after(Window::seconds(2)), ended),
                );
            }
            Action::Look { .. } if !self.answers => {}
            Action::Look { began, step, since } => {
                let bad = if self.is_burning { self.bad } else { 0 };
                let after = since.map_or(self.now, |_| self.now.after(Window::minutes(1)));
                let minute = |bad| Tally::new(self.events, bad).unwrap();
                let tiles: Vec<Tally> = [bad].into_iter().chain(self.latest).map(minute).collect();
                let all = tiles.iter().try_fold(Tally::EMPTY, |all, tile| all.checked_add(*tile)).unwrap();
                let (slo, window) = ("checkout/availability", Window::minutes(tiles.len() as u64));
                let evidence = Evidence::new(after, slo, "99%".parse().unwrap(), window, all);
                let evidence = if self.latest.is_some() { evidence.with_tiles(&tiles) } else { evidence };
                self.begin(
                    Work::Look(began, step),
                    Entry::of(began, after, Event::Evidence { step, evidence }),
                );
            }
            Action::Send { began, target, message, attempt, .. } => {
                self.record.push(Entry::of(began, self.now, Event::Sending { target, message, attempt }));
                let is_down = self.down.is_some_and(|(down, until)| down == target && self.now < until);
                let outcome = if is_down {
                    let failures = incident.episode(began).unwrap().messages.get(&(target, message));
                    let failures = failures.map_or(0, |sent| sent.failures);
                    SendOutcome::Failed {
                        reason: "503".to_owned(),
                        again: send_again(self.now, failures + 1, None),
                        may_have_arrived: false,
                    }
                } else if self.draw().is_multiple_of(4) {
                    SendOutcome::Failed {
                        reason: "503".to_owned(),
                        again: self.now.after(Window::seconds(5)),
                        may_have_arrived: false,
                    }
                } else {
                    self.accepted.push((target, message.to_string()));
                    SendOutcome::Accepted { reference: None }
                };
                let sent = Event::Sent { target, message, attempt, outcome };
                self.begin(Work::Send(began, target, message), Entry::of(began, self.now, sent));
            }
            Action::Account { began } => {
                let event = if self.draw().is_multiple_of(3) {
                    Event::NotCounted { reason: "no answer".to_owned() }
                } else {
                    Event::Spent { slo: "checkout/availability".to_owned(), total: 10, bad: 1, share: 0.1 }
                };
                self.begin(Work::Account(began), Entry::of(began, self.now, event));
            }
            other => panic!("{other:?}"),
        }
    }

    fn begin(&mut self, work: Work, entry: Entry) {
        assert!(self.running.insert(work), "{work:?} runs already");
        self.pending.push((work, entry));
    }
}

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
    let steps = ["one", "two"].map(|name| {
        format!("{{remediate: {{command: [/bin/{name}], approval: waived, verify_within: 2m}}}}")
    });
    let restless = || {
        let mut world = healing(&steps.join(", "));
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
    let reason = world.record.iter().find_map(|entry| match &entry.event {
        Event::StepSkipped { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let expected = "the events of checkout/availability do not show that it is burning its error budget";
    assert_eq!(reason.as_deref(), Some(expected));
}

#[test]
fn what_helped_late_is_followed_by_nothing() {
    let steps = ["one", "two"].map(|name| {
        format!("{{remediate: {{command: [/bin/{name}], approval: waived, verify_within: 2m}}}}")
    });
    let mut world = healing(&steps.join(", "));
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    world.latest = Some(0);
    until(&mut world, |event| matches!(event, Event::Evidence { step: 1, evidence } if evidence.bad > 0));
    for _ in 0..20 {
        world.turn();
    }
    assert_eq!(world.ran.len(), 1, "the latest minute is calm");
    world.is_burning = false;
    until(&mut world, |event| matches!(event, Event::StepSkipped { step: 1, .. }));
    let reason = world.record.iter().find_map(|entry| match &entry.event {
        Event::StepSkipped { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    assert_eq!(reason, Some("checkout/availability is no longer burning its error budget"));
}

#[test]
fn an_outage_that_comes_and_goes_does_not_skip_the_next_remediation() {
    let steps = ["one", "two"].map(|name| {
        format!("{{remediate: {{command: [/bin/{name}], approval: waived, verify_within: 2m}}}}")
    });
    let mut world = healing(&steps.join(", "));
    world.heals = false;
    until(&mut world, |event| matches!(event, Event::StepEnded { step: 0, .. }));
    world.latest = Some(0);
    until(&mut world, |event| matches!(event, Event::Evidence { step: 1, evidence } if evidence.bad > 0));
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
