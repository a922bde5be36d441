//! The picture of a backtest: the burn rate over time, and a row for each tier that shows when it fired.

use super::{super::picture::Dates, SloBacktest};
use crate::model::{BurnTier, Timestamp};
use std::fmt::Write;

const WIDTH: f64 = 640.0;
const MARGIN: f64 = 56.0;
const TOP: f64 = 8.0;
const CURVE: f64 = 120.0;
const ROW: f64 = 16.0;

/// An SVG element, in the colours of the page that shows it.
pub(super) fn picture(slo: &SloBacktest, zone: &str) -> String {
    let shaded = slo.incidents.iter().map(|one| (one.start, one.end)).collect();
    let dates = Dates { start: slo.start, end: slo.end, zone, shaded };
    let tiers = tiers(slo);
    let height = TOP + CURVE + ROW * tiers.len() as f64 + 30.0;
    let x = |time: Timestamp| MARGIN + (WIDTH - MARGIN - 8.0) * dates.place(time);
    // The scale is logarithmic, because thresholds are far apart and an outage is far above them.
    let highest = slo.peaks().iter().copied().fold(10.0_f64, f64::max).log10().ceil();
    let y = |rate: f64| TOP + CURVE * (1.0 - (rate.max(0.1).log10() + 1.0) / (highest + 1.0));
    let bottom = TOP + CURVE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>Burn rate, and when alerts fired</title>"
    );
    out.push_str(&dates.shades(x, TOP, CURVE));
    for rate in [1.0, 10.0, 100.0, 1_000.0].into_iter().filter(|rate: &f64| rate.log10() <= highest) {
        let _ = write!(
            out,
            "<line x1=\"{MARGIN}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#999\" stroke-opacity=\"0.4\"/><text x=\"{:.0}\" \
             y=\"{:.1}\" text-anchor=\"end\">{rate}×</text>",
            WIDTH - 8.0,
            MARGIN - 6.0,
            y(rate) + 4.0,
            y = y(rate),
        );
    }
    let mut points = String::new();
    let parts = slo.peaks().len().max(1) as f64;
    for (index, rate) in slo.peaks().iter().enumerate() {
        let place = MARGIN + (WIDTH - MARGIN - 8.0) * (index + 1) as f64 / parts;
        let _ = write!(points, "{place:.1},{:.1} ", y(*rate));
    }
    let _ =
        write!(out, "<polyline fill=\"none\" stroke=\"#3b82c4\" stroke-width=\"1.4\" points=\"{points}\"/>");
    for (row, tier) in tiers.iter().enumerate() {
        let top = bottom + 4.0 + ROW * row as f64;
        let _ = write!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{tier}</text>",
            MARGIN - 6.0,
            top + 10.0
        );
        for alert in slo.alerts.iter().filter(|alert| alert.tier.burn() == *tier) {
            let end = alert.end.unwrap_or(slo.end);
            let _ = write!(
                out,
                "<rect class=\"alert\" x=\"{:.1}\" width=\"{:.1}\" y=\"{:.1}\" height=\"10\" fill=\"{}\"/>",
                x(alert.start),
                (x(end) - x(alert.start)).max(2.0),
                top + 2.0,
                if alert.tier.severity() == crate::model::Severity::Page { "#d5502f" } else { "#c98a00" },
            );
        }
    }
    let line = "stroke=\"#999\" stroke-opacity=\"0.3\"";
    out.push_str(&dates.axis(x, [TOP, height - 20.0, height - 6.0], line));
    out.push_str("</svg>");
    out
}

/// The tiers that fired, fastest first.
fn tiers(slo: &SloBacktest) -> Vec<BurnTier> {
    let mut tiers: Vec<BurnTier> = slo.alerts.iter().map(|alert| alert.tier.burn()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    tiers
}
