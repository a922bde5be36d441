//! What the events say of a release, look by look.

use super::{Gate, gate::pages_at};
use serde::Serialize;
use slo_core::{
    Error,
    math::{BurnRate, Tally},
    model::{Objective, Service, Slo},
    page,
    stats::{ReleaseFinding, ReleaseTest, ReleaseVerdict},
};
use std::{collections::BTreeMap, fmt};

/// The events of an SLO since a release.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GateCounts {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// Its objective.
    pub objective: Objective,
    /// The burn rate of its slowest alert that pages.
    pub pages_at: Option<f64>,
    /// The events of the new version.
    pub new: Tally,
    /// Those of the old one.
    pub old: OldVersion,
    /// The time in which they happened, in seconds, if that is known.
    pub seconds: Option<f64>,
    /// Which of both versions no series was found of: `new version`, `old version`.
    pub missing: Vec<&'static str>,
}

/// What is known of the old version.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OldVersion {
    /// Nothing.
    Unknown,
    /// Its events beside those of the new version, step by step: `(old, new)`.
    Beside(Vec<(Tally, Tally)>),
    /// Its events before the release.
    Before(Tally),
}

impl GateCounts {
    /// The events of an SLO in a spec.
    #[must_use]
    pub fn of(service: &Service, slo: &Slo, new: Tally, old: OldVersion, seconds: f64) -> Self {
        let name = format!("{}/{}", service.name(), slo.name());
        Self {
            pages_at: pages_at(slo),
            seconds: Some(seconds),
            ..Self::given(name, slo.objective(), new, old)
        }
    }

    /// The same, of which no series was found of these versions.
    #[must_use]
    pub fn missing(self, missing: Vec<&'static str>) -> Self {
        Self { missing, ..self }
    }

    /// Events without a spec.
    #[must_use]
    pub const fn given(slo: String, objective: Objective, new: Tally, old: OldVersion) -> Self {
        Self { slo, objective, pages_at: None, new, old, seconds: None, missing: Vec::new() }
    }
}

/// The looks at a release.
///
/// A version that has failed stays failed, and one that has passed stays passed unless it fails: so a look may come at any
/// time, and as often as one likes.
///
/// ```
/// use slo_core::math::Tally;
/// use slo_ops::release::{Gate, GateCounts, GateRun, OldVersion};
///
/// let mut run = GateRun::default();
/// let mut look = |total, bad| -> Result<_, slo_ops::Error> {
///     let counts = GateCounts::given("checkout".into(), "99.9%".parse()?, Tally::new(total, bad)?, OldVersion::Unknown);
///     run.look(&Gate::default(), &[counts])
/// };
/// let early = look(100, 0)?;
/// assert_eq!((early.verdict(), early.slos[0].events_needed), ("inconclusive", Some(498)));
/// assert_eq!(look(700, 0)?.verdict(), "pass");
/// assert_eq!(look(800, 1)?.verdict(), "pass");
/// assert_eq!(look(900, 20)?.verdict(), "fail");
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct GateRun {
    decided: BTreeMap<String, ReleaseVerdict>,
}

impl GateRun {
    /// What the events up to now say.
    ///
    /// # Errors
    /// Rules that cannot be tested, or more events than 64 bits hold.
    pub fn look(&mut self, gate: &Gate, counts: &[GateCounts]) -> Result<GateReport, Error> {
        let judged = counts.iter().map(|one| {
            let rules = gate.rules_of(one.pages_at, counts.len());
            let test = ReleaseTest::new(one.objective, rules)?;
            let mut found = match &one.old {
                OldVersion::Unknown => test.alone(one.new),
                OldVersion::Before(before) => test.after(*before, one.new),
                OldVersion::Beside(steps) => test.beside(steps.iter().copied())?,
            };
            let verdict = match (self.decided.get(&one.slo), found.verdict) {
                (Some(ReleaseVerdict::Fail), _) => ReleaseVerdict::Fail,
                (Some(ReleaseVerdict::Pass), ReleaseVerdict::Inconclusive { .. }) => ReleaseVerdict::Pass,
                (_, verdict) => verdict,
            };
            if !matches!(verdict, ReleaseVerdict::Inconclusive { .. }) {
                self.decided.insert(one.slo.clone(), verdict);
            }
            found.verdict = verdict;
            SloGate::of(one, (&test, rules.harmful_ratio), found)
        });
        Ok(GateReport { slos: judged.collect::<Result<_, Error>>()? })
    }
}

/// What the events say of a release.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GateReport {
    /// Each SLO.
    pub slos: Vec<SloGate>,
}

/// What the events of an SLO say of a release.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SloGate {
    /// The SLO, as `service/slo`.
    pub slo: String,
    /// `pass`, `fail` or `inconclusive`.
    pub verdict: &'static str,
    /// Its objective.
    pub objective: String,
    /// The events of the new version, and how many were bad.
    pub events: u64,
    /// The bad events of the new version.
    pub bad_events: u64,
    /// The error ratio of the new version; `None` without events.
    pub error_ratio: Option<f64>,
    /// The burn rate of the new version; `None` without events.
    pub burn_rate: Option<f64>,
    /// `objective`, `beside` or `before`: what it is compared with.
    pub compared_with: &'static str,
    /// The events of the old version; `None` where it is compared with the objective alone.
    pub old_events: Option<u64>,
    /// The bad events of the old version.
    pub old_bad_events: Option<u64>,
    /// The error ratio of the old version.
    pub old_error_ratio: Option<f64>,
    /// A version with at most this error ratio is good: by the objective, or as far as is known by the old version.
    pub good_up_to: f64,
    /// A version with at least this error ratio is harmful: by the objective, and as far as is known by the old version.
    pub harmful_from: f64,
    /// How probable so much evidence of harm is at most, if the version is good.
    pub p_if_good: f64,
    /// How probable so little evidence of harm is at most, if the version is harmful.
    pub p_if_harmful: f64,
    /// How many more events of the new version decide, if the error ratios stay as they are.
    pub events_needed: Option<u64>,
    /// How long that takes at the present rate, in seconds.
    pub seconds_needed: Option<f64>,
    /// `new version` and `old version`, if no series was found of it; `old events`, if there are no events to compare with.
    pub missing: Vec<&'static str>,
}

impl SloGate {
    fn of(
        counts: &GateCounts,
        (test, harmful_ratio): (&ReleaseTest, f64),
        found: ReleaseFinding,
    ) -> Result<Self, Error> {
        let (compared_with, old) = match &counts.old {
            OldVersion::Unknown => ("objective", None),
            OldVersion::Before(before) => ("before", Some(*before)),
            OldVersion::Beside(steps) => {
                let sum = steps.iter().try_fold(Tally::EMPTY, |sum, (old, _)| sum.checked_add(*old))?;
                ("beside", Some(sum))
            }
        };
        let events_needed = match found.verdict {
            ReleaseVerdict::Inconclusive { events_needed } => events_needed,
            ReleaseVerdict::Pass | ReleaseVerdict::Fail => None,
        };
        let seconds_needed = events_needed.zip(counts.seconds).and_then(|(events, seconds)| {
            (counts.new.total() > 0).then(|| events as f64 * seconds / counts.new.total() as f64)
        });
        let mut missing = counts.missing.clone();
        let has_none = |old: Tally| old.total() == 0 && counts.new.total() > 0;
        if old.is_some_and(has_none) && !missing.contains(&"old version") {
            missing.push("old events");
        }
        // Without its events, the objective alone has decided.
        let old = old.filter(|old| old.total() > 0);
        let compared_with = if old.is_some() { compared_with } else { "objective" };
        let (good_up_to, harmful_from) = test.error_ratios();
        let before = old.and_then(Tally::error_ratio).unwrap_or(0.0);
        let (good_up_to, harmful_from) =
            (good_up_to.max(before), harmful_from.max(harmful_ratio * before).min(1.0));
        Ok(Self {
            slo: counts.slo.clone(),
            verdict: found.verdict.as_str(),
            objective: counts.objective.to_string(),
            events: counts.new.total(),
            bad_events: counts.new.bad(),
            error_ratio: counts.new.error_ratio(),
            burn_rate: BurnRate::of(counts.new, counts.objective).map(BurnRate::value),
            compared_with,
            old_events: old.map(Tally::total),
            old_bad_events: old.map(Tally::bad),
            old_error_ratio: old.and_then(Tally::error_ratio),
            good_up_to,
            harmful_from,
            p_if_good: found.p_if_good,
            p_if_harmful: found.p_if_harmful,
            events_needed,
            seconds_needed,
            missing,
        })
    }
}

impl GateReport {
    /// `fail` if an SLO fails, `pass` if all pass, else `inconclusive`.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        let is = |verdict: &str| self.slos.iter().filter(|one| one.verdict == verdict).count();
        if is("fail") > 0 {
            "fail"
        } else if !self.slos.is_empty() && is("pass") == self.slos.len() {
            "pass"
        } else {
            "inconclusive"
        }
    }

    /// The report as JSON: `{"verdict": …, "because": […], "slos": […]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let because: Vec<String> = self.slos.iter().map(ToString::to_string).collect();
        serde_json::json!({"verdict": self.verdict(), "because": because, "slos": self.slos})
    }
}

/// From this burn rate on, a version that passes beside an old one is worth a word.
const BURNS: f64 = 2.0;

/// `1 more event`, `2 more events`
fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

impl fmt::Display for SloGate {
    /// The verdict and its reason, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |ratio: Option<f64>| page::percent(ratio, 2);
        write!(f, "{}: {}: ", self.slo, self.verdict)?;
        if self.events == 0 && self.missing.contains(&"new version") {
            f.write_str("there is no series of the new version; are its labels right, and is it scraped?")?;
        } else if self.events == 0 {
            f.write_str("the new version has no events")?;
        } else {
            write!(
                f,
                "{} of {} events of the new version are bad ({}, burn rate {})",
                self.bad_events,
                self.events,
                share(self.error_ratio),
                page::burn_rate(self.burn_rate)
            )?;
        }
        if let (Some(bad), Some(events)) = (self.old_bad_events, self.old_events) {
            let of = if self.compared_with == "before" { "before it" } else { "of the old version" };
            write!(f, ", {bad} of {events} {of} ({})", share(self.old_error_ratio))?;
        }
        if self.missing.contains(&"old version") {
            f.write_str("; there is no series of the old version, so the objective alone decides")?;
        }
        if self.missing.contains(&"old events") {
            f.write_str("; there are no events to compare with, so the objective alone decides")?;
        }
        if self.verdict == "pass"
            && self.burn_rate.is_some_and(|rate| rate >= BURNS)
            && self.compared_with != "objective"
        {
            f.write_str("; it is no worse than the old version, and both burn the budget")?;
        }
        if self.verdict != "inconclusive" {
            return Ok(());
        }
        match self.events_needed {
            None => {
                f.write_str("; its error ratio is between good and harmful, and more events may not tell")
            }
            Some(needed) if self.events == 0 => write!(f, "; {} would pass it", count(needed, "good event")),
            Some(needed) => {
                write!(f, "; about {} would tell", count(needed, "more event"))?;
                match self.seconds_needed {
                    Some(seconds) => write!(f, ", in about {}", page::duration(seconds)),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(slo: &str, total: u64, bad: u64) -> GateCounts {
        let new = Tally::new(total, bad).unwrap();
        let given = GateCounts::given(slo.to_owned(), "99%".parse().unwrap(), new, OldVersion::Unknown);
        GateCounts { seconds: Some(60.0), ..given }
    }

    #[test]
    fn every_slo_must_pass() {
        let gate = Gate::default();
        let look = |all: &[GateCounts]| GateRun::default().look(&gate, all).unwrap();
        assert_eq!(look(&[counts("a", 500, 1), counts("b", 500, 1)]).verdict(), "pass");
        assert_eq!(look(&[counts("a", 500, 1), counts("b", 5, 0)]).verdict(), "inconclusive");
        assert_eq!(look(&[counts("a", 500, 40), counts("b", 5, 0)]).verdict(), "fail");
        assert_eq!(look(&[]).verdict(), "inconclusive");
    }

    #[test]
    fn says_what_is_missing() {
        let report = GateRun::default().look(&Gate::default(), &[counts("a", 20, 0)]).unwrap();
        assert_eq!(
            report.slos[0].to_string(),
            "a: inconclusive: 0 of 20 events of the new version are bad (0.00%, burn rate 0×); about 38 more events would tell, \
             in about 1m 54s"
        );
        let idle = GateRun::default().look(&Gate::default(), &[counts("a", 0, 0)]).unwrap();
        assert_eq!(
            idle.slos[0].to_string(),
            "a: inconclusive: the new version has no events; 58 good events would pass it"
        );
        let json = report.to_json();
        assert_eq!(json["slos"][0]["events_needed"], 38);
        assert_eq!(json["verdict"], "inconclusive");
    }

    #[test]
    fn says_that_there_is_nothing_to_compare_with() {
        let counts = GateCounts { old: OldVersion::Before(Tally::EMPTY), ..counts("a", 500, 1) };
        let report = GateRun::default().look(&Gate::default(), &[counts]).unwrap();
        assert_eq!(
            report.slos[0].to_string(),
            "a: pass: 1 of 500 events of the new version are bad (0.20%, burn rate 0.2×); there are no events to compare with, so the \
             objective alone decides"
        );
        assert_eq!(
            (report.slos[0].compared_with, &*report.slos[0].missing),
            ("objective", &["old events"][..])
        );
    }

    #[test]
    fn a_version_that_failed_stays_failed() {
        let mut run = GateRun::default();
        let mut look = |total, bad| run.look(&Gate::default(), &[counts("a", total, bad)]).unwrap().verdict();
        assert_eq!(look(20, 6), "fail");
        assert_eq!(look(2_000, 6), "fail");
    }
}
