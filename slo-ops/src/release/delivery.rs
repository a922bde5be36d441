//! How well software is delivered: the five numbers of DORA.

use super::GateReport;
use crate::Deployment;
use serde::Serialize;
use slo_core::{
    Error,
    math::Tally,
    model::Timestamp,
    page,
    stats::{Confidence, Interval, TypicalTime, garwood, wilson},
};
use std::fmt::Write as _;

/// A deployment, and what the SLOs of its service say of it.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a deployment and its judgement")]
pub struct JudgedDeployment {
    /// The deployment.
    pub deployment: Deployment,
    /// What the events after it say, compared with those before; `None` without an SLO.
    pub gate: Option<GateReport>,
}

/// How well a service was delivered in some time: the five numbers of DORA (Accelerate State of `DevOps`, 2024).
///
/// A deployment failed if the events after it, compared with those before, fail by an SLO of the service: by evidence, and not
/// because an incident was near. Those with too few events for a verdict are counted apart. Rates have intervals; times are
/// geometric means, since a plain mean follows the longest one.
///
/// ```
/// use slo_ops::{Deployment, release::{Delivery, JudgedDeployment}};
///
/// let at = |day: u32| format!("2026-11-{day:02}T10:00:00Z").parse::<slo_core::model::Timestamp>();
/// let deployments = [3, 10, 17].map(|day| JudgedDeployment { deployment: Deployment::new("shop", "1", at(day).unwrap()).unwrap(), gate: None });
/// let delivery = Delivery::of("shop", &deployments, at(1)?, at(29)?)?;
/// assert_eq!((delivery.deployments, delivery.per_week.round()), (3, 1.0));
/// assert_eq!(delivery.fail_rate, None); // nothing was judged
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The service.
    pub service: String,
    /// The number of deployments.
    pub deployments: usize,
    /// Deployments a week.
    pub per_week: f64,
    /// The 95 % interval of that (Garwood).
    pub per_week_interval: [f64; 2],
    /// The geometric mean of the time from commit to live, in seconds; `None` if no deployment says when it was committed.
    pub lead_seconds: Option<f64>,
    /// The number of deployments that say it.
    pub lead_count: usize,
    /// The share of the deployments with a verdict that failed.
    pub fail_rate: Option<f64>,
    /// The 95 % interval of that (Wilson).
    pub fail_rate_interval: Option<[f64; 2]>,
    /// The number that failed.
    pub failed: usize,
    /// The number that passed.
    pub passed: usize,
    /// The number with too few events for a verdict, or without an SLO.
    pub unknown: usize,
    /// The geometric mean of the time from a failed deployment to the next one that did not fail, in seconds.
    pub recovery_seconds: Option<f64>,
    /// The number of failed deployments that another one followed.
    pub recovered: usize,
    /// The share of deployments that came after a failed one, to mend it.
    pub rework_rate: Option<f64>,
    /// The deployments that failed, each with the reason.
    pub failures: Vec<Failure>,
}

/// A deployment that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// Its version.
    pub version: String,
    /// When it went live.
    pub at: String,
    /// The evidence.
    pub because: Vec<String>,
}

const WEEK: f64 = 7.0 * 86_400.0;

impl Delivery {
    /// The numbers of a service between two times, from its deployments in the order of their times.
    ///
    /// # Errors
    /// A time without length.
    pub fn of(
        service: &str,
        judged: &[JudgedDeployment],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Self, Error> {
        let weeks = to.millis_since(from) as f64 / 1_000.0 / WEEK;
        if weeks <= 0.0 {
            return Err(Error::new("the time of a report has no length"));
        }
        let verdict = |one: &JudgedDeployment| one.gate.as_ref().map_or("inconclusive", GateReport::verdict);
        let count = |wanted: &str| judged.iter().filter(|one| verdict(one) == wanted).count();
        let (failed, passed) = (count("fail"), count("pass"));
        let leads: Vec<f64> = judged
            .iter()
            .filter_map(|one| {
                Some(one.deployment.at.millis_since(one.deployment.committed?) as f64 / 1_000.0)
            })
            .map(|seconds| seconds.max(1.0))
            .collect();
        let mut recoveries = Vec::new();
        let mut mending = 0;
        for (index, one) in judged.iter().enumerate() {
            let after_failure = index
                .checked_sub(1)
                .and_then(|before| judged.get(before))
                .is_some_and(|before| verdict(before) == "fail");
            mending += usize::from(after_failure);
            // Of several in a row, the first one began it.
            if verdict(one) == "fail" && !after_failure {
                let mended = judged.iter().skip(index + 1).find(|later| verdict(later) != "fail");
                recoveries.extend(mended.map(|later| {
                    (later.deployment.at.millis_since(one.deployment.at) as f64 / 1_000.0).max(1.0)
                }));
            }
        }
        let with_verdict = Tally::new((failed + passed) as u64, failed as u64)?;
        let ends = |interval: Interval| [interval.low(), interval.high()];
        let rate = garwood(judged.len() as u64, weeks, Confidence::P95)?;
        let mean = |times: &[f64]| {
            Ok::<_, Error>(TypicalTime::of(times, Confidence::P95)?.map(|time| time.geometric_mean))
        };
        let failures = judged.iter().filter(|one| verdict(one) == "fail").map(|one| Failure {
            version: one.deployment.version.clone(),
            at: one.deployment.at.to_string(),
            because: one
                .gate
                .iter()
                .flat_map(|gate| &gate.slos)
                .filter(|slo| slo.verdict == "fail")
                .map(ToString::to_string)
                .collect(),
        });
        Ok(Self {
            service: service.to_owned(),
            deployments: judged.len(),
            per_week: judged.len() as f64 / weeks,
            per_week_interval: ends(rate),
            lead_seconds: mean(&leads)?,
            lead_count: leads.len(),
            fail_rate: with_verdict.error_ratio(),
            fail_rate_interval: wilson(with_verdict, Confidence::P95).map(ends),
            failed,
            passed,
            unknown: judged.len() - failed - passed,
            recovery_seconds: mean(&recoveries)?,
            recovered: recoveries.len(),
            rework_rate: (!judged.is_empty()).then(|| mending as f64 / judged.len() as f64),
            failures: failures.collect(),
        })
    }

    /// The five numbers: a name, a value, and what it is based on.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, String, String); 5] {
        let percent = |share: Option<f64>| page::percent(share, 1);
        let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), page::duration);
        let [low, high] = self.per_week_interval;
        let interval = self.fail_rate_interval.map_or_else(String::new, |[low, high]| {
            format!("95 % interval {} to {}; ", percent(Some(low)), percent(Some(high)))
        });
        [
            (
                "Deployment frequency",
                format!("{:.1} a week", self.per_week),
                format!("{} deployments; 95 % interval {low:.1} to {high:.1}", self.deployments),
            ),
            (
                "Lead time for changes",
                seconds(self.lead_seconds),
                format!("geometric mean of {}", self.lead_count),
            ),
            (
                "Change fail rate",
                percent(self.fail_rate),
                format!(
                    "{interval}{} failed, {} passed, {} without a verdict",
                    self.failed, self.passed, self.unknown
                ),
            ),
            (
                "Failed deployment recovery time",
                seconds(self.recovery_seconds),
                format!("geometric mean of {}, until the next deployment that did not fail", self.recovered),
            ),
            (
                "Deployment rework rate",
                percent(self.rework_rate),
                "deployments that came after a failed one".to_owned(),
            ),
        ]
    }

    /// The numbers as Markdown, under a heading with the name of the service.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = format!("## {}\n\n| | | |\n|---|---|---|\n", self.service);
        for (name, value, basis) in self.numbers() {
            let _infallible = writeln!(text, "| {name} | {value} | {basis} |");
        }
        for failure in &self.failures {
            let because = failure.because.join("; ").replace('|', "\\|");
            let _infallible = writeln!(
                text,
                "\n- {} failed at {}: {because}",
                failure.version.replace('|', "\\|"),
                failure.at
            );
        }
        text
    }

    /// The numbers as HTML, under a heading with the name of the service.
    #[must_use]
    pub fn to_html(&self) -> String {
        use page::escape;
        let mut text = format!("<h2>{}</h2>\n<table>\n", escape(&self.service));
        for (name, value, basis) in self.numbers() {
            let _infallible = writeln!(
                text,
                "<tr><th>{name}</th><td>{}</td><td>{}</td></tr>",
                escape(&value),
                escape(&basis)
            );
        }
        text.push_str("</table>\n");
        if !self.failures.is_empty() {
            text.push_str("<ul>\n");
            for failure in &self.failures {
                let told =
                    format!("{} failed at {}: {}", failure.version, failure.at, failure.because.join("; "));
                let _infallible = writeln!(text, "<li>{}</li>", escape(&told));
            }
            text.push_str("</ul>\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Gate, GateCounts, GateRun, OldVersion};

    fn judged(minute: i64, bad: u64, committed: Option<i64>) -> JudgedDeployment {
        let at = |minute: i64| Timestamp::from_seconds(minute * 60);
        let mut deployment = Deployment::new("shop", &format!("v{minute}"), at(minute)).unwrap();
        if let Some(committed) = committed {
            deployment = deployment.committed_at(at(committed)).unwrap();
        }
        let tally = Tally::new(if bad == 1 { 2 } else { 1_000 }, if bad == 1 { 0 } else { bad }).unwrap();
        let counts =
            GateCounts::given("shop/a".to_owned(), "99%".parse().unwrap(), tally, OldVersion::Unknown);
        JudgedDeployment {
            deployment,
            gate: Some(GateRun::default().look(&Gate::default(), &[counts]).unwrap()),
        }
    }

    #[test]
    fn counts_by_evidence() {
        // Passed, failed, failed again, passed, unknown.
        let all = [
            judged(0, 0, None),
            judged(60, 300, Some(0)),
            judged(70, 300, None),
            judged(100, 0, None),
            judged(200, 1, Some(140)),
        ];
        let to = Timestamp::from_seconds(14 * 86_400);
        let found = Delivery::of("shop", &all, Timestamp::EPOCH, to).unwrap();
        assert_eq!((found.failed, found.passed, found.unknown), (2, 2, 1));
        assert!((found.fail_rate.unwrap() - 0.5).abs() < 1e-12 && (found.per_week - 2.5).abs() < 1e-12);
        // From the first of two failures to the next that did not fail: 40 minutes. One hour twice.
        assert!((found.recovery_seconds.unwrap() - 2_400.0).abs() < 1e-6 && found.recovered == 1);
        assert!((found.lead_seconds.unwrap() - 3_600.0).abs() < 1e-6 && found.lead_count == 2);
        assert!((found.rework_rate.unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(found.failures.len(), 2);
        assert!(found.to_markdown().contains("| Change fail rate | 50.0% | 95 % interval 15.0% to 85.0%; 2 failed, 2 passed, 1 without a verdict |"));
        assert!(found.to_html().contains("<th>Lead time for changes</th><td>1h</td>"));
        let none = Delivery::of("shop", &[], Timestamp::EPOCH, to).unwrap();
        assert_eq!(
            (none.fail_rate, none.lead_seconds, none.rework_rate, none.per_week.to_string().as_str()),
            (None, None, None, "0")
        );
        assert!(Delivery::of("shop", &[], to, to).is_err());
    }
}
