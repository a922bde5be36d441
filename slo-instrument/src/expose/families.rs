//! The metrics other than histograms: events in flight, ignored events, and the state of the SLOs.

use crate::{
    Kind, SloStatus,
    count::{METHODS, Reading, Series, Sums},
    family::{Family, Sample, Type},
    source::Source,
};
use slo_core::model::metric;

/// The values gathered from all series, each of which is read once.
pub(super) struct Gathered {
    sums: Vec<Sums>,
    ignored: Vec<Sample>,
}

impl Gathered {
    pub(super) fn new(source: &Source) -> Self {
        Self { sums: vec![Sums::default(); source.store.slos().len()], ignored: Vec::new() }
    }

    #[cfg(any(feature = "native-histograms", feature = "otlp", feature = "prometheus"))]
    fn of_all(source: &Source) -> Self {
        let (mut gathered, mut reading) = (Self::new(source), Reading::default());
        source.store.for_each(|_, series| {
            series.read(&mut reading);
            gathered.add(source, series, &reading);
        });
        gathered
    }

    /// Adds a series that was read.
    pub(super) fn add(&mut self, source: &Source, series: &Series, reading: &Reading) {
        source.store.add(series, reading, &mut self.sums);
        if let Some(reason) = series.ignored {
            let mut labels = series.labels.clone();
            labels.push(("reason", reason.to_owned()));
            self.ignored.push(Sample { labels, value: reading.count() as f64 });
        }
    }
}

impl Source {
    /// The metrics other than histograms, each with at least one sample.
    #[cfg(any(feature = "native-histograms", feature = "otlp", feature = "prometheus"))]
    pub(crate) fn families(&self) -> Vec<Family> {
        self.families_of(Gathered::of_all(self))
    }

    /// The same, from gathered values.
    pub(super) fn families_of(&self, gathered: Gathered) -> Vec<Family> {
        let mut families = self.active();
        families.push(Family {
            name: metric::IGNORED_EVENTS,
            help: "Events that SLOs ignore.",
            kind: Type::Counter,
            samples: gathered.ignored,
        });
        families.extend(self.events(&gathered.sums));
        families.extend(self.statuses());
        families.push(Family {
            name: "slo_injected_faults_total",
            help: "Faults that were injected into requests.",
            kind: Type::Counter,
            samples: self.faults.samples(),
        });
        if let Some(spans) = &self.spans {
            families.push(Family {
                name: "slo_spans_lost_total",
                help: "Spans that did not reach a collector.",
                kind: Type::Counter,
                samples: vec![Sample { labels: vec![], value: spans.lost() as f64 }],
            });
        }
        #[cfg(feature = "otlp")]
        if let Some(failures) = &self.failures {
            families.push(Family {
                name: "slo_otlp_failed_exports_total",
                help: "Exports to the collector that failed.",
                kind: Type::Counter,
                samples: failures.samples(),
            });
            families.push(Family {
                name: "slo_otlp_refused_data_points_total",
                help: "Data points that the collector rejected.",
                kind: Type::Counter,
                samples: failures.refused_samples(),
            });
        }
        families.retain(|family| !family.samples.is_empty());
        families
    }

    fn active(&self) -> Vec<Family> {
        let instruments = self.store.instruments();
        let of_kind = |kind: Kind| {
            let samples =
                instruments.iter().filter(|instrument| instrument.kind() == kind).flat_map(|instrument| {
                    let peer = instrument.peer().to_owned();
                    let active = METHODS.iter().zip(instrument.active());
                    active.filter_map(move |(method, active)| {
                        let mut labels = vec![(metric::HTTP_REQUEST_METHOD, (*method).to_owned())];
                        if !peer.is_empty() {
                            labels.push((metric::SERVICE_PEER_NAME, peer.clone()));
                        }
                        Some(Sample { labels, value: active? as f64 })
                    })
                });
            let name = kind.active_metric()?;
            Some(Family { name, help: kind.active_help(), kind: Type::Level, samples: samples.collect() })
        };
        Kind::ALL.into_iter().filter_map(of_kind).collect()
    }

    /// From the counters as they are, not as of the last tick.
    fn events(&self, sums: &[Sums]) -> [Family; 2] {
        let (mut total, mut bad) = (Vec::new(), Vec::new());
        for (counter, sums) in self.store.slos().iter().zip(sums) {
            // Streams that contradict each other show in the status.
            if let Ok(tally) = counter.tally(*sums) {
                let sample =
                    |value: u64| Sample { labels: self.identity(counter.name()), value: value as f64 };
                total.push(sample(tally.total()));
                bad.push(sample(tally.bad()));
            }
        }
        let family = |name, help, samples| Family { name, help, kind: Type::Counter, samples };
        [
            family("slo_events_total", "Events that the SLO counts, in this process.", total),
            family("slo_bad_events_total", "Bad events that the SLO counts, in this process.", bad),
        ]
    }

    fn statuses(&self) -> [Family; 5] {
        let statuses = self.ticker.latest().load();
        let per_slo = |value: fn(&SloStatus) -> Option<f64>| {
            let sample = |status: &SloStatus| {
                Some(Sample { labels: self.identity(&status.slo), value: value(status)? })
            };
            statuses.iter().filter_map(sample).collect()
        };
        let burn_rates = statuses.iter().flat_map(|status| {
            status.windows.iter().filter_map(|window| {
                let mut labels = self.identity(&status.slo);
                labels.push(("window", window.window.to_string()));
                Some(Sample { labels, value: window.burn_rate? })
            })
        });
        let alerts = statuses.iter().flat_map(|status| {
            status.tiers.iter().map(|tier| {
                let mut labels = vec![("burn_tier", tier.burn_tier.to_string())];
                labels.extend(self.identity(&status.slo));
                labels.insert(2, ("severity", tier.severity.to_string()));
                Sample { labels, value: f64::from(u8::from(tier.firing)) }
            })
        });
        let family = |name, help, samples| Family { name, help, kind: Type::Gauge, samples };
        [
            family(
                "slo_objective_ratio",
                "The objective.",
                self.service
                    .slos()
                    .iter()
                    .map(|slo| Sample {
                        labels: self.identity(slo.name().as_str()),
                        value: slo.objective().ratio().to_f64(),
                    })
                    .collect(),
            ),
            family(
                "slo_error_budget_remaining_ratio",
                "Share of the error budget left, for the events that this process has seen.",
                per_slo(|status| status.budget_remaining),
            ),
            family(
                "slo_error_budget_projected_remaining_ratio",
                "Share of the error budget left, if the unseen part of the period has no bad events.",
                per_slo(|status| status.projected_budget_remaining),
            ),
            family(
                "slo_burn_rate_ratio",
                "How fast the error budget is spent in this process; at 1 it lasts for the period.",
                burn_rates.collect(),
            ),
            family(
                "slo_burn_alert_firing",
                "Whether the alert tier fires on the events that this process has seen.",
                alerts.collect(),
            ),
        ]
    }

    /// The labels of an SLO, as the rules have them.
    fn identity(&self, slo: &str) -> Vec<(&'static str, String)> {
        vec![("service", self.service.name().to_string()), ("slo", slo.to_owned())]
    }
}
