//! The picture of a backtest: the burn rate over time, and a row for each tier that shows when it fired.

use super::{
    super::chart::{Chart, Color, Dates, Layer, Scale, Unit},
    SloBacktest,
};
use crate::model::{BurnTier, Severity};

/// An SVG element, in the colours of the page that shows it.
pub(super) fn picture(slo: &SloBacktest, zone: &str) -> String {
    let shaded = slo.incidents.iter().map(|one| (one.start, one.end)).collect();
    let mut layers =
        vec![Layer::line("burn rate", Color::Blue, slo.peaks().iter().copied().map(Some).collect())];
    for tier in tiers(slo) {
        let mut color = Color::Orange;
        let mut spans = Vec::new();
        for alert in slo.alerts.iter().filter(|alert| alert.tier.burn() == tier) {
            if alert.tier.severity() == Severity::Page {
                color = Color::Red;
            }
            spans.push((alert.start, alert.end.unwrap_or(slo.end)));
        }
        layers.push(Layer::Spans { name: tier.to_string(), color, spans });
    }
    let chart = Chart {
        title: "Burn rate, and when alerts fired",
        dates: Dates { start: slo.start, end: slo.end, zone, shaded },
        unit: Unit::Factor,
        scale: Scale::Log,
        layers,
    };
    chart.to_svg()
}

/// The tiers that fired, fastest first.
fn tiers(slo: &SloBacktest) -> Vec<BurnTier> {
    let mut tiers: Vec<BurnTier> = slo.alerts.iter().map(|alert| alert.tier.burn()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers
}
