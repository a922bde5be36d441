//! Sparklines: curves without axes.

use std::fmt::Write;

const WIDTH: f64 = 90.0;
const HEIGHT: f64 = 20.0;

/// A budget left over time, as a small SVG element for a row of a table.
///
/// The top is the whole budget, and the line across is an empty one. The element is hidden from screen readers,
/// because the row says the last value.
///
/// ```
/// let svg = slo_core::artifact::sparkline(&[Some(1.0), None, Some(0.4), Some(-0.2)]);
/// assert!(svg.starts_with("<svg ") && svg.len() < 250);
/// ```
#[must_use]
pub fn sparkline(left: &[Option<f64>]) -> String {
    let lowest = left.iter().flatten().fold(0.0_f64, |low, value| low.min(*value)).max(-1.0);
    let last = left.len().max(2) - 1;
    let y = |share: f64| (1.0 + (HEIGHT - 2.0) * (1.0 - share.clamp(lowest, 1.0)) / (1.0 - lowest)).round();
    let mut path = String::new();
    let mut is_drawn = false;
    let mut place = (0.0, 0.0);
    for (index, share) in left.iter().enumerate() {
        let Some(share) = share else {
            is_drawn = false;
            continue;
        };
        let (x, y) = ((WIDTH * index as f64 / last as f64).round(), y(*share));
        // Relative steps are shorter. Writing to a String cannot fail.
        let _ = if is_drawn {
            write!(path, "l{} {}", x - place.0, y - place.1)
        } else {
            write!(path, "M{x} {y}")
        };
        (is_drawn, place) = (true, (x, y));
    }
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\"><path d=\"M0 {}h{WIDTH}\"/><path d=\"{path}\"/></svg>",
        y(0.0)
    )
}
