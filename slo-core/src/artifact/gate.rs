//! Gates of releases as queries, for Argo Rollouts and Flagger.

use super::{
    operator::{ObjectMeta, kubernetes_name, write_meta},
    prometheus::HEADER,
};
use crate::{
    Error,
    model::{EventCounters, MatchOp, Matcher, Ratio, Selector, Service, Slo},
    stats::ReleaseRules,
    yaml::Yaml,
};
use std::{fmt, str::FromStr};

/// A program that judges releases by a query.
///
/// The query is the evidence that a new version is harmful, as [`ReleaseTest::alone`](crate::stats::ReleaseTest::alone) has
/// it, in units of what it takes: 1 or more fails, −1 or less passes, both with a probability of error of at most 1 %.
/// Everything between is inconclusive. The numbers in it are exact.
///
/// ```
/// use slo_core::artifact::{GateTarget, ObjectMeta};
///
/// let text = "{version: slo/v1, service: shop, slos: [{name: availability, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let (objects, _) = "argo-analysis".parse::<GateTarget>()?.objects(&service, &ObjectMeta::default())?;
/// assert!(objects.contains("kind: AnalysisTemplate\n") && objects.contains("  name: slo-shop-availability\n"));
/// assert!(objects.contains("ln(vector(0.006 / 0.001))"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GateTarget {
    /// Argo Rollouts: an `AnalysisTemplate` of `argoproj.io/v1alpha1` for each SLO.
    ArgoAnalysis,
    /// Flagger: a `MetricTemplate` of `flagger.app/v1beta1` for each SLO.
    FlaggerMetric,
}

/// Errors of both kinds, at most.
const ERROR: &str = "100";

impl GateTarget {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ArgoAnalysis, Self::FlaggerMetric];

    /// Its name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ArgoAnalysis => "argo-analysis",
            Self::FlaggerMetric => "flagger-metric",
        }
    }

    /// Its output, in a line without a full stop.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::ArgoAnalysis => {
                "No rules: an `AnalysisTemplate` for Argo Rollouts, which judges a release by the SLO"
            }
            Self::FlaggerMetric => {
                "No rules: a `MetricTemplate` for Flagger, which judges a release by the SLO"
            }
        }
    }

    /// The objects of a service's SLOs, as YAML documents, and the names of the SLOs that have none: their SLIs do not count
    /// events in two counters.
    ///
    /// # Errors
    /// A service without any object.
    pub fn objects(self, service: &Service, meta: &ObjectMeta) -> Result<(String, Vec<String>), Error> {
        let (with, without): (Vec<&Slo>, Vec<&Slo>) =
            service.slos().iter().partition(|slo| slo.sli().counters().is_some());
        let name = |slo: &Slo| format!("{}/{}", service.name(), slo.name());
        if with.is_empty() {
            return Err(Error::new(format!("no SLO of {} counts events in two counters", service.name()))
                .with_hint(COUNTERS));
        }
        let objects = with.iter().map(|slo| self.object(service, slo, meta));
        let text = objects.collect::<Result<Vec<_>, Error>>()?.join("---\n");
        Ok((text, without.into_iter().map(name).collect()))
    }

    /// The names of the objects of a service. Of two that are the same, the last would replace the first.
    #[must_use]
    pub fn names(service: &Service) -> Vec<String> {
        let with = service.slos().iter().filter(|slo| slo.sli().counters().is_some());
        with.map(|slo| object_name(service, slo)).collect()
    }

    fn object(self, service: &Service, slo: &Slo, meta: &ObjectMeta) -> Result<String, Error> {
        let counters = slo.sli().counters().ok_or_else(|| {
            Error::new(format!("{}/{} counts no events in two counters", service.name(), slo.name()))
                .with_hint(COUNTERS)
        })?;
        let mut out = Yaml::begun_with(HEADER);
        let object = object_name(service, slo);
        match self {
            Self::ArgoAnalysis => {
                out.comment("Give the analysis of a Rollout the argument `canary-hash`, by `podTemplateHashValue: Latest`.");
                let of_canary = [("rollouts_pod_template_hash", MatchOp::Equal, "{{args.canary-hash}}")];
                let query = evidence(slo, &counters.of(&matchers(of_canary)?), "{{args.window}}")?;
                out.bare("apiVersion", "argoproj.io/v1alpha1");
                out.bare("kind", "AnalysisTemplate");
                write_meta(&mut out, &object, meta);
                out.nested("spec", |out| argo(out, slo, &query));
            }
            Self::FlaggerMetric => {
                out.comment("Refer to it from the analysis of a Canary, with `thresholdRange: {max: 1}` and, as `interval`, the time");
                out.comment("that the whole analysis takes. Without traffic it passes: hold the promotion back with a webhook.");
                let pods = "{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)";
                let of_canary =
                    [("namespace", MatchOp::Equal, "{{ namespace }}"), ("pod", MatchOp::Regex, pods)];
                let query = evidence(slo, &counters.of(&matchers(of_canary)?), "{{ interval }}")?;
                out.bare("apiVersion", "flagger.app/v1beta1");
                out.bare("kind", "MetricTemplate");
                write_meta(&mut out, &object, meta);
                out.nested("spec", |out| {
                    out.nested("provider", |out| {
                        out.entry("type", "prometheus");
                        out.entry("address", PROMETHEUS);
                    });
                    out.entry("query", &format!("{query} or vector(0)"));
                });
            }
        }
        Ok(out.into_text())
    }
}

/// What SLIs have two counters.
const COUNTERS: &str = "two counters are in `events: {total: …, bad: …}` of selectors, and in `latency: …` of a classic histogram";

fn object_name(service: &Service, slo: &Slo) -> String {
    kubernetes_name(&format!("{}-{}", service.name(), slo.name()))
}

/// The address of Prometheus, to be replaced by its reader.
const PROMETHEUS: &str = "http://prometheus:9090";

fn argo(out: &mut Yaml, slo: &Slo, query: &str) {
    out.nested("args", |out| {
        out.item(|out| out.entry("name", "canary-hash"));
        for (name, value) in [("window", "30m"), ("prometheus", PROMETHEUS)] {
            out.item(|out| {
                out.entry("name", name);
                out.entry("value", value);
            });
        }
    });
    out.nested("metrics", |out| {
        out.item(|out| {
            out.entry("name", slo.name().as_str());
            // Half an hour: then a version that nothing is known of is inconclusive.
            out.entry("interval", "30s");
            out.bare("count", 60);
            out.entry("successCondition", "len(result) > 0 && result[0] <= -1");
            out.entry("failureCondition", "len(result) > 0 && result[0] >= 1");
            out.bare("failureLimit", 0);
            out.bare("inconclusiveLimit", 59);
            out.bare("consecutiveSuccessLimit", 1);
            out.nested("provider", |out| {
                out.nested("prometheus", |out| {
                    out.entry("address", "{{args.prometheus}}");
                    out.entry("query", query);
                });
            });
        });
    });
}

fn matchers<const N: usize>(all: [(&str, MatchOp, &str); N]) -> Result<Vec<Matcher>, Error> {
    let matcher = |(label, op, value): (&str, MatchOp, &str)| {
        Ok(Matcher { label: label.parse()?, op, value: value.to_owned() })
    };
    all.into_iter().map(matcher).collect()
}

/// ln of the likelihood of harmful over allowed, for the events of a window, in units of ln 100.
fn evidence(slo: &Slo, counters: &EventCounters, window: &str) -> Result<String, Error> {
    let wide = || Error::new(format!("the burn rates of {} do not fit", slo.name()));
    let allowed = slo.objective().budget();
    let harmful = ReleaseRules::harmful_burn_rate(Some(slo), Ratio::ONE)
        .and_then(|rate| ReleaseRules::harmful_error_ratio(rate, Ratio::ONE, allowed))
        .ok_or_else(wide)?;
    let left = |ratio: Ratio| Ratio::ONE.checked_sub(ratio).ok_or_else(wide);
    let log = |above: Ratio, below: Ratio| format!("scalar(ln(vector({above} / {below})))");
    let sum = |selector: &Selector| format!("sum(increase({selector}[{window}]))");
    let some = |selector: &Selector| format!("({} or vector(0))", sum(selector));
    let (bad, good) = match counters {
        EventCounters::TotalBad { total, bad } => {
            (some(bad), format!("clamp_min({} - {}, 0)", sum(total), some(bad)))
        }
        EventCounters::TotalGood { total, good } => {
            (format!("clamp_min({} - {}, 0)", sum(total), some(good)), some(good))
        }
        EventCounters::GoodBad { good, bad } => (some(bad), some(good)),
    };
    Ok(format!(
        "({bad} * {} + {good} * {}) / scalar(ln(vector({ERROR})))",
        log(harmful, allowed),
        log(left(harmful)?, left(allowed)?)
    ))
}

impl fmt::Display for GateTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GateTarget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| {
            Error::new(format!("`{text}` judges no releases"))
                .with_hint("write argo-analysis or flagger-metric")
        })
    }
}

#[cfg(all(test, feature = "spec"))]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn queries_are_promql_once_they_are_filled_in() {
        for sli in [
            "events: {total: t_x, bad: 'b_x{code=~\"5..\"}'}",
            "events: {total: t_x, good: g_x}",
            "events: {good: g_x, bad: b_x}",
            "latency: {histogram: h_x, threshold: 300ms}",
        ] {
            for objective in ["99.9%", "80%", "99.9995%"] {
                let text = format!(
                    "{{version: slo/v1, service: a, slos: [{{name: b, objective: {objective}, window: 30d, alerting: {{fires_at: 50%}}, sli: {{{sli}}}}}]}}"
                );
                let service = spec::parse(&text).unwrap_or_else(|faults| panic!("{faults}")).remove(0);
                let slo = &service.slos()[0];
                let query = evidence(slo, &slo.sli().counters().unwrap(), "30m").unwrap();
                promql_parser::parser::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
                for target in GateTarget::ALL {
                    assert!(target.objects(&service, &ObjectMeta::default()).is_ok());
                    assert_eq!(target.as_str().parse(), Ok(target));
                }
            }
        }
    }

    #[test]
    fn refuses_what_counts_no_events() {
        let text =
            "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d, sli: {probe: up}}]}";
        let service = spec::parse(text).unwrap().remove(0);
        let error = GateTarget::ArgoAnalysis.objects(&service, &ObjectMeta::default()).unwrap_err();
        assert!(error.hint().is_some());
    }
}
