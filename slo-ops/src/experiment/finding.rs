//! What a run of an experiment has found.

use super::{Counted, Guard, Run, Stop, UndoState, Verdict, guard::cap};
use serde::Serialize;
use slo_core::{Error, model::Timestamp};

/// What a run of an experiment has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The id of the run.
    pub run: String,
    /// The name of the experiment.
    pub experiment: String,
    /// What was to be learned.
    pub description: String,
    /// The fault, in words.
    pub fault: String,
    /// The outcome.
    pub outcome: Outcome,
    /// Why the fault was undone; `None` while it is in place.
    pub stop: Option<Stop>,
    /// When all of the fault was injected, as RFC 3339.
    pub injected: Option<String>,
    /// How long the fault was in place, in seconds.
    pub lasted_seconds: Option<f64>,
    /// How long after the fault the first alert fired, in seconds; `None` if none did before the end of the run.
    pub alerted_seconds: Option<f64>,
    /// How long the undoing took, until it was verified, in seconds.
    pub undone_seconds: Option<f64>,
    /// How long the service took to recover after that, in seconds.
    pub recovered_seconds: Option<f64>,
    /// What could not be undone.
    pub not_undone: Vec<String>,
    /// The SLO of each hypothesis.
    pub slos: Vec<SloFinding>,
    /// What to do next.
    pub next_step: String,
}

/// The outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every SLO burned its budget more slowly than is tolerated, and the service recovered.
    Held,
    /// An SLO burned its budget faster, lost its traffic, or did not recover.
    Broken,
    /// The events do not suffice to tell.
    Inconclusive,
}

/// What a run has found about an SLO.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SloFinding {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// The burn rate that is tolerated.
    pub tolerated_burn_rate: f64,
    /// The burn rate while the fault was in place; `None` without events.
    pub burn_rate: Option<f64>,
    /// The burn rate before.
    pub usual_burn_rate: Option<f64>,
    /// The events while the fault was in place.
    pub events: u64,
    /// The bad ones.
    pub bad: u64,
    /// The share of the period's budget that they spent.
    pub spent: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// Labels that bad events had and others did not, in words.
    pub labels: Vec<String>,
    /// The error ratio that is tolerated.
    pub tolerated: f64,
    /// The bad events after which the experiment has spent its share of the budget.
    pub most_bad: u64,
    /// The events since the fault was injected, at each look that had data.
    pub course: Vec<Look>,
}

/// The events at a look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Look {
    /// Seconds since the fault was injected.
    pub seconds: f64,
    /// The events since then.
    pub events: u64,
    /// The bad ones.
    pub bad: u64,
}

impl Outcome {
    /// `held`, `broken` or `inconclusive`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Finding {
    /// What `run` has found so far.
    ///
    /// # Errors
    /// A record that this version cannot read.
    pub fn of(run: &Run) -> Result<Self, Error> {
        let budgets = run.budgets()?;
        let mut guard = Guard::new(&run.experiment, &budgets, run.injecting.unwrap_or(run.began))?;
        let counts = run.counts();
        let seen: Vec<_> = counts.iter().copied().map(Some).collect();
        let _ruling = guard.look(run.injecting.unwrap_or(run.began), &seen);
        let hypotheses = run.experiment.hypotheses.iter().zip(&budgets).zip(&run.slos);
        let slos = hypotheses.zip(counts.iter().zip(guard.verdicts())).enumerate().map(
            |(index, (((hypothesis, budget), known), (counted, verdict)))| {
                let allowed = budget.objective().budget().to_f64();
                let rate = |ratio: Option<f64>| ratio.map(|ratio| ratio / allowed);
                Ok(SloFinding {
                    slo: hypothesis.slo.clone(),
                    tolerated_burn_rate: hypothesis.tolerated.to_f64(),
                    burn_rate: rate(counted.error_ratio()),
                    usual_burn_rate: rate(slo_core::math::Tally::from(known.usual).error_ratio()),
                    events: counted.total(),
                    bad: counted.bad(),
                    spent: budget.spent_by(
                        in_the_end(run, index).map_or(counted.bad(), |all| all.bad.max(counted.bad())),
                    )?,
                    verdict,
                    labels: run.labels.get(index).cloned().unwrap_or_default(),
                    tolerated: hypothesis.error_ratio(budget.objective())?,
                    most_bad: cap(&run.experiment, *budget),
                    course: course(run, index),
                })
            },
        );
        let slos = slos.collect::<Result<Vec<_>, Error>>()?;
        let stopped = run.stop.as_ref().map(|(at, _)| *at);
        let seconds = |from: Option<Timestamp>, to: Option<Timestamp>| {
            from.zip(to).map(|(from, to)| to.millis_since(from) as f64 / 1_000.0)
        };
        let not_undone = run.undos.iter().filter_map(|(undo, state)| match state {
            UndoState::Failed(error) => Some(format!("{undo}: {error}")),
            _ => None,
        });
        let mut finding = Self {
            run: run.id.clone(),
            experiment: run.experiment.name.clone(),
            description: run.experiment.description.clone(),
            fault: run.experiment.fault.to_string(),
            outcome: outcome(run, &slos),
            stop: run.stop.as_ref().map(|(_, stop)| stop.clone()),
            injected: run.injected.map(|at| at.to_string()),
            lasted_seconds: seconds(run.injecting, run.restored().or(stopped)),
            alerted_seconds: seconds(run.injecting, run.alerted),
            undone_seconds: seconds(stopped, run.restored()),
            recovered_seconds: seconds(run.restored(), run.recovered),
            not_undone: not_undone.collect(),
            slos,
            next_step: String::new(),
        };
        finding.next_step = next_step(run, &finding);
        Ok(finding)
    }
}

fn course(run: &Run, index: usize) -> Vec<Look> {
    let start = run.injecting.unwrap_or(run.began);
    let look = |(at, counts): &(Timestamp, Vec<Option<Counted>>)| {
        let counted = counts.get(index).copied().flatten()?;
        let seconds = at.millis_since(start) as f64 / 1_000.0;
        Some(Look { seconds, events: counted.total, bad: counted.bad })
    };
    run.looks.iter().filter_map(look).collect()
}

fn in_the_end(run: &Run, index: usize) -> Option<Counted> {
    run.counts_in_the_end.get(index).copied().flatten()
}

fn outcome(run: &Run, slos: &[SloFinding]) -> Outcome {
    let stop = run.stop.as_ref().map(|(_, stop)| stop);
    let has_held = slos.iter().all(|slo| slo.verdict == Verdict::Held);
    if slos.iter().any(|slo| slo.verdict == Verdict::Broken) || (has_held && run.has_not_recovered) {
        Outcome::Broken
    } else if has_held && run.recovered.is_some() && has_run_its_course(stop) {
        Outcome::Held
    } else {
        Outcome::Inconclusive
    }
}

/// Whether only its limits ended it.
const fn has_run_its_course(stop: Option<&Stop>) -> bool {
    matches!(stop, Some(Stop::Done | Stop::Events | Stop::Spent { .. }))
}

fn next_step(run: &Run, finding: &Finding) -> String {
    if !finding.not_undone.is_empty() {
        return "Undo what is left of the fault by hand, or run `slo experiment abort` again.".to_owned();
    }
    match finding.outcome {
        Outcome::Held => "It held. Try a harder fault, or more traffic.".to_owned(),
        Outcome::Broken => match finding.slos.iter().find(|slo| slo.verdict == Verdict::Broken) {
            Some(slo) => format!(
                "{} does not survive this fault: {} of {} events were bad. Mend the service, and run the experiment again.",
                slo.slo, slo.bad, slo.events
            ),
            None => format!(
                "The service did not recover within {} after the fault. Find out what keeps it down.",
                run.experiment.recovery
            ),
        },
        Outcome::Inconclusive => inconclusive(finding, finding.stop.as_ref()),
    }
}

fn inconclusive(finding: &Finding, stop: Option<&Stop>) -> String {
    let needed = finding.slos.iter().filter_map(|slo| match slo.verdict {
        Verdict::Inconclusive { events_needed } => events_needed.map(|needed| (needed, &slo.slo)),
        _ => None,
    });
    let needed = needed.max();
    let has_held = finding.slos.iter().all(|slo| slo.verdict == Verdict::Held);
    if has_held && has_run_its_course(stop) && finding.recovered_seconds.is_none() {
        return "It held, but nobody saw whether it recovered. Run it again, and wait for that.".to_owned();
    }
    match (stop, needed) {
        (Some(Stop::Spent { slo }), _) => format!(
            "{slo} spent its share of the budget before there was a verdict. Allow more in `limits.spend`, or tolerate less."
        ),
        (Some(Stop::Done | Stop::Events), Some((needed, slo))) => format!(
            "{slo} needs about {needed} more events for a verdict. Raise `limits`, or run it with more traffic."
        ),
        (Some(Stop::Done | Stop::Events), None) => {
            "The error ratio is too close to what is tolerated, or there was no traffic. Run it with more traffic.".to_owned()
        }
        (Some(Stop::Asked { by }), _) => {
            format!("{by} stopped it before there was a verdict. Run it again.")
        }
        (Some(Stop::NoTraffic { slo }), _) => {
            format!("{slo} has lost its traffic. Find out where the requests went, and mend that.")
        }
        (Some(stop), _) => {
            format!("There is no verdict, because {stop}. Mend that, and run the experiment again.")
        }
        (None, _) => "It has not ended.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{KnownSlo, ProcessId, RunEntry, RunEvent, Undo};

    const FILE: &str =
        "{version: slo-experiment/v1, name: x, hypothesis: [{slo: a/b, tolerated_burn_rate: 10}],
        fault: {stop: {pid_file: x}}, limits: {spend: 10%, duration: 1h}}";

    fn process() -> ProcessId {
        ProcessId { pid: 7, started: 1, boot: "b".to_owned() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + seconds)
    }

    /// The finding of a run that saw `bad` of `total` events, and then `rest`.
    fn finding(total: u64, bad: u64, stop: Stop, rest: Vec<RunEvent>) -> Finding {
        let slo = KnownSlo {
            objective: "99%".to_owned(),
            expected: 1_000_000,
            usual: Counted { total: 100, bad: 1 },
            seconds: 60.0,
        };
        let begun = RunEvent::Begun {
            id: "x-1".to_owned(),
            file: FILE.to_owned(),
            slos: vec![slo],
            controller: process(),
        };
        let undo = Undo::Continue { process: process() };
        let counts = vec![Some(Counted { total, bad })];
        let events = [
            (0, begun),
            (1, RunEvent::Injecting { undo: undo.clone() }),
            (2, RunEvent::Injected),
            (12, RunEvent::Looked { counts }),
            (12, RunEvent::Stopping { stop }),
            (13, RunEvent::Undone { undo }),
        ];
        let rest = rest.into_iter().map(|event| (20, event));
        let record: Vec<RunEntry> = events
            .into_iter()
            .chain(rest)
            .map(|(seconds, event)| RunEntry::new(at(seconds), event))
            .collect();
        Finding::of(&Run::of(&record).unwrap()).unwrap()
    }

    fn recovered() -> Vec<RunEvent> {
        vec![RunEvent::Recovered { since: at(15) }, RunEvent::Ended]
    }

    #[test]
    fn the_outcome_is_what_the_events_and_the_recovery_say() {
        let held = finding(10_000, 100, Stop::Done, recovered());
        assert_eq!(
            (held.outcome, held.lasted_seconds, held.recovered_seconds),
            (Outcome::Held, Some(12.0), Some(2.0))
        );
        assert!(
            (held.slos[0].burn_rate.unwrap() - 1.0).abs() < 1e-12
                && (held.slos[0].spent - 0.01).abs() < 1e-12
        );

        let unseen = finding(10_000, 100, Stop::Done, vec![RunEvent::Ended]);
        assert_eq!(unseen.outcome, Outcome::Inconclusive);
        assert!(unseen.next_step.starts_with("It held, but nobody saw"), "{}", unseen.next_step);

        let late = finding(10_000, 100, Stop::Done, vec![RunEvent::NotRecovered, RunEvent::Ended]);
        assert_eq!(late.outcome, Outcome::Broken);
        assert!(late.next_step.starts_with("The service did not recover within 5m"), "{}", late.next_step);

        let broken = finding(1_000, 300, Stop::Broken { slo: "a/b".to_owned() }, recovered());
        assert_eq!(broken.outcome, Outcome::Broken);
        assert!(broken.next_step.contains("300 of 1000 events were bad"), "{}", broken.next_step);

        let silent = finding(100, 0, Stop::NoTraffic { slo: "a/b".to_owned() }, vec![RunEvent::Ended]);
        assert_eq!(silent.outcome, Outcome::Inconclusive);
        assert!(silent.next_step.starts_with("a/b has lost its traffic"), "{}", silent.next_step);

        let cut_short = finding(10_000, 100, Stop::NoData { slo: "a/b".to_owned(), looks: 3 }, recovered());
        assert_eq!(cut_short.outcome, Outcome::Inconclusive);

        let few = finding(100, 1, Stop::Done, recovered());
        assert_eq!(few.outcome, Outcome::Inconclusive);
        assert!(few.next_step.starts_with("a/b needs about"), "{}", few.next_step);

        let asked = finding(100, 1, Stop::Asked { by: "ann".to_owned() }, recovered());
        assert_eq!(asked.next_step, "ann stopped it before there was a verdict. Run it again.");
    }

    #[test]
    fn what_is_left_comes_first() {
        let undo = Undo::Continue { process: ProcessId { pid: 8, ..process() } };
        let left = vec![
            RunEvent::Injecting { undo: undo.clone() },
            RunEvent::NotUndone { undo, error: "no".to_owned() },
            RunEvent::Ended,
        ];
        let finding = finding(10_000, 100, Stop::Done, left);
        assert_eq!(finding.not_undone, ["process 8 goes on: no"]);
        assert!(finding.next_step.contains("slo experiment abort"), "{}", finding.next_step);
    }

    #[test]
    fn text_of_people_makes_no_markup() {
        let mut finding = finding(1_000, 300, Stop::Done, recovered());
        finding.description = "a <script> | [x](http://y) \u{1b}[31m & *b*".to_owned();
        let findings = [finding];
        let markdown = crate::experiment::markdown(&findings);
        assert!(
            markdown.contains("a \\<script\\> \\| \\[x\\](http://y) \u{fffd}\\[31m & \\*b\\*"),
            "{markdown}"
        );
        let html = crate::experiment::html(&findings);
        assert!(html.contains("a &lt;script&gt; | [x](http://y) \u{fffd}[31m &amp; *b*"), "{html}");
    }
}
