//! The share of toil, and where it comes from.

use super::ToilSheet;
use crate::incident::{Episode, Resolution};
use serde::Serialize;
use slo_core::{
    Error,
    model::{Timestamp, Window},
    stats::{Confidence, TOIL_CAP, Toil, toil},
};
use std::collections::BTreeMap;

/// The time that somebody was busy with an alert: from the acknowledgement until users were no longer affected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandsOn {
    /// The runbook that answered, or `no runbook`.
    pub runbook: String,
    /// The acknowledgement.
    pub from: Timestamp,
    /// Users were no longer affected, or no alert was firing; `None` while it goes on.
    pub to: Option<Timestamp>,
}

/// How much of a team's time is toil.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToilReport {
    /// Toil over all hours worked.
    pub share: f64,
    /// The interval of the share at 95 %, by resampling the weeks; `None` with fewer than [`FEWEST`](Self::FEWEST), from which it
    /// would be far too narrow.
    pub interval: Option<(f64, f64)>,
    /// The largest share that toil should take (SRE Book): half.
    pub cap: f64,
    /// Where the interval lies beside the cap.
    pub verdict: Verdict,
    /// The weeks.
    pub weeks: usize,
    /// All hours worked.
    pub worked_hours: f64,
    /// Where the toil comes from, most hours first.
    pub sources: Vec<ToilSource>,
    /// Answers to alerts in these weeks that have not ended; their time is not in the numbers.
    pub unfinished: usize,
}

/// Work by hand of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToilSource {
    /// The name in the file, or the runbook.
    pub name: String,
    /// Whether it is a runbook, whose time is from the record.
    pub is_runbook: bool,
    /// How often its alerts were answered by hand; only of runbooks.
    pub runs: Option<u64>,
    /// Hours.
    pub hours: f64,
    /// The share of all toil.
    pub share: f64,
}

/// Where the interval of the share lies beside the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "an interval lies below, above, or around a number")]
pub enum Verdict {
    /// All of it is below.
    Below,
    /// All of it is above.
    Above,
    /// The weeks do not tell.
    Uncertain,
}

impl HandsOn {
    /// The time that somebody was busy with an episode; `None` if nobody acknowledged it.
    #[must_use]
    pub fn of(episode: &Episode) -> Option<Self> {
        let (_, from) = episode.acknowledged.as_ref()?;
        let mitigated = episode.mitigated.as_ref().map(|(_, at)| *at);
        let resolved = episode.resolution.map(|Resolution { ended, .. }| ended);
        let to = [mitigated, resolved].into_iter().flatten().min();
        Some(Self {
            runbook: episode.runbook_name().unwrap_or("no runbook").to_owned(),
            from: *from,
            // Somebody may acknowledge what is over already.
            to: to.map(|to| to.max(*from)),
        })
    }
}

impl ToilReport {
    /// The fewest weeks that have an interval.
    pub const FEWEST: usize = 8;

    /// The toil of the weeks of `sheet`, with the answers to alerts that began in them.
    ///
    /// The share is Σ toil / Σ worked over weeks, with a bootstrap interval whose resamples are drawn from `seed`
    /// ([`slo_core::stats::toil`]).
    ///
    /// ```
    /// use slo_core::model::Timestamp;
    /// use slo_ops::toil::{ToilReport, read_toil};
    ///
    /// let sheet = read_toil("{version: slo-toil/v1, weeks: [
    ///     {week: 2026-W45, worked: 100h, toil: {certificates: 20h}}, {week: 2026-W46, worked: 60h, toil: {certificates: 20h}}]}")?;
    /// let report = ToilReport::of(&sheet, &[], 1)?;
    /// assert_eq!((report.share, report.sources[0].hours), (0.25, 40.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A week with more toil than work.
    pub fn of(sheet: &ToilSheet, answers: &[HandsOn], seed: u64) -> Result<Self, Error> {
        let mut sources: BTreeMap<(bool, String), (u64, u64)> = BTreeMap::new();
        let (mut weeks, mut unfinished) = (Vec::new(), 0);
        let mut busy_until = Timestamp::from_millis(i64::MIN);
        for week in &sheet.weeks {
            let mut spent = 0_u64;
            for (name, window) in &week.toil {
                spent = spent.saturating_add(window.as_millis());
                sources.entry((false, name.clone())).or_default().1 += window.as_millis();
            }
            let in_week =
                |answer: &&HandsOn| answer.from >= week.span.start() && answer.from < week.span.end();
            // Whoever answers two alerts at once works once; the time belongs to the runbook that began first.
            let mut own: Vec<&HandsOn> = answers.iter().filter(in_week).collect();
            own.sort_by_key(|answer| answer.from);
            for answer in own {
                let Some(to) = answer.to else {
                    unfinished += 1;
                    continue;
                };
                let millis = to.millis_since(answer.from.max(busy_until).min(to));
                busy_until = busy_until.max(to);
                spent = spent.saturating_add(millis);
                let source = sources.entry((true, answer.runbook.clone())).or_default();
                *source = (source.0 + 1, source.1.saturating_add(millis));
            }
            if spent > week.worked.as_millis() {
                return Err(Error::new(format!(
                    "{}: {:.1} h of toil, with the answers to alerts, in {:.1} h of work",
                    week.name,
                    hours(spent),
                    hours(week.worked.as_millis())
                ))
                .with_hint("`worked` is the time of all people together; if an incident lay open over a night, leave the week out"));
            }
            weeks.push((hours(spent), hours(week.worked.as_millis())));
        }
        let Toil { share, interval, .. } = toil(&weeks, Confidence::P95, seed)?;
        let all: f64 = weeks.iter().map(|(spent, _)| spent).sum();
        let mut sources: Vec<ToilSource> = sources
            .into_iter()
            .map(|((is_runbook, name), (runs, millis))| ToilSource {
                name,
                is_runbook,
                runs: is_runbook.then_some(runs),
                hours: hours(millis),
                share: if all > 0.0 { hours(millis) / all } else { 0.0 },
            })
            .collect();
        sources.sort_by(|one, other| other.hours.total_cmp(&one.hours));
        let interval = (weeks.len() >= Self::FEWEST).then(|| (interval.low(), interval.high()));
        let verdict = match interval {
            Some((low, _)) if low > TOIL_CAP => Verdict::Above,
            Some((_, high)) if high < TOIL_CAP => Verdict::Below,
            _ => Verdict::Uncertain,
        };
        Ok(Self {
            share,
            interval,
            cap: TOIL_CAP,
            verdict,
            weeks: weeks.len(),
            worked_hours: weeks.iter().map(|(_, worked)| worked).sum(),
            sources,
            unfinished,
        })
    }
}

fn hours(millis: u64) -> f64 {
    millis as f64 / Window::hours(1).as_millis() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toil::read_toil;

    fn sheet() -> ToilSheet {
        read_toil(
            "{version: slo-toil/v1, weeks: [{week: 2026-W45, worked: 10h, toil: {a: 1h}}, {week: 2026-W46, worked: 10h}]}",
        )
        .unwrap()
    }

    fn answer(day: u32, minutes: Option<u64>) -> HandsOn {
        let from: Timestamp = format!("2026-11-{day:02}T10:00:00Z").parse().unwrap();
        let to = minutes.map(|minutes| from.after(Window::minutes(minutes)));
        HandsOn { runbook: "restart".to_owned(), from, to }
    }

    #[test]
    fn answers_count_in_the_week_in_which_they_began() {
        let answers = [
            answer(1, Some(600)),
            answer(2, Some(30)),
            answer(15, Some(90)),
            answer(16, Some(60)),
            answer(10, None),
        ];
        let found = ToilReport::of(&sheet(), &answers, 1).unwrap();
        assert_eq!((found.share, found.unfinished, found.verdict), (3.0 / 20.0, 1, Verdict::Uncertain));
        let restart = &found.sources[0];
        assert_eq!((restart.name.as_str(), restart.runs, restart.hours), ("restart", Some(2), 2.0));
        assert!((restart.share - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(found.interval, None, "two weeks are too few");
        // Two alerts at once take the time of one person once.
        let twice = [answer(3, Some(60)), answer(3, Some(30))];
        assert!((ToilReport::of(&sheet(), &twice, 1).unwrap().share - 2.0 / 20.0).abs() < 1e-12);
    }

    #[test]
    fn enough_weeks_have_an_interval_and_a_verdict() {
        let weeks = |hours: u64| {
            let week = |week: u64| {
                format!("{{week: 2026-W{:02}, worked: 10h, toil: {{a: {hours}h{}m}}}}", week + 40, week + 1)
            };
            let all: Vec<String> = (1..=8).map(week).collect();
            let text = format!("{{version: slo-toil/v1, weeks: [{}]}}", all.join(", "));
            ToilReport::of(&read_toil(&text).unwrap(), &[], 1).unwrap()
        };
        assert_eq!((weeks(1).verdict, weeks(8).verdict), (Verdict::Below, Verdict::Above));
        let (low, high) = weeks(1).interval.unwrap();
        assert!(low < weeks(1).share && weeks(1).share < high);
    }

    #[test]
    fn refuses_more_toil_than_work() {
        let error = ToilReport::of(&sheet(), &[answer(3, Some(600))], 1).unwrap_err();
        assert!(error.message().starts_with("2026-W45: 11.0 h of toil"), "{error}");
    }
}
