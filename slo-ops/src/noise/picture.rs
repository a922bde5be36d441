//! The picture of a history of alerts: when each alert fired, and whether it was for nothing.

use super::{AlertHistory, Noise};
use slo_core::{
    artifact::{Chart, Color, Dates, Layer, Scale, Unit},
    model::{Timestamp, Window},
};

/// The most alerts that the picture shows.
const MOST: usize = 12;

/// An SVG element: firings a day, and a row for each of the noisiest alerts, in the colours of the page that shows it.
#[must_use]
pub fn picture(history: &AlertHistory, noise: &Noise, zone: &str) -> String {
    let (from, to) = (history.from(), history.to());
    let length = to.millis_since(from).max(1);
    // A day, or as long as needed to have 120 bars at most.
    let day = Window::days(1).as_millis();
    let bar = day.max(length.div_ceil(120));
    let count = usize::try_from(length.div_ceil(bar)).unwrap_or(1);
    let mut pages = vec![0.0; count];
    let mut others = vec![0.0; count];
    for firing in history.firings() {
        let bars = if firing.key().is_page() { &mut pages } else { &mut others };
        let at = usize::try_from(firing.began.max(from).millis_since(from) / bar).unwrap_or(usize::MAX);
        if let Some(place) = bars.get_mut(at) {
            *place += 1.0;
        }
    }
    let bars = |values: Vec<f64>| values.into_iter().map(Some).collect();
    let mut layers = vec![
        Layer::bars("pages", Color::Red, bars(pages)),
        Layer::bars("other alerts", Color::Orange, bars(others)),
    ];
    for alert in noise.alerts.iter().take(MOST) {
        let spans: Vec<(Timestamp, Timestamp)> = history
            .firings()
            .iter()
            .filter(|firing| firing.key() == alert.key)
            .map(|firing| (firing.began.max(from), firing.ended))
            .collect();
        let is_noise = alert.priced > 0 && alert.for_nothing * 2 > alert.priced;
        let color = if is_noise { Color::Orange } else { Color::Blue };
        layers.push(Layer::Spans { name: alert.key.to_string(), color, spans });
    }
    let end = from.after_steps(Window::from_millis(bar).unwrap_or(Window::days(1)), count);
    let chart = Chart {
        title: "Alerts that fired, a day",
        dates: Dates { start: from, end, zone, shaded: Vec::new() },
        unit: Unit::Count,
        scale: Scale::Linear,
        layers,
    };
    chart.to_svg()
}
