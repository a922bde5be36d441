//! Pictures that are text: SVG, in the colours of the page that they stand on.

use crate::replay::thin;
use std::fmt::Write;

/// Points of a curve in a picture.
const POINTS: usize = 600;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
const MARGIN: f64 = 56.0;
/// Labels that are nearer to each other cannot be read.
const APART: f64 = 14.0;

/// The budget left over a time, as an SVG element: shares of the budget, with the line of a budget that is spent evenly, of
/// which `ideal` would be left at the end.
///
/// ```
/// let picture = slo_core::artifact::burn_down_picture(&[1.0, 0.9, 0.2, -0.1], 0.0);
/// assert!(picture.starts_with("<svg ") && picture.contains("<polyline "));
/// ```
#[must_use]
pub fn burn_down_picture(remaining: &[f64], ideal: f64) -> String {
    let shown = thin(remaining, POINTS);
    let lowest =
        shown.iter().filter_map(|index| remaining.get(*index)).fold(0.0_f64, |low, value| low.min(*value));
    let last = remaining.len().max(2) - 1;
    let x = |index: usize| MARGIN + (WIDTH - MARGIN - 8.0) * index as f64 / last as f64;
    let y = |share: f64| 8.0 + (HEIGHT - 32.0) * (1.0 - share) / (1.0 - lowest);
    let mut points = String::new();
    for index in &shown {
        let share = remaining.get(*index).copied().unwrap_or(0.0);
        let _ = write!(points, "{:.1},{:.1} ", x(*index), y(share)); // writing to a String cannot fail
    }
    let label = |share: f64| {
        let (x, y) = (MARGIN - 6.0, y(share) + 4.0);
        format!("<text x=\"{x:.0}\" y=\"{y:.1}\" text-anchor=\"end\">{:.0}%</text>", share * 100.0)
    };
    let mut grid = format!(
        "<line x1=\"{MARGIN}\" x2=\"{:.0}\" y1=\"{zero:.1}\" y2=\"{zero:.1}\" stroke=\"#999\"/>{}",
        WIDTH - 8.0,
        label(0.0),
        zero = y(0.0),
    );
    if y(0.0) - y(1.0) > APART {
        grid.push_str(&label(1.0));
    }
    if y(lowest) - y(0.0) > APART {
        grid.push_str(&label(lowest));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>Error budget left</title>{grid}\
         <line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\
         <polyline fill=\"none\" stroke=\"#3b82c4\" stroke-width=\"1.6\" points=\"{points}\"/>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">time; dashed: spent evenly</text></svg>",
        x(0),
        y(1.0),
        x(last),
        y(ideal),
        WIDTH - 8.0,
        HEIGHT - 4.0,
    )
}
