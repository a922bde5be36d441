//! The charts of an SLO.

use crate::store::KeptRun;
use slo_core::{
    artifact::{Chart, Color, Dates, HeatMap, Layer, Scale, Unit},
    model::{Severity, Sli, Slo, Timestamp},
    stats::events_to_stay_silent,
};
use slo_ops::{
    Deployment,
    watch::{Detail, Row, Span},
};
use std::collections::BTreeMap;

/// A chart with its title and an explanation.
pub(super) struct Figure {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) note: String,
    pub(super) svg: String,
}

/// What is drawn.
pub(super) struct Drawn<'a> {
    pub(super) row: &'a Row,
    pub(super) span: &'a Span,
    pub(super) detail: &'a Detail,
    pub(super) zone: &'a str,
    /// When incidents were open.
    pub(super) incidents: Vec<(Timestamp, Timestamp)>,
    pub(super) runs: &'a [KeptRun],
    pub(super) deployments: &'a [Deployment],
}

impl Drawn<'_> {
    /// The charts, in the order of the page.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![self.burn_down(), self.burn_rates(), self.events(), self.traffic()];
        figures.extend(self.latencies());
        figures
    }

    fn slo(&self) -> &Slo {
        self.row.slo()
    }

    fn dates(&self, shaded: Vec<(Timestamp, Timestamp)>) -> Dates<'_> {
        let grid = self.detail.grid;
        Dates { start: grid.start, end: grid.end(), zone: self.zone, shaded }
    }

    fn burn_down(&self) -> Figure {
        let even = Layer::Slope {
            name: "spent evenly".to_owned(),
            from: (self.span.period_start, 1.0),
            to: (self.span.period_end, 0.0),
        };
        let mut layers = vec![even, Layer::line("left", Color::Blue, self.detail.left.clone())];
        layers.extend(self.deployed());
        if !self.runs.is_empty() {
            let spans = self.runs.iter().map(|run| (run.began, run.until)).collect();
            layers.push(Layer::Spans { name: "experiment".to_owned(), color: Color::Purple, spans });
        }
        let marked = if self.incidents.is_empty() { "" } else { " Incidents are shaded." };
        Figure {
            id: "burn-down",
            title: "Error budget left",
            note: format!("of the period of {}.{marked}", self.slo().period()),
            svg: self.draw("Error budget left", Unit::Share, Scale::Linear, layers, self.incidents.clone()),
        }
    }

    /// When versions went live.
    fn deployed(&self) -> Option<Layer> {
        let marks: Vec<(Timestamp, String)> =
            self.deployments.iter().map(|one| (one.at, slo_core::plain(&one.version).into_owned())).collect();
        (!marks.is_empty()).then(|| Layer::Marks { name: "deployed".to_owned(), color: Color::Teal, marks })
    }

    fn burn_rates(&self) -> Figure {
        let shown = self.row.long_windows();
        let mut layers: Vec<Layer> = self
            .detail
            .burn_rates
            .iter()
            .filter(|(window, _)| shown.contains(window))
            .zip(Color::CURVES.into_iter().cycle())
            .map(|((window, values), color)| Layer::line(window.to_string(), color, values.clone()))
            .collect();
        let slo = self.slo();
        for tier in slo.policy().tiers() {
            let Ok(factor) = tier.factor() else { continue };
            let name = format!("{} {factor}×", tier.burn());
            layers.push(Layer::Level {
                name,
                color: color_of(tier.severity() == Severity::Page),
                value: factor.to_f64(),
            });
        }
        let mut fired: BTreeMap<(&str, bool), Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
        for alert in &self.detail.fired {
            let tier = slo.policy().tiers().iter().find(|tier| tier.burn().as_str() == alert.alert);
            let pages = tier
                .map_or(alert.severity == Severity::Page.as_str(), |tier| tier.severity() == Severity::Page);
            fired.entry((&alert.alert, pages)).or_default().push((alert.start, alert.end));
        }
        for ((name, pages), spans) in fired {
            let name: String = name.chars().take(8).collect();
            layers.push(Layer::Spans { name, color: color_of(pages), spans });
        }
        layers.extend(self.deployed());
        Figure {
            id: "burn-rates",
            title: "Burn rate",
            note: "At 1×, the budget lasts exactly one period. Dashed: thresholds. Below: when alerts fired."
                .to_owned(),
            svg: self.draw("Burn rate", Unit::Factor, Scale::Log, layers, Vec::new()),
        }
    }

    fn events(&self) -> Figure {
        let detail = self.detail;
        let good = detail.total.iter().zip(&detail.bad).map(|(total, bad)| {
            let total = (*total)?;
            Some((total - bad.unwrap_or(0.0)).max(0.0))
        });
        let layers = vec![
            Layer::bars("good", Color::Green, good.collect()),
            Layer::bars("bad", Color::Red, detail.bad.clone()),
        ];
        Figure {
            id: "events",
            title: "Good and bad events",
            note: format!("in steps of {}.", detail.grid.step),
            svg: self.draw("Good and bad events", Unit::Count, Scale::Linear, layers, Vec::new()),
        }
    }

    fn traffic(&self) -> Figure {
        let detail = self.detail;
        let seconds = detail.grid.step.as_seconds().to_f64();
        // One value for each span of time: a line through their ends.
        let rate = |total: &Option<f64>| total.map(|total| total / seconds);
        let mut values = vec![detail.total.first().and_then(rate)];
        values.extend(detail.total.iter().map(rate));
        let mut layers = vec![Layer::line("events", Color::Teal, values)];
        let fastest = self.slo().policy().tiers().first();
        let quiet =
            fastest.filter(|tier| tier.fewest_bad() == 0 && self.slo().slices().is_none()).and_then(|tier| {
                let events = events_to_stay_silent(tier.threshold(self.slo().objective()).ok()?, 1).ok()?;
                Some((events, tier.long()))
            });
        let note = if let Some((events, long)) = quiet {
            let value = events as f64 / long.as_seconds().to_f64();
            layers.push(Layer::Level {
                name: "one failure fires below".to_owned(),
                color: Color::Orange,
                value,
            });
            format!("Below {events} events in {long}, a single bad one fires the fastest alert.")
        } else {
            "The fastest alert waits for a significant number of bad events.".to_owned()
        };
        Figure {
            id: "traffic",
            title: "Traffic",
            note,
            svg: self.draw("Traffic", Unit::PerSecond, Scale::Linear, layers, Vec::new()),
        }
    }

    fn latencies(&self) -> Option<Figure> {
        let buckets = self.detail.buckets.as_ref()?;
        let Sli::Latency(latency) = self.slo().sli() else { return None };
        let grid = buckets.grid;
        let map = HeatMap {
            title: "Latency",
            dates: Dates { start: grid.start, end: grid.end(), zone: self.zone, shaded: Vec::new() },
            bounds: buckets.bounds.clone(),
            threshold: latency.threshold().as_seconds().to_f64(),
            counts: buckets.counts.clone(),
        };
        Some(Figure {
            id: "latency",
            title: "Latency",
            note: format!(
                "Each row is a bucket, named by its upper bound. Slower than {} is red.",
                latency.threshold()
            ),
            svg: map.to_svg(),
        })
    }

    fn draw(
        &self,
        title: &str,
        unit: Unit,
        scale: Scale,
        layers: Vec<Layer>,
        shaded: Vec<(Timestamp, Timestamp)>,
    ) -> String {
        Chart { title, dates: self.dates(shaded), unit, scale, layers }.to_svg()
    }
}

const fn color_of(pages: bool) -> Color {
    if pages { Color::Red } else { Color::Orange }
}
